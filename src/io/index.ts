/**
 * `pullback/io`: files of numbers, both ways. Errors of files and networks are values: see `IoError`.
 *
 * @module pullback/io
 */
export type { AccessError, IoError, MalformedError, MissingError, UnsupportedError } from './errors.ts'
export type { ByteSource, Readable } from './source.ts'
export { blobSource, bytesSource, openSource, readAll } from './source.ts'
export { pathSource } from './node.ts'
export { urlSource } from './url.ts'
export type { UrlOptions } from './url.ts'
export type { ReadOptions, TensorFile, TensorInfo } from './tensors.ts'
export { openSafetensors } from './safetensors/read.ts'
export { encodeSafetensors, writeSafetensors } from './safetensors/write.ts'
export type { NamedTensors, RawTensor, SafetensorsOptions } from './safetensors/write.ts'
export type { SafetensorsDType } from './safetensors/dtypes.ts'
export { encodeNpy, readNpy, writeNpy } from './npy/npy.ts'
export { encodeNpz, openNpz, writeNpz } from './npy/npz.ts'
export type { BlockKind } from './gguf/blocks.ts'
export type { GgufInfo, GgufValue } from './gguf/header.ts'
export type { GgufFile } from './gguf/read.ts'
export { openGguf } from './gguf/read.ts'
export type { OnnxOptions } from './onnx/read.ts'
export { openOnnx } from './onnx/read.ts'
export { openPytorch } from './pytorch/read.ts'
export type { ReadTensorsOptions } from './open.ts'
export { openTensors, readTensors } from './open.ts'

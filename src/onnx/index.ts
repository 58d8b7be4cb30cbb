/** `pullback/onnx`: functions for onnxruntime and its like. */
export { exportOnnx } from './export.ts'
export type { OnnxArray, OnnxModel, OnnxOptions } from './export.ts'
export { modelBytes } from './module.ts'
export type { ModelOptions } from './module.ts'

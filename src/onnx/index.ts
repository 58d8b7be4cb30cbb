/**
 * `pullback/onnx`: functions as models for onnxruntime and other engines.
 *
 * @module pullback/onnx
 */
export { exportOnnx } from './export.ts'
export type { OnnxArray, OnnxModel, OnnxOptions } from './export.ts'
export { modelBytes } from './module.ts'
export type { ModelOptions } from './module.ts'

/**
 * Derivatives checked, laws stated, arbitraries for fast-check. Needs the package `fast-check`.
 *
 * @module pullback/testing
 */
export type { ArrayOptions, DTypeKind, ShapeOptions } from './arbitraries.ts'
export { arrayTrees, arrays, broadcastableShapes, dtypes, pytrees, shapes } from './arbitraries.ts'
export type { DeviceOptions, MemoryUse, WasmDevice } from '../backends/wasm/device.ts'
export { wasmDevice } from '../runtime/devices.ts'
export type { Execute, ExecuteAsync } from './conformance.ts'
export { conforms, conformsAsync, onDevice, onDeviceAsync } from './conformance.ts'
export type { CheckGradsOptions, Mode } from './checkGrads.ts'
export { GradientError, checkGrads } from './checkGrads.ts'
export type { EqualityOptions, LawOptions, MonoidLike } from './laws.ts'
export {
  gradIsAdditive,
  isMonoid,
  jitIsTransparent,
  jvpIsLinear,
  mapIsFunctor,
  vjpIsAdjoint,
  vmapIsStackedLoop,
} from './laws.ts'
export type { Tolerance } from './numeric.ts'
export { LawError, assertAllClose, assertClose } from './numeric.ts'
export * as primitiveLaws from './primitiveLaws.ts'
export type { ProgramOptions, RandomProgram } from './programs.ts'
export { programs } from './programs.ts'
export { operations } from './recipes/index.ts'
export type { Sample, SampleOptions } from './samples.ts'
export { samples } from './samples.ts'

// What declarations name beyond the library of the oldest target that is a compiler's default.
/// <reference lib="es2017.sharedmemory" preserve="true" />
/// <reference lib="es2020.bigint" preserve="true" />
/**
 * Composable transformations of pure functions on immutable arrays.
 *
 * @module pullback
 */
export { grad, valueAndGrad } from './api/grad.ts'
export { jvp, linearize, linearTranspose, stopGradient, vjp } from './api/derivatives.ts'
export { customGradient, customJvp, customVjp } from './api/custom.ts'
export type { CustomJvp, CustomOptions, CustomVjp, JvpRule, VjpBackward, VjpForward } from './api/custom.ts'
export {
  checkpoint,
  checkpointName,
  checkpointPolicies,
  checkpoint as remat,
  printSavedResiduals,
  SavedResidual,
  savedResiduals,
} from './api/checkpoint.ts'
export type { CheckpointOptions, CheckpointPolicy } from './api/checkpoint.ts'
export { closureConvert } from './api/roots.ts'
export { hessian, hvp, jacfwd, jacobian, jacrev } from './api/jacobian.ts'
export type { Jacobian } from './api/jacobian.ts'
export { namedScope } from './api/scope.ts'
export type { HostCall } from './api/callbacks.ts'
export { pureCallback } from './api/callbacks.ts'
export { vmap } from './api/vmap.ts'
export type { Axes, VmapOptions } from './api/vmap.ts'
export { explain } from './api/explain.ts'
export type { ExplainedStep, Explanation } from './api/explain.ts'
export { explainRetrace, jit } from './api/jit.ts'
export type { Jitted, JitOptions } from './api/jit.ts'
export { evalProgram, evalShape, makeProgram, ShapeDtypeStruct } from './api/program.ts'
export type { Arrays, Carry, Fn, GradOptions, NextCarry, Scalar, TreeOfArrays } from './api/types.ts'
export type { Capabilities, Device } from './trace/device.ts'
export type { DeviceChoice } from './runtime/devices.ts'
export { devices, setWorkerUrl, withDevice } from './runtime/devices.ts'
export { blockUntilReady, deviceGet, devicePut } from './api/placement.ts'
export type { CacheFailure, CompilationCache } from './runtime/compilationCache.ts'
export { setCompilationCacheDir } from './runtime/compilationCache.ts'

export * as np from './numpy/index.ts'
export * as lax from './lax/index.ts'
export * as nn from './nn/index.ts'
export * as optim from './optim/index.ts'
export * as random from './random/index.ts'
export * as tree from './api/tree.ts'
export * as debug from './api/debug.ts'

export { NDArray } from './trace/value.ts'
export { LinearOperator } from './api/linearOperator.ts'
export type { BlockKind } from './api/quantized.ts'
export { QuantizedArray } from './api/quantized.ts'
export type { ArrayLike, GetOptions, Index, IndexedPlace, NestedArray, UpdateOptions } from './trace/surface.ts'
export type { DataOf, Element, ElementOf, Nested, NestedTo, ReadOptions } from './trace/value.ts'
export type { DType, TypedArray } from './core/dtype.ts'
export type { Shape } from './core/shape.ts'
export type { MapLeaves } from './core/leafTypes.ts'
export type { Path } from './core/path.ts'
export type { TreeDef } from './core/treedef.ts'
export {
  ArgumentError,
  CustomRuleError,
  DonatedError,
  DTypeError,
  FrozenError,
  IndexError,
  KernelError,
  KeyReuseError,
  LoopBoundError,
  NonFiniteError,
  OutOfMemoryError,
  ProgramError,
  PullbackError,
  ShapeError,
  SynchronousReadError,
  TracerError,
  TreeError,
  WorkerError,
} from './core/errors.ts'

export type { Atom, Constant, Equation } from './ir/program.ts'
export { equation, Literal, Program, Variable } from './ir/program.ts'
export { equalPrograms, printProgram } from './ir/print.ts'
export type { ParseFailure } from './ir/parse.ts'
export { parseProgram } from './ir/parse.ts'
export type { GraphBox, GraphEdge, GraphNode, GraphOptions, LocalDerivative, ProgramGraph } from './api/graph/types.ts'
export { programGraph, toDot, toMermaid } from './api/graph/graph.ts'
export { checkProgram } from './passes/check.ts'
export { optimize } from './passes/pipeline.ts'

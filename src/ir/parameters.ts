/**
 * The parameters of all operations. The type of programs among them is a parameter `P`, since programs consist of equations,
 * which have parameters. `op.ts` has these types for the class `Program`.
 */
import type { Aval } from '../core/aval.ts'
import type { BlockKind, ExpandedKind } from '../core/blocks.ts'
import type { DType, TypedArray } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'

/** Parameters of operations that have none. */
export type NoParams = Readonly<Record<never, never>>

export interface AxesParams {
  readonly axes: readonly number[]
}

export interface AxisParams {
  readonly axis: number
}

export interface CumulativeParams {
  readonly axis: number
  readonly reverse: boolean
}

/** Contracting and batch axes, left and right. The output has batch axes, then left free axes, then right ones. */
export interface DotGeneralParams {
  readonly contract: readonly [readonly number[], readonly number[]]
  readonly batch: readonly [readonly number[], readonly number[]]
}

/** Elements added (or cropped, where negative) before the first and after the last element of an axis. */
export type Padding = readonly [low: number, high: number]

/**
 * XLA's convolution (https://openxla.org/xla/operation_semantics#conv_convolution), kernels are not flipped. Specs list axes:
 * for `lhs` batch, feature, spatial ones; for `rhs` output feature, input feature, spatial ones; for the output as for `lhs`.
 */
export interface ConvParams {
  readonly windowStrides: readonly number[]
  readonly padding: readonly Padding[]
  /** The distance of the elements of `lhs`, with zeros between. */
  readonly lhsDilation: readonly number[]
  readonly rhsDilation: readonly number[]
  readonly lhsSpec: readonly number[]
  readonly rhsSpec: readonly number[]
  readonly outSpec: readonly number[]
  /** The number of independent groups of the features of `lhs` and the output features. */
  readonly featureGroupCount: number
  /** The number of groups of the batch of `lhs` and the output features. One of the two counts is 1. */
  readonly batchGroupCount: number
}

/** A window that slides over all axes. */
export interface WindowParams {
  readonly windowDimensions: readonly number[]
  readonly windowStrides: readonly number[]
  readonly padding: readonly Padding[]
  /** The distance of the elements of the operand, with nothing between. */
  readonly baseDilation: readonly number[]
  readonly windowDilation: readonly number[]
}

export interface SelectParams extends WindowParams {
  /** The element of a window: the first largest or smallest. */
  readonly select: 'max' | 'min'
}

/**
 * The treatment of an index out of range: clip it; return a fill value (gather) or drop the update (scatter); or trust the
 * caller that there is none.
 */
export type IndexMode = 'clip' | 'fill' | 'promiseInBounds'

/**
 * XLA's gather (https://openxla.org/xla/operation_semantics#gather). Start indices have their coordinates in the last
 * axis; `offsetDims` are the output axes that run over a slice, in order.
 */
export interface GatherParams {
  readonly offsetDims: readonly number[]
  readonly collapsedSliceDims: readonly number[]
  readonly operandBatchingDims: readonly number[]
  readonly startIndicesBatchingDims: readonly number[]
  readonly startIndexMap: readonly number[]
  readonly sliceSizes: Shape
  readonly mode: IndexMode
}

/** XLA's scatter (https://openxla.org/xla/operation_semantics#scatter): the reverse of gather. */
export interface ScatterParams {
  readonly updateWindowDims: readonly number[]
  readonly insertedWindowDims: readonly number[]
  readonly operandBatchingDims: readonly number[]
  readonly scatterIndicesBatchingDims: readonly number[]
  readonly scatterDimsToOperandDims: readonly number[]
  readonly mode: IndexMode
  /** No element is written twice; then one formula is the derivative of `scatterMul`. */
  readonly uniqueIndices: boolean
}

/** Operands: `captured` values of enclosing transformations, without tangents, then the arguments. */
export interface CustomJvpParams<P> {
  readonly program: P
  /** From operands, then tangents of the float arguments, to the outputs, then tangents of the float outputs. */
  readonly rule: P
  readonly captured: number
  readonly name: string
}

/** Operands as in `CustomJvpParams`. */
export interface CustomVjpParams<P> {
  readonly program: P
  /** From operands to the outputs, then residuals. */
  readonly forward: P
  /** From residuals, then cotangents of the float outputs, to cotangents of the float arguments. */
  readonly backward: P
  readonly captured: number
  readonly name: string
}

export interface CondParams<P> {
  readonly branches: readonly P[]
}

/** `triangularSolve(a, b)`: the x with op(a) x = b, or x op(a) = b; only one triangle of a is read. */
export interface TriangularSolveParams {
  readonly leftSide: boolean
  readonly lower: boolean
  readonly transposeA: boolean
  /** Whether the diagonal of a is taken as ones. */
  readonly unitDiagonal: boolean
}

/** Operands: constants of `cond`, constants of `body`, then the carry. */
export interface WhileParams<P> {
  /** To one bool. */
  readonly cond: P
  /** To the next carry. */
  readonly body: P
  readonly condConsts: number
  readonly bodyConsts: number
  /** The most steps; Infinity for no bound. */
  readonly maxSteps: number
}

/** Operands: constants, the initial carry, then arrays to read along their first axis. */
export interface ScanParams<P> {
  /** From constants, carry and elements to the next carry, then the elements of stacked outputs. */
  readonly body: P
  readonly length: number
  /** Whether it runs from the last element to the first. */
  readonly reverse: boolean
  readonly consts: number
  readonly carry: number
}

/** Operands: constants, which all programs take first, then the right-hand side. */
export interface LinearSolveParams<P> {
  /** From x to A x. */
  readonly matvec: P
  /** From x to Aᵀ x. */
  readonly vecmat: P
  /** From b to the x with A x = b. */
  readonly solve: P
  /** From b to the x with Aᵀ x = b; null where none was given. */
  readonly transposeSolve: P | null
  readonly consts: number
}

/** Operands: constants, which all programs take first, then the initial guess. */
export interface RootParams<P> {
  /** From x to the residual f(x), of the same types. */
  readonly residual: P
  /** From the guess to the x with f(x) = 0. */
  readonly solve: P
  /** From x and b to the v with ∂f/∂x v = b. */
  readonly tangentSolve: P
  readonly consts: number
}

/** A user-defined function that runs on the host, as part of a program. */
export interface HostCallback {
  readonly name: string
  /** From elements to elements, of the types in the equation. */
  run(data: readonly TypedArray[], operands: readonly Aval[], results: readonly Aval[]): readonly TypedArray[]
}

/**
 * How a callback is batched: one call for each element, in order; or one call with a batch axis in front of operands and
 * results, where operands that are the same for all elements have extent 1, or are repeated.
 */
export type VmapMethod = 'sequential' | 'expandDims' | 'broadcastAll'

export interface CallbackParams {
  readonly callback: HostCallback
  readonly results: readonly Aval[]
  /** Whether it has an effect: then it may be neither removed nor repeated. */
  readonly effect: boolean
  readonly vmapMethod: VmapMethod
}

/** What a checkpointed program may keep for its derivative instead of recomputing it. */
export type PolicyName =
  | 'everythingSaveable'
  | 'nothingSaveable'
  | 'dotsSaveable'
  | 'dotsWithNoBatchDimsSaveable'
  | 'saveOnlyTheseNames'
  | 'saveAnythingExceptTheseNames'
  | 'saveAnyNamesButThese'

/** A policy, and the names of `checkpointName` that it applies to. */
export type PolicyRule = readonly [policy: PolicyName, ...names: readonly string[]]

export interface CheckpointParams<P> {
  readonly program: P
  readonly name: string
  /** A value is kept if one of them allows it. */
  readonly policies: readonly PolicyRule[]
  /** Whether to prevent the program from sharing values computed outside it. */
  readonly preventCse: boolean
}

/**
 * All operations, with the types of their parameters. A new operation starts with a line here; the compiler then reports every
 * other place to change.
 */
export interface OpParams<P> {
  // elementwise, one operand
  neg: NoParams
  abs: NoParams
  sign: NoParams
  floor: NoParams
  ceil: NoParams
  round: NoParams
  exp: NoParams
  exp2: NoParams
  log: NoParams
  log1p: NoParams
  expm1: NoParams
  sqrt: NoParams
  rsqrt: NoParams
  cbrt: NoParams
  sin: NoParams
  cos: NoParams
  tan: NoParams
  asin: NoParams
  acos: NoParams
  atan: NoParams
  sinh: NoParams
  cosh: NoParams
  tanh: NoParams
  asinh: NoParams
  acosh: NoParams
  atanh: NoParams
  logistic: NoParams
  logisticDensity: NoParams
  erf: NoParams
  erfc: NoParams
  erfInv: NoParams
  lgamma: NoParams
  digamma: NoParams
  polygamma: { readonly order: number }
  isFinite: NoParams
  not: NoParams
  integerPow: { readonly exponent: number }
  cast: { readonly dtype: DType; readonly weak: boolean }
  bitcast: { readonly dtype: DType }
  stopGradient: NoParams
  filler: NoParams
  // elementwise, two operands of one dtype and shape
  add: NoParams
  sub: NoParams
  mul: NoParams
  div: NoParams
  rem: NoParams
  pow: NoParams
  atan2: NoParams
  logaddexp: NoParams
  max: NoParams
  min: NoParams
  nextafter: NoParams
  and: NoParams
  or: NoParams
  xor: NoParams
  shiftLeft: NoParams
  shiftRightLogical: NoParams
  shiftRightArithmetic: NoParams
  eq: NoParams
  ne: NoParams
  lt: NoParams
  le: NoParams
  gt: NoParams
  ge: NoParams
  // elementwise, three operands
  /** `select(which, onTrue, onFalse)`. */
  select: NoParams
  /** `clamp(low, x, high)`. */
  clamp: NoParams
  // creation and movement
  iota: { readonly dtype: DType; readonly shape: Shape; readonly axis: number }
  /** Operand axis `i` becomes output axis `dims[i]`; its extent is 1 or the output's. */
  broadcast: { readonly shape: Shape; readonly dims: readonly number[] }
  reshape: { readonly shape: Shape }
  transpose: { readonly permutation: readonly number[] }
  rev: AxesParams
  /** `pad(x, value)`; negative `low` and `high` crop. */
  pad: { readonly low: readonly number[]; readonly high: readonly number[]; readonly interior: readonly number[] }
  slice: { readonly start: readonly number[]; readonly limit: readonly number[]; readonly strides: readonly number[] }
  concatenate: AxisParams
  /** `dynamicSlice(x, ...starts)`, starts are clamped so that the slice is inside. */
  dynamicSlice: { readonly sizes: Shape }
  /** `dynamicUpdateSlice(x, update, ...starts)`, starts are clamped likewise. */
  dynamicUpdateSlice: NoParams
  // reduction
  reduceSum: AxesParams
  reduceProd: AxesParams
  reduceMax: AxesParams
  reduceMin: AxesParams
  reduceAnd: AxesParams
  reduceOr: AxesParams
  argmax: AxisParams
  argmin: AxisParams
  cumsum: CumulativeParams
  cumprod: CumulativeParams
  cummax: CumulativeParams
  cummin: CumulativeParams
  // contraction
  dotGeneral: DotGeneralParams
  conv: ConvParams
  // weights in blocks of a few bits, uint8, along the last axis
  dequantize: { readonly kind: BlockKind }
  /**
   * `quantizedDot(x, blocks)`: x Wᵀ, or x W; leading axes of W are also those of x. Linear in x; it has no derivative with
   * respect to blocks. W may also be 16-bit floats: the lowering uses that for products with their float32 values.
   */
  quantizedDot: { readonly kind: ExpandedKind; readonly transposed: boolean }
  // windows
  reduceWindowSum: WindowParams
  /** A window without elements gives -Infinity, or the least integer. */
  reduceWindowMax: WindowParams
  reduceWindowMin: WindowParams
  /** `selectAndGatherAdd(values, x)`: the element of `values` where the window of `x` has its extremum; else 0. */
  selectAndGatherAdd: SelectParams
  /** `selectAndScatterAdd(values, x)`: the transpose: adds a value for each window at the position of its extremum. */
  selectAndScatterAdd: SelectParams
  // indexing
  gather: GatherParams
  scatter: ScatterParams
  scatterAdd: ScatterParams
  scatterMul: ScatterParams
  scatterMin: ScatterParams
  scatterMax: ScatterParams
  // sorting: the first `numKeys` operands order them all
  sort: { readonly axis: number; readonly numKeys: number; readonly stable: boolean }
  // random bits: `threefry2x32(key0, key1, count0, count1)`
  threefry2x32: NoParams
  // linear algebra, on matrices in the last two axes
  /** L with L Lᵀ = A; reads the lower triangle of A; NaN where L does not exist. */
  cholesky: NoParams
  triangularSolve: TriangularSolveParams
  /** L and U in one matrix, row exchanges (int32), and the permutation of rows (int32). */
  lu: NoParams
  /** Q and R; Q is square with `fullMatrices`. */
  qr: { readonly fullMatrices: boolean }
  /**
   * For symmetric matrices: eigenvalues, ascending, then eigenvectors in columns. Where eigenvalues are equal, values that
   * depend on the choice of eigenvectors have the derivative NaN. `basisFree` promises that nothing depends on it; then nearly
   * equal ones count as equal.
   */
  eigh: { readonly basisFree: boolean }
  /** U, singular values (descending) and Vᵀ; U and V are square with `fullMatrices`. */
  svd: { readonly fullMatrices: boolean }
  /** `pinv(A, rtol)`: the pseudo-inverse from the singular values above `rtol` times the largest. */
  pinv: NoParams
  // control
  /** `cond(index, ...operands)`: the branch with that index, clamped into range. */
  cond: CondParams<P>
  while: WhileParams<P>
  scan: ScanParams<P>
  // calls
  call: { readonly program: P; readonly name: string }
  /** The x with A x = b: `solve` of b, differentiated by further solves. */
  linearSolve: LinearSolveParams<P>
  /** The x with f(x) = 0: `solve` of the guess, differentiated by the implicit function theorem. */
  root: RootParams<P>
  callback: CallbackParams
  /** `program`, whose derivative recomputes what `policies` do not keep. */
  checkpoint: CheckpointParams<P>
  /** The operand, with a name for policies of `checkpoint`. */
  checkpointName: { readonly name: string }
  /** `program`, whose derivative is `rule`. */
  customJvp: CustomJvpParams<P>
  /** `program`, whose pullback is `backward`, from the residuals of `forward`. */
  customVjp: CustomVjpParams<P>
  /** `customLinear(...residuals, ...tangents)`: the linear map whose transpose is `backward`. */
  customLinear: { readonly backward: P; readonly residuals: number; readonly name: string }
}

export type OpName = keyof OpParams<unknown>

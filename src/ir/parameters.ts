/**
 * The parameters of all operations. Programs among them are of a type `P`: they are made of equations, which have parameters, so that
 * what comes first must leave open what they are. `op.ts` has these types for the class `Program`.
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
 * XLA's convolution (https://openxla.org/xla/operation_semantics#conv_convolution), no kernel turned round. Specs list
 * axes: of `lhs` batch, feature, spatial ones; of `rhs` output feature, input feature, spatial ones; of the output as of `lhs`.
 */
export interface ConvParams {
  readonly windowStrides: readonly number[]
  readonly padding: readonly Padding[]
  /** Elements of `lhs` stand so far apart, with zeros between. */
  readonly lhsDilation: readonly number[]
  readonly rhsDilation: readonly number[]
  readonly lhsSpec: readonly number[]
  readonly rhsSpec: readonly number[]
  readonly outSpec: readonly number[]
  /** Features of `lhs` and output features fall into so many groups that have nothing to do with each other. */
  readonly featureGroupCount: number
  /** So do the batch of `lhs` and output features. One of the two counts is 1. */
  readonly batchGroupCount: number
}

/** A window that slides over all axes. */
export interface WindowParams {
  readonly windowDimensions: readonly number[]
  readonly windowStrides: readonly number[]
  readonly padding: readonly Padding[]
  /** Elements of the operand stand so far apart, with nothing between. */
  readonly baseDilation: readonly number[]
  readonly windowDilation: readonly number[]
}

export interface SelectParams extends WindowParams {
  /** Which element of a window is meant: the first largest or smallest. */
  readonly select: 'max' | 'min'
}

/**
 * What to do with an index out of range: move it inside, give a fill value (gather) or drop the update (scatter), or
 * trust the caller that there is none.
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

/** XLA's scatter (https://openxla.org/xla/operation_semantics#scatter): gather with the arrows turned round. */
export interface ScatterParams {
  readonly updateWindowDims: readonly number[]
  readonly insertedWindowDims: readonly number[]
  readonly operandBatchingDims: readonly number[]
  readonly scatterIndicesBatchingDims: readonly number[]
  readonly scatterDimsToOperandDims: readonly number[]
  readonly mode: IndexMode
  /** No element is written twice: what makes `scatterMul` differentiable by one formula. */
  readonly uniqueIndices: boolean
}

/** Operands: `captured` values of enclosing transformations, which do not move, then the arguments. */
export interface CustomJvpParams<P> {
  readonly program: P
  /** Operands, then tangents of the float arguments; to the outputs, then tangents of the float outputs. */
  readonly rule: P
  readonly captured: number
  readonly name: string
}

/** Operands as in `CustomJvpParams`. */
export interface CustomVjpParams<P> {
  readonly program: P
  /** Operands; to the outputs, then residuals. */
  readonly forward: P
  /** Residuals, then cotangents of the float outputs; to cotangents of the float arguments. */
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
  /** The diagonal of a counts as ones. */
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
  /** The loop ends after so many steps in any case; Infinity for no bound. */
  readonly maxSteps: number
}

/** Operands: constants, the initial carry, then arrays to be read along their first axis. */
export interface ScanParams<P> {
  /** Of constants, carry and elements; to the next carry, then the elements of stacked outputs. */
  readonly body: P
  readonly length: number
  /** From the last element to the first. */
  readonly reverse: boolean
  readonly consts: number
  readonly carry: number
}

/** Operands: constants, which all programs take first, then the right-hand side. */
export interface LinearSolveParams<P> {
  /** Of x, to A x. */
  readonly matvec: P
  /** Of x, to Aᵀ x. */
  readonly vecmat: P
  /** Of b, to x with A x = b. */
  readonly solve: P
  /** Of b, to x with Aᵀ x = b; null where none was given. */
  readonly transposeSolve: P | null
  readonly consts: number
}

/** Operands: constants, which all programs take first, then the initial guess. */
export interface RootParams<P> {
  /** Of x, to the residual f(x), of the same types. */
  readonly residual: P
  /** Of the guess, to the x with f(x) = 0. */
  readonly solve: P
  /** Of x and b, to the v with ∂f/∂x v = b. */
  readonly tangentSolve: P
  readonly consts: number
}

/** A function of the user's that runs on the host, as part of a program. */
export interface HostCallback {
  readonly name: string
  /** From elements to elements, of the types that the equation says. */
  run(data: readonly TypedArray[], operands: readonly Aval[], results: readonly Aval[]): readonly TypedArray[]
}

/**
 * What a batch makes of a callback: one call for each element, in order; or one call, of operands and results with a batch
 * axis in front, which operands that are the same for all elements have with extent 1 or repeated.
 */
export type VmapMethod = 'sequential' | 'expandDims' | 'broadcastAll'

export interface CallbackParams {
  readonly callback: HostCallback
  readonly results: readonly Aval[]
  /** Runs for what it does: it may be neither removed nor repeated. */
  readonly effect: boolean
  readonly vmapMethod: VmapMethod
}

/** What a checkpointed program may keep for its derivative instead of computing it again. */
export type PolicyName =
  | 'everythingSaveable'
  | 'nothingSaveable'
  | 'dotsSaveable'
  | 'dotsWithNoBatchDimsSaveable'
  | 'saveOnlyTheseNames'
  | 'saveAnythingExceptTheseNames'
  | 'saveAnyNamesButThese'

/** A policy, and the names given by `checkpointName` that it is about. */
export type PolicyRule = readonly [policy: PolicyName, ...names: readonly string[]]

export interface CheckpointParams<P> {
  readonly program: P
  readonly name: string
  /** What one of them lets be kept is kept. */
  readonly policies: readonly PolicyRule[]
  /** Nothing in the program may be taken from what has been computed outside of it. */
  readonly preventCse: boolean
}

/**
 * The language's table of contents: every operation and the type of its parameters.
 * A new operation starts with a line here; the compiler then names every other place.
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
  /** `dynamicSlice(x, ...starts)`, starts clamped so that the slice lies inside. */
  dynamicSlice: { readonly sizes: Shape }
  /** `dynamicUpdateSlice(x, update, ...starts)`, starts clamped likewise. */
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
   * `quantizedDot(x, blocks)`: x Wᵀ, or x W; leading axes of W are x's too. Linear in x; there is no derivative by blocks. W may also be
   * floats of 16 bits as they are: the lowering writes products with their float32 values so.
   */
  quantizedDot: { readonly kind: ExpandedKind; readonly transposed: boolean }
  // windows
  reduceWindowSum: WindowParams
  /** Where a window meets no element: -Infinity, or the least integer. */
  reduceWindowMax: WindowParams
  reduceWindowMin: WindowParams
  /** `selectAndGatherAdd(values, x)`: of `values`, what stands where the window of `x` has its extremum; else 0. */
  selectAndGatherAdd: SelectParams
  /** `selectAndScatterAdd(values, x)`: the transpose: a value for each window goes to the place of its extremum. */
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
  /** L with L Lᵀ = A, of which the lower triangle is read; NaN where there is none. */
  cholesky: NoParams
  triangularSolve: TriangularSolveParams
  /** To L and U in one matrix, row exchanges (int32), and the permutation of rows (int32). */
  lu: NoParams
  /** To Q and R; Q square with `fullMatrices`. */
  qr: { readonly fullMatrices: boolean }
  /**
   * Of symmetric matrices: eigenvalues, ascending, then eigenvectors in columns. Where eigenvalues are equal, what depends on the
   * choice of their vectors has no derivative: NaN. With `basisFree` nothing does, by promise, and nearly equal ones count as equal.
   */
  eigh: { readonly basisFree: boolean }
  /** To U, singular values (descending), Vᵀ; U and V square with `fullMatrices`. */
  svd: { readonly fullMatrices: boolean }
  /** `pinv(A, rtol)`: the inverse of what singular values above `rtol` times the largest make up. */
  pinv: NoParams
  // control
  /** `cond(index, ...operands)`: the branch with that number, clamped into range. */
  cond: CondParams<P>
  while: WhileParams<P>
  scan: ScanParams<P>
  // calls
  call: { readonly program: P; readonly name: string }
  /** The x with A x = b: `solve` of b, with derivatives by solving again. */
  linearSolve: LinearSolveParams<P>
  /** The x with f(x) = 0: `solve` of the guess, with derivatives by the implicit function theorem. */
  root: RootParams<P>
  callback: CallbackParams
  /** `program`, whose derivative computes again what `policy` does not let it keep. */
  checkpoint: CheckpointParams<P>
  /** The operand, under a name for policies of `checkpoint`. */
  checkpointName: { readonly name: string }
  /** `program`, whose derivative is `rule`. */
  customJvp: CustomJvpParams<P>
  /** `program`, whose derivative is pulled back by `backward`, from what `forward` leaves behind. */
  customVjp: CustomVjpParams<P>
  /** `customLinear(...residuals, ...tangents)`: the linear map whose transpose is `backward`. */
  customLinear: { readonly backward: P; readonly residuals: number; readonly name: string }
}

export type OpName = keyof OpParams<unknown>

/**
 * The signature of each operation: the number of operands, and the kinds of its parameters, in the order of their text. The
 * parser, the printer and the checker use this table. An operation of `OpParams` without a line here, or a parameter without a
 * kind of its type, does not compile.
 */
import type { BlockKind, ExpandedKind } from '../core/blocks.ts'
import * as kind from './kinds.ts'
import type { Kind } from './kinds.ts'
import type { OpName, OpParams } from './parameters.ts'
import type { AnyProgram } from './parts.ts'

/** The least and the largest number of operands. */
export type Arity = readonly [least: number, most: number]

/** The parameters of one operation. */
type Parameters<N extends OpName> = {
  readonly [K in keyof OpParams<AnyProgram>[N]]-?: Kind<OpParams<AnyProgram>[N][K]>
}

interface Signature<N extends OpName> {
  readonly operands: Arity
  readonly params: Parameters<N>
}

const exactly = (n: number): Arity => [n, n]
const atLeast = (n: number): Arity => [n, Infinity]

const { axesOfBoth, dtype, flag, natural, naturals, paddings, program, text, whole, wholes } = kind

const none = {}
const plain = (operands: number) => ({ operands: exactly(operands), params: none })
const one = plain(1)
const two = plain(2)
const three = plain(3)
const axes = { operands: exactly(1), params: { axes: naturals } }
const axis = { operands: exactly(1), params: { axis: natural } }
const cumulative = { operands: exactly(1), params: { axis: natural, reverse: flag } }
const matrices = { operands: exactly(1), params: { fullMatrices: flag } }

const mode = kind.wordOf({ clip: true, fill: true, promiseInBounds: true })

const blockKinds = {
  q8_0: true,
  q4_0: true,
  q4_1: true,
  q5_0: true,
  q5_1: true,
  q4_k: true,
  q5_k: true,
  q6_k: true,
} as const
const blockKind = kind.wordOf<BlockKind>(blockKinds)
const expandedKind = kind.wordOf<ExpandedKind>({ ...blockKinds, float16: true, bfloat16: true })

const windowParams = {
  windowDimensions: naturals,
  windowStrides: naturals,
  padding: paddings,
  baseDilation: naturals,
  windowDilation: naturals,
}
const window = { operands: exactly(1), params: windowParams }
const selection = {
  operands: exactly(2),
  params: { ...windowParams, select: kind.wordOf({ max: true, min: true }) },
}

const scatter = {
  operands: exactly(3),
  params: {
    updateWindowDims: naturals,
    insertedWindowDims: naturals,
    operandBatchingDims: naturals,
    scatterIndicesBatchingDims: naturals,
    scatterDimsToOperandDims: naturals,
    mode,
    uniqueIndices: flag,
  },
}

export const signatures: { readonly [N in OpName]: Signature<N> } = {
  neg: one,
  abs: one,
  sign: one,
  floor: one,
  ceil: one,
  round: one,
  exp: one,
  exp2: one,
  log: one,
  log1p: one,
  expm1: one,
  sqrt: one,
  rsqrt: one,
  cbrt: one,
  sin: one,
  cos: one,
  tan: one,
  asin: one,
  acos: one,
  atan: one,
  sinh: one,
  cosh: one,
  tanh: one,
  asinh: one,
  acosh: one,
  atanh: one,
  logistic: one,
  logisticDensity: one,
  erf: one,
  erfc: one,
  erfInv: one,
  lgamma: one,
  digamma: one,
  polygamma: { operands: exactly(1), params: { order: whole } },
  isFinite: one,
  not: one,
  integerPow: { operands: exactly(1), params: { exponent: whole } },
  cast: { operands: exactly(1), params: { dtype, weak: flag } },
  bitcast: { operands: exactly(1), params: { dtype } },
  stopGradient: one,
  filler: one,
  add: two,
  sub: two,
  mul: two,
  div: two,
  rem: two,
  pow: two,
  atan2: two,
  logaddexp: two,
  max: two,
  min: two,
  nextafter: two,
  and: two,
  or: two,
  xor: two,
  shiftLeft: two,
  shiftRightLogical: two,
  shiftRightArithmetic: two,
  eq: two,
  ne: two,
  lt: two,
  le: two,
  gt: two,
  ge: two,
  select: three,
  clamp: three,
  iota: { operands: exactly(0), params: { dtype, shape: naturals, axis: natural } },
  broadcast: { operands: exactly(1), params: { shape: naturals, dims: naturals } },
  reshape: { operands: exactly(1), params: { shape: naturals } },
  transpose: { operands: exactly(1), params: { permutation: naturals } },
  rev: axes,
  pad: { operands: exactly(2), params: { low: wholes, high: wholes, interior: naturals } },
  slice: { operands: exactly(1), params: { start: naturals, limit: naturals, strides: naturals } },
  concatenate: { operands: atLeast(1), params: { axis: natural } },
  dynamicSlice: { operands: atLeast(1), params: { sizes: naturals } },
  dynamicUpdateSlice: { operands: atLeast(2), params: none },
  reduceSum: axes,
  reduceProd: axes,
  reduceMax: axes,
  reduceMin: axes,
  reduceAnd: axes,
  reduceOr: axes,
  argmax: axis,
  argmin: axis,
  cumsum: cumulative,
  cumprod: cumulative,
  cummax: cumulative,
  cummin: cumulative,
  dotGeneral: { operands: exactly(2), params: { contract: axesOfBoth, batch: axesOfBoth } },
  conv: {
    operands: exactly(2),
    params: {
      windowStrides: naturals,
      padding: paddings,
      lhsDilation: naturals,
      rhsDilation: naturals,
      lhsSpec: naturals,
      rhsSpec: naturals,
      outSpec: naturals,
      featureGroupCount: natural,
      batchGroupCount: natural,
    },
  },
  dequantize: { operands: exactly(1), params: { kind: blockKind } },
  quantizedDot: { operands: exactly(2), params: { kind: expandedKind, transposed: flag } },
  reduceWindowSum: window,
  reduceWindowMax: window,
  reduceWindowMin: window,
  selectAndGatherAdd: selection,
  selectAndScatterAdd: selection,
  gather: {
    operands: exactly(2),
    params: {
      offsetDims: naturals,
      collapsedSliceDims: naturals,
      operandBatchingDims: naturals,
      startIndicesBatchingDims: naturals,
      startIndexMap: naturals,
      sliceSizes: naturals,
      mode,
    },
  },
  scatter,
  scatterAdd: scatter,
  scatterMul: scatter,
  scatterMin: scatter,
  scatterMax: scatter,
  sort: { operands: atLeast(1), params: { axis: natural, numKeys: natural, stable: flag } },
  threefry2x32: plain(4),
  cholesky: one,
  triangularSolve: {
    operands: exactly(2),
    params: { leftSide: flag, lower: flag, transposeA: flag, unitDiagonal: flag },
  },
  lu: one,
  qr: matrices,
  eigh: { operands: exactly(1), params: { basisFree: flag } },
  svd: matrices,
  pinv: two,
  cond: { operands: atLeast(1), params: { branches: kind.programs } },
  while: {
    operands: atLeast(0),
    params: { cond: program, body: program, condConsts: natural, bodyConsts: natural, maxSteps: kind.bound },
  },
  scan: {
    operands: atLeast(0),
    params: { body: program, length: natural, reverse: flag, consts: natural, carry: natural },
  },
  call: { operands: atLeast(0), params: { program, name: text } },
  linearSolve: {
    operands: atLeast(0),
    params: {
      matvec: program,
      vecmat: program,
      solve: program,
      transposeSolve: kind.programOrNull,
      consts: natural,
    },
  },
  root: {
    operands: atLeast(0),
    params: { residual: program, solve: program, tangentSolve: program, consts: natural },
  },
  callback: {
    operands: atLeast(0),
    params: {
      callback: kind.callback,
      results: kind.avals,
      effect: flag,
      vmapMethod: kind.wordOf({ sequential: true, expandDims: true, broadcastAll: true }),
    },
  },
  checkpoint: {
    operands: atLeast(0),
    params: { program, name: text, policies: kind.policies, preventCse: flag },
  },
  checkpointName: { operands: exactly(1), params: { name: text } },
  customJvp: { operands: atLeast(0), params: { program, rule: program, captured: natural, name: text } },
  customVjp: {
    operands: atLeast(0),
    params: { program, forward: program, backward: program, captured: natural, name: text },
  },
  customLinear: { operands: atLeast(0), params: { backward: program, residuals: natural, name: text } },
}

export const isOpName = (name: string): name is OpName => Object.hasOwn(signatures, name)

/** The parameters of an operation whose name is known only at run time, in order. */
export const parametersOf = (op: OpName): readonly (readonly [name: string, kind: Kind<unknown>])[] =>
  Object.entries<Kind<unknown>>(signatures[op].params)

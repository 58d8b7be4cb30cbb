/** Every operation's record. A name of `OpParams` without a row in `records` does not compile. */
import * as binary from './binary.ts'
import { threefry2x32P } from './bits.ts'
import { callP } from './calls.ts'
import { callbackP } from './control/callback.ts'
import { checkpointNameP, checkpointP } from './control/checkpoint.ts'
import { condP } from './control/cond.ts'
import { linearSolveP } from './control/linearSolve.ts'
import { rootP } from './control/root.ts'
import { scanP } from './control/scan.ts'
import { whileP } from './control/while.ts'
import { convP } from './convolution/conv.ts'
import * as selection from './convolution/selection.ts'
import * as window from './convolution/window.ts'
import * as custom from './custom.ts'
import { dotGeneralP } from './contraction.ts'
import * as dynamic from './dynamic.ts'
import * as indexing from './indexing.ts'
import { choleskyP } from './linalg/cholesky.ts'
import { eighP } from './linalg/eigh.ts'
import { luP } from './linalg/lu.ts'
import { pinvP } from './linalg/pinv.ts'
import { qrP } from './linalg/qr.ts'
import { svdP } from './linalg/svd.ts'
import { triangularSolveP } from './linalg/triangularSolve.ts'
import * as movement from './movement.ts'
import type { OpName } from '../ir/op.ts'
import type { Equation, Program } from '../ir/program.ts'
import { subprograms } from '../ir/walk.ts'
import type { Primitive, Primitives } from './primitive.ts'
import { dequantizeP, quantizedDotP } from './quantized.ts'
import * as reduction from './reduction.ts'
import { sortP } from './sorting.ts'
import * as unary from './unary.ts'
import { withWidening } from './widening.ts'

const records: Primitives = {
  neg: unary.negP,
  abs: unary.absP,
  sign: unary.signP,
  floor: unary.floorP,
  ceil: unary.ceilP,
  round: unary.roundP,
  exp: unary.expP,
  exp2: unary.exp2P,
  log: unary.logP,
  log1p: unary.log1pP,
  expm1: unary.expm1P,
  sqrt: unary.sqrtP,
  rsqrt: unary.rsqrtP,
  cbrt: unary.cbrtP,
  sin: unary.sinP,
  cos: unary.cosP,
  tan: unary.tanP,
  asin: unary.asinP,
  acos: unary.acosP,
  atan: unary.atanP,
  sinh: unary.sinhP,
  cosh: unary.coshP,
  tanh: unary.tanhP,
  asinh: unary.asinhP,
  acosh: unary.acoshP,
  atanh: unary.atanhP,
  logistic: unary.logisticP,
  logisticDensity: unary.logisticDensityP,
  erf: unary.erfP,
  erfc: unary.erfcP,
  erfInv: unary.erfInvP,
  lgamma: unary.lgammaP,
  digamma: unary.digammaP,
  polygamma: unary.polygammaP,
  isFinite: unary.isFiniteP,
  not: unary.notP,
  integerPow: unary.integerPowP,
  cast: unary.castP,
  bitcast: unary.bitcastP,
  stopGradient: unary.stopGradientP,
  filler: unary.fillerP,
  add: binary.addP,
  sub: binary.subP,
  mul: binary.mulP,
  div: binary.divP,
  rem: binary.remP,
  pow: binary.powP,
  atan2: binary.atan2P,
  logaddexp: binary.logaddexpP,
  max: binary.maxP,
  min: binary.minP,
  nextafter: binary.nextafterP,
  and: binary.andP,
  or: binary.orP,
  xor: binary.xorP,
  shiftLeft: binary.shiftLeftP,
  shiftRightLogical: binary.shiftRightLogicalP,
  shiftRightArithmetic: binary.shiftRightArithmeticP,
  eq: binary.eqP,
  ne: binary.neP,
  lt: binary.ltP,
  le: binary.leP,
  gt: binary.gtP,
  ge: binary.geP,
  select: binary.selectP,
  clamp: binary.clampP,
  iota: movement.iotaP,
  broadcast: movement.broadcastP,
  reshape: movement.reshapeP,
  transpose: movement.transposeP,
  rev: movement.revP,
  pad: movement.padP,
  slice: movement.sliceP,
  concatenate: movement.concatenateP,
  dynamicSlice: dynamic.dynamicSliceP,
  dynamicUpdateSlice: dynamic.dynamicUpdateSliceP,
  reduceSum: reduction.reduceSumP,
  reduceProd: reduction.reduceProdP,
  reduceMax: reduction.reduceMaxP,
  reduceMin: reduction.reduceMinP,
  reduceAnd: reduction.reduceAndP,
  reduceOr: reduction.reduceOrP,
  argmax: reduction.argmaxP,
  argmin: reduction.argminP,
  cumsum: reduction.cumsumP,
  cumprod: reduction.cumprodP,
  cummax: reduction.cummaxP,
  cummin: reduction.cumminP,
  dotGeneral: dotGeneralP,
  conv: convP,
  dequantize: dequantizeP,
  quantizedDot: quantizedDotP,
  reduceWindowSum: window.reduceWindowSumP,
  reduceWindowMax: window.reduceWindowMaxP,
  reduceWindowMin: window.reduceWindowMinP,
  selectAndGatherAdd: selection.selectAndGatherAddP,
  selectAndScatterAdd: selection.selectAndScatterAddP,
  gather: indexing.gatherP,
  scatter: indexing.scatterP,
  scatterAdd: indexing.scatterAddP,
  scatterMul: indexing.scatterMulP,
  scatterMin: indexing.scatterMinP,
  scatterMax: indexing.scatterMaxP,
  sort: sortP,
  threefry2x32: threefry2x32P,
  cholesky: choleskyP,
  triangularSolve: triangularSolveP,
  lu: luP,
  qr: qrP,
  eigh: eighP,
  svd: svdP,
  pinv: pinvP,
  cond: condP,
  while: whileP,
  scan: scanP,
  call: callP,
  linearSolve: linearSolveP,
  root: rootP,
  callback: callbackP,
  checkpoint: checkpointP,
  checkpointName: checkpointNameP,
  customJvp: custom.customJvpP,
  customVjp: custom.customVjpP,
  customLinear: custom.customLinearP,
}

export const primitives = Object.fromEntries(
  Object.entries(records).map(([op, record]) => [op, withWidening(record as Primitive<OpName>)]),
) as unknown as Primitives

/** The record of an operation whose name is known only at run time. */
export const primitiveOf = (op: keyof Primitives): Primitives[keyof Primitives] => primitives[op]

const programHasEffect = (program: Program): boolean =>
  program.derive('effect', () => program.equations.some((eqn) => hasEffect(eqn)))

/** Whether an equation, or an operation with parameters, does something besides giving results, itself or in a program that it holds. */
export const hasEffect = (eqn: Pick<Equation, 'op' | 'params'>): boolean => {
  const primitive = primitives[eqn.op] as Primitive<OpName>
  return primitive.hasEffect?.(eqn.params) ?? subprograms(eqn).some(([, inner]) => programHasEffect(inner))
}

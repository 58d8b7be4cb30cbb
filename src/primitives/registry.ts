/**
 * The records of operations. Those that arrays' methods and derivatives apply are here. Families that fewer programs need are
 * installed when the module that applies them is imported, so that a bundle has only what it may need. `all.ts` has every one.
 */
import * as binary from './binary.ts'
import { callP } from './calls.ts'
import { dotGeneralP } from './contraction.ts'
import * as dynamic from './dynamic.ts'
import * as indexing from './indexing.ts'
import * as movement from './movement.ts'
import type { OpName } from '../ir/op.ts'
import type { Equation, Program } from '../ir/program.ts'
import { subprograms } from '../ir/walk.ts'
import type { Primitive, Primitives } from './primitive.ts'
import * as reduction from './reduction.ts'
import { sortP } from './sorting.ts'
import * as unary from './unary.ts'
import { withWidening } from './widening.ts'

export const basic = {
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
  gather: indexing.gatherP,
  scatter: indexing.scatterP,
  scatterAdd: indexing.scatterAddP,
  scatterMul: indexing.scatterMulP,
  scatterMin: indexing.scatterMinP,
  scatterMax: indexing.scatterMaxP,
  sort: sortP,
  call: callP,
} satisfies Partial<Primitives>

/** The records that are loaded: those of every operation that can have been applied. */
export const primitives = {} as Primitives

/** Adds the records of a family; done when the module that applies them is loaded. */
export const install = <F extends Partial<Primitives>>(family: F): F => {
  for (const [op, record] of Object.entries(family)) {
    Object.assign(primitives, { [op]: withWidening(record as Primitive<OpName>) })
  }
  return family
}

install(basic)

/** The record of an operation whose name is known only at run time. */
export const primitiveOf = (op: keyof Primitives): Primitives[keyof Primitives] => primitives[op]

/** The program that gives an equation's results from its operands, where the operation only applies that; else null. */
export const bodyProgram = ({ op, params }: Pick<Equation, 'op' | 'params'>): Program | null =>
  (primitives[op] as Primitive<OpName>).body?.(params) ?? null

const programHasEffect = (program: Program): boolean =>
  program.derive('effect', () => program.equations.some((eqn) => hasEffect(eqn)))

/** Whether an equation, or an operation with parameters, has an effect, itself or in a program that it holds. */
export const hasEffect = (eqn: Pick<Equation, 'op' | 'params'>): boolean => {
  const primitive = primitives[eqn.op] as Primitive<OpName>
  return primitive.hasEffect?.(eqn.params) ?? subprograms(eqn).some(([, inner]) => programHasEffect(inner))
}

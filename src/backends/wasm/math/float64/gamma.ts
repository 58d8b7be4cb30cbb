/** log |Γ| and its derivative, by the formulas and coefficients of primitives/logGamma.ts. */
import { aroundTwo, FAR, LOW, stirling, stirlingConstant } from '../../../../primitives/logGamma.ts'
import { f64x2 } from '../../asm/index.ts'
import type { Vector } from '../vectorMath.ts'
import { ofHalfTurns } from './circular.ts'
import { log, logOfNormal } from './logarithm.ts'
import type { Tools } from './tools.ts'
import {
  abs,
  add,
  and,
  choose,
  div,
  eq,
  INFINITY,
  le,
  lt,
  mul,
  NAN,
  nearest,
  neg,
  notAllLanes,
  ONE,
  scale,
  square,
  sub,
  ZERO,
} from './vector.ts'

const integral = aroundTwo.map((c, i) => c / (i + 1))
const slopes = stirling.map((c, i) => c * (2 * i + 1))

const half = f64x2(0.5)
const served = (x: Vector): Vector => and(le(half, x), lt(x, INFINITY))
const isLow = (x: Vector): Vector => lt(x, f64x2(LOW))
const isFar = (x: Vector): Vector => le(f64x2(FAR), x)

/** Takes 1 from x as long as it is 2.5 or more, up to FAR; tells what it has become each time. Gives the distance from 2, or 1. */
const moveDown = (x: Vector, visit: (y: Vector, moved: Vector) => void): Vector => {
  let y = x
  for (let i = 2.5; i < FAR; i++) {
    const moved = le(f64x2(2.5), y)
    y = sub(y, and(moved, ONE))
    visit(y, moved)
  }
  return sub(y, choose(isLow(x), ONE, f64x2(2)))
}

/** For x that is served. */
const lgammaOfPositive = (x: Vector, tools: Tools): Vector => {
  let product = ONE
  const r = moveDown(x, (y, moved) => (product = choose(moved, mul(product, y), product)))
  const logarithm = logOfNormal(choose(isFar(x), x, choose(isLow(x), x, product)), tools)
  const moved = choose(isLow(x), neg(logarithm), logarithm)
  const near = add(mul(r, tools.polynomial(r, integral)), moved)
  const rest = div(tools.polynomial(div(ONE, square(x)), stirling), x)
  const far = add(mul(sub(x, half), sub(logarithm, ONE)), add(f64x2(stirlingConstant), rest))
  return choose(isFar(x), far, near)
}

const repairLgamma = (fast: Vector, x: Vector, tools: Tools): Vector => {
  const a = abs(x)
  const small = sub(mul(x, tools.polynomial(x, integral)), log(abs(mul(x, add(ONE, x))), tools))
  const sine = abs(ofHalfTurns(sub(a, nearest(a)), tools).sin)
  const reflected = sub(logOfNormal(div(f64x2(Math.PI), mul(sine, a)), tools), lgammaOfPositive(a, tools))
  const negative = choose(lt(ZERO, sine), reflected, INFINITY)
  const special = choose(eq(a, INFINITY), INFINITY, x)
  return choose(lt(a, half), small, choose(served(x), fast, choose(served(a), negative, special)))
}

export const lgamma = (x: Vector, tools: Tools): Vector => {
  const repair = (fast: Vector, y: Vector): Vector => repairLgamma(fast, y, tools)
  return tools.repairIf(notAllLanes(served(x)), 'lgamma', lgammaOfPositive(x, tools), x, repair)
}

const digammaOfPositive = (x: Vector, tools: Tools): Vector => {
  let sum = ZERO
  const r = moveDown(x, (y, moved) => (sum = add(sum, and(moved, div(ONE, y)))))
  const moved = choose(isLow(x), div(f64x2(-1), x), sum)
  const near = add(tools.polynomial(r, aroundTwo), moved)
  const rest = div(tools.polynomial(div(ONE, square(x)), slopes), x)
  const far = sub(logOfNormal(x, tools), div(add(half, rest), x))
  return choose(isFar(x), far, near)
}

const repairDigamma = (fast: Vector, x: Vector, tools: Tools): Vector => {
  const a = abs(x)
  const reciprocals = add(div(ONE, add(ONE, x)), div(ONE, x))
  const small = choose(eq(x, ZERO), NAN, sub(tools.polynomial(x, aroundTwo), reciprocals))
  const { sin, cos } = ofHalfTurns(sub(a, nearest(a)), tools)
  const reflected = add(add(digammaOfPositive(a, tools), div(ONE, a)), div(scale(Math.PI, cos), sin))
  const negative = choose(eq(sin, ZERO), NAN, reflected)
  const special = choose(eq(x, INFINITY), INFINITY, NAN)
  return choose(lt(a, half), small, choose(served(x), fast, choose(served(a), negative, special)))
}

export const digamma = (x: Vector, tools: Tools): Vector => {
  const repair = (fast: Vector, y: Vector): Vector => repairDigamma(fast, y, tools)
  return tools.repairIf(notAllLanes(served(x)), 'digamma', digammaOfPositive(x, tools), x, repair)
}

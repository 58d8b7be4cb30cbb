/** The laws of every operation of the IR, stated for one sample. */
import type { DType, FloatDType } from '../core/dtype.ts'
import { isFloat } from '../core/dtype.ts'
import { range } from '../core/shape.ts'
import { jvp, vjp } from '../api/derivatives.ts'
import { jit } from '../api/jit.ts'
import { vmap } from '../api/vmap.ts'
import type { OpName } from '../ir/op.ts'
import * as np from '../numpy/index.ts'
import { primitiveOf } from '../primitives/all.ts'
import * as must from '../conversions/arguments.ts'
import { bindAll } from '../trace/interpreter.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { isNDArray } from '../trace/value.ts'
import type { CheckGradsOptions } from './checkGrads.ts'
import { checkGrads } from './checkGrads.ts'
import { Entropy } from './entropy.ts'
import { jvpIsLinear, vjpIsAdjoint } from './laws.ts'
import { LawError, assertAllClose, numbersOf } from './numeric.ts'
import { operations } from './recipes/index.ts'
import type { Sample } from './samples.ts'
import { truths } from './truths/index.ts'
import type { Value } from './truths/truth.ts'

const isSample = (x: unknown): boolean => {
  if (typeof x !== 'object' || x === null) return false
  const { op, params, operands } = x as Partial<Sample>
  const isKnown = typeof op === 'string' && (operations as readonly string[]).includes(op)
  return isKnown && typeof params === 'object' && must.listOf(must.kind('an array', isNDArray)).accepts(operands)
}
const aSample = must.kind('a sample, as samples gives it', isSample)
const one = { sample: aSample }
const applied = { sample: aSample, operands: must.listOf(must.kind('an array', isNDArray)) }
const seeded = { sample: aSample, seed: must.integer }

const checkSample = (law: string, sample: Sample): void => {
  must.checkArguments(law, one, sample)
}

/**
 * The operation as a function of arrays.
 *
 * @example
 * ```ts
 * import { primitiveLaws, samples } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(samples('add'), (s) => primitiveLaws.apply(s, s.operands).length === 1))
 * ```
 */
export const apply = <N extends OpName>(sample: Sample<N>, operands: readonly NDArray[]): readonly NDArray[] => {
  must.checkArguments('apply', applied, sample, operands)
  return bindAll(sample.op, sample.params, operands)
}

/**
 * The declared types of the results are true.
 *
 * @example
 * ```ts
 * import { primitiveLaws, samples } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(samples('sin'), (s) => primitiveLaws.typeIsTrue(s)), { numRuns: 10 })
 * ```
 */
export const typeIsTrue = (sample: Sample): void => {
  checkSample('typeIsTrue', sample)
  const expected = primitiveOf(sample.op).type(
    sample.params as never,
    sample.operands.map((x) => x.aval),
  )
  const results = apply(sample, sample.operands)
  results.forEach((y, i) => {
    const data = y.dataSync()
    if (!y.aval.matches(expected[i]!) || data.length !== expected[i]!.size) {
      throw new LawError(
        `${sample.op}: result ${i} is ${y.aval} with ${data.length} elements, its type ${expected[i]}.`,
      )
    }
  })
}

/**
 * Compiled, it computes the same up to rounding.
 *
 * @example
 * ```ts
 * import { primitiveLaws, samples } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(samples('sin'), (s) => primitiveLaws.jitAgrees(s)), { numRuns: 10 })
 * ```
 */
export const jitAgrees = (sample: Sample): void => {
  checkSample('jitAgrees', sample)
  const compiled = jit((...xs: NDArray[]) => apply(sample, xs))
  assertAllClose(`jit of ${sample.op}`, compiled(...sample.operands), apply(sample, sample.operands))
}

const arrayOf = (value: Value, float: FloatDType): NDArray => {
  if (typeof value === 'number' || Array.isArray(value)) return np.array(value as ArrayLike, { dtype: float })
  const [[dtype, elements]] = Object.entries(value) as [[DType, ArrayLike]]
  return np.array(elements, { dtype })
}

/** The tolerance around true values, in units in the last place; the sign of zero must match. */
const rounding: { readonly [D in DType]?: number } = { float64: 2 ** -44, float32: 2 ** -19 }

const isTrue = (got: number, wanted: number, relative: number): boolean =>
  Object.is(got, wanted) || (got !== 0 && Math.abs(got - wanted) <= relative * Math.max(Math.abs(wanted), 2 ** -3))

const checkTrue = (what: string, got: NDArray, wanted: NDArray): void => {
  if (got.dtype !== wanted.dtype || String(got.shape) !== String(wanted.shape)) {
    throw new LawError(`${what} is ${got.aval}, in truth ${wanted.aval}.`)
  }
  const [xs, ys] = [numbersOf(got), numbersOf(wanted)]
  const place = xs.findIndex((x, i) => !isTrue(x, ys[i]!, rounding[got.dtype] ?? 0))
  if (place >= 0) throw new LawError(`${what}: element ${place} is ${xs[place]!}, in truth ${ys[place]!}.`)
}

const known = { op: must.oneOf(operations), float: must.oneOf(['float32', 'float64'] as const) }

/**
 * It computes the recorded true values, also at special points, compiled or not. A wrong function with a matching derivative
 * would satisfy all consistency laws.
 *
 * @example
 * ```ts
 * import { primitiveLaws } from 'pullback/testing'
 * primitiveLaws.valuesAreTrue('sin', 'float64')
 * ```
 */
export const valuesAreTrue = (op: OpName, float: 'float32' | 'float64' = 'float32'): void => {
  must.checkArguments('valuesAreTrue', known, op, float)
  for (const { params, operands, results } of truths[op](float)) {
    const inputs = operands.map((x) => arrayOf(x, float))
    const wanted = results.map((y) => arrayOf(y, float))
    const f = (...xs: NDArray[]): readonly NDArray[] => bindAll(op, params, xs)
    for (const [how, got] of [
      ['', f(...inputs)],
      [', compiled,', jit(f)(...inputs)],
    ] as const) {
      got.forEach((y, i) => {
        checkTrue(`${op}(${inputs.join(', ')})${how} result ${i}`, y, wanted[i]!)
      })
    }
  }
}

const floatPlaces = (sample: Sample): number[] =>
  range(sample.operands.length).filter((i) => isFloat(sample.operands[i]!.dtype))

/**
 * The operation as a function of only its float operands and results, and its point.
 *
 * @example
 * ```ts
 * import { primitiveLaws, samples } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(
 *   fc.property(samples('mul'), (s) => {
 *     const { f, point } = primitiveLaws.asFloatFunction(s)
 *     return f(...point).length <= 1
 *   }),
 * )
 * ```
 */
export const asFloatFunction = (sample: Sample) => {
  checkSample('asFloatFunction', sample)
  const places = floatPlaces(sample)
  const point = places.map((i) => sample.operands[i]!)
  const f = (...xs: readonly NDArray[]): readonly NDArray[] => {
    const operands = [...sample.operands]
    places.forEach((place, i) => (operands[place] = xs[i]!))
    return apply(sample, operands).filter((y) => isFloat(y.dtype))
  }
  return { f, point }
}

/**
 * Its derivatives, forward and reverse, to the second order, match finite differences. The sample is float64.
 *
 * @example
 * ```ts
 * import { primitiveLaws, samples } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * const smooth = samples('sin', { float: 'float64', smooth: true })
 * fc.assert(fc.property(smooth, (s) => primitiveLaws.derivativesAgree(s)), { numRuns: 10 })
 * ```
 */
export const derivativesAgree = (sample: Sample, options: CheckGradsOptions = {}): void => {
  checkSample('derivativesAgree', sample)
  const { f, point } = asFloatFunction(sample)
  checkGrads(f as (...xs: NDArray[]) => unknown, point, options)
}

/**
 * No tangent passes through it.
 *
 * @example
 * ```ts
 * import { primitiveLaws, samples } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(samples('floor'), (s) => primitiveLaws.derivativesAreZero(s)), { numRuns: 10 })
 * ```
 */
export const derivativesAreZero = (sample: Sample): void => {
  checkSample('derivativesAreZero', sample)
  const { f, point } = asFloatFunction(sample)
  const [, tangents] = jvp(f, point, point)
  const moving = tangents.findIndex((t) => np.any(t).bool())
  if (moving >= 0) throw new LawError(`${sample.op}: result ${moving} moves, but its derivative is zero by definition.`)
}

/**
 * Its jvp is linear, and its vjp is the adjoint of the jvp.
 *
 * @example
 * ```ts
 * import { primitiveLaws, samples } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(samples('mul'), (s) => primitiveLaws.derivativesAreAdjoint(s, 0)), { numRuns: 10 })
 * ```
 */
export const derivativesAreAdjoint = (sample: Sample, seed: number): void => {
  must.checkArguments('derivativesAreAdjoint', seeded, sample, seed)
  const { f, point } = asFloatFunction(sample)
  if (point.length === 0) return
  jvpIsLinear(f as (...xs: NDArray[]) => unknown, point, { seed })
  vjpIsAdjoint(f as (...xs: NDArray[]) => unknown, point, { seed })
}

const SIZE = 3

/** Other values of the same domain: the elements, rotated; for single integers, the following ones. */
const variants = (x: NDArray): NDArray[] =>
  range(SIZE).map((i) => (i === 0 ? x : x.ndim === 0 && x.dtype === 'int32' ? np.add(x, i) : np.roll(x, i)))

const stackAt = (xs: readonly NDArray[], axis: number): NDArray => np.stack(xs, { axis })

interface Mapping {
  /** The batch axis of each operand; null where it is shared. */
  readonly inAxes: readonly (number | null)[]
}

/** Each operand alone at each of its axes, then all together at random axes. */
const mappings = (sample: Sample, seed: number): Mapping[] => {
  const ranks = sample.operands.map((x) => x.aval.rank)
  const alone = ranks.flatMap((rank, i) =>
    range(rank + 1).map((axis): Mapping => ({ inAxes: ranks.map((_, j) => (i === j ? axis : null)) })),
  )
  const entropy = new Entropy(range(40).map((i) => (seed + 1) * (i + 3) * 31))
  const together = range(2).map((): Mapping => ({ inAxes: ranks.map((rank) => entropy.below(rank + 1)) }))
  return ranks.length === 0 ? [] : [...alone, ...together]
}

const mapped = (sample: Sample, { inAxes }: Mapping, f: (...xs: NDArray[]) => readonly NDArray[]): void => {
  const rows = sample.operands.map((x, i) => (inAxes[i] === null ? range(SIZE).map(() => x) : variants(x)))
  const stacked = rows.map((xs, i) => (inAxes[i] === null ? xs[0]! : stackAt(xs, inAxes[i]!)))
  const outputs = range(SIZE).map((n) => f(...rows.map((xs) => xs[n]!)))
  const wanted = outputs[0]!.map((_, o) =>
    stackAt(
      outputs.map((ys) => ys[o]!),
      0,
    ),
  )
  const got = vmap(f, { inAxes: inAxes as never })(...stacked)
  assertAllClose(`vmap of ${sample.op} over axes ${JSON.stringify(inAxes)}`, got, wanted)
}

/**
 * `vmap` over every axis of every operand equals a stacked loop.
 *
 * @example
 * ```ts
 * import { primitiveLaws, samples } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(samples('mul'), (s) => primitiveLaws.vmapAgrees(s, 0)), { numRuns: 10 })
 * ```
 */
export const vmapAgrees = (sample: Sample, seed: number): void => {
  must.checkArguments('vmapAgrees', seeded, sample, seed)
  const f = (...xs: NDArray[]): readonly NDArray[] => apply(sample, xs)
  for (const mapping of mappings(sample, seed)) mapped(sample, mapping, f)
}

/**
 * `vmap` of its jvp and of its vjp equal stacked loops too.
 *
 * @example
 * ```ts
 * import { primitiveLaws, samples } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(samples('sin'), (s) => primitiveLaws.vmapOfDerivativesAgrees(s, 0)), { numRuns: 10 })
 * ```
 */
export const vmapOfDerivativesAgrees = (sample: Sample, seed: number): void => {
  must.checkArguments('vmapOfDerivativesAgrees', seeded, sample, seed)
  const { f, point } = asFloatFunction(sample)
  if (point.length === 0) return
  const call = f
  const inner: Sample = { ...sample, operands: point }
  const push = (...xs: NDArray[]): readonly NDArray[] =>
    jvp(
      call,
      xs,
      xs.map((x) => np.multiply(x, 0.5)),
    )[1]
  const pull = (...xs: NDArray[]): readonly NDArray[] => {
    const [ys, pullback] = vjp(call, ...xs)
    return pullback(ys.map((y) => np.add(y, 1)))
  }
  const [mapping] = mappings(inner, seed).slice(-1)
  if (mapping === undefined) return
  mapped(inner, mapping, push)
  mapped(inner, mapping, pull)
}

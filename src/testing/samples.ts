/** Valid applications of operations to fresh arrays. */
import * as fc from 'fast-check'
import { Aval } from '../core/aval.ts'
import type { DType, FloatDType } from '../core/dtype.ts'
import { dtypes, isFloat, isInteger, kindOf } from '../core/dtype.ts'
import { range, sizeOf } from '../core/shape.ts'
import { convert } from '../core/convert.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import { isProgram } from '../ir/walk.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import { fromHost } from '../trace/value.ts'
import type { Domain, Draw, Wanted } from './draw.ts'
import { domains } from './draw.ts'
import { Entropy, choices } from './entropy.ts'
import { recipes } from './recipes/index.ts'

/** An application of an operation: what the laws quantify over. */
export interface Sample<N extends OpName = OpName> {
  readonly op: N
  readonly params: OpParams[N]
  readonly operands: readonly NDArray[]
}

/** Options of `samples`. */
export interface SampleOptions {
  /** The float of the sample; float32 by default. */
  readonly float?: FloatDType
  /** Floats where the operation takes them, and only smooth functions: for derivatives. */
  readonly smooth?: boolean
  /** Highest rank of operands; 5 by default. */
  readonly maxRank?: number
}

/** A small linear congruential generator: numbers in [0, 1). */
const uniforms = (seed: number): (() => number) => {
  let state = (seed * 2654435761) >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const integers = dtypes.filter(isInteger)

const valueFor = (dtype: DType, domain: Domain, u: number, place: number): number => {
  if (dtype === 'bool') return u < 0.5 ? 0 : 1
  const value = domain(u, place)
  if (isFloat(dtype)) return value
  return kindOf(dtype) === 'unsigned' ? Math.abs(Math.floor(value)) : Math.floor(value)
}

/** An array of a type with values of a domain. */
export const arrayOf = (aval: Aval, domain: Domain, seed: number): NDArray => {
  const next = uniforms(seed)
  const numbers = range(sizeOf(aval.shape)).map((i) => valueFor(aval.dtype, domain, next(), i + (seed % 17)))
  return fromHost(aval, convert(Float64Array.from(numbers), 'float64', aval.dtype))
}

/** The matrices, scaled down, with 2, 4, 6, … along their diagonals. */
const dominant = (x: NDArray): NDArray => {
  const [rows, columns] = [x.shape.at(-2)!, x.shape.at(-1)!]
  const data = x.dataSync() as Float64Array
  const changed = Float64Array.from(data, (v, i) => {
    const [row, column] = [Math.floor(i / columns) % rows, i % columns]
    return 0.2 * v + (row === column ? 2 * (row + 1) : 0)
  })
  return fromHost(x.aval, convert(changed, 'float64', x.dtype))
}

/** Draws that make a fresh array for every operand. */
class FreshDraw implements Draw {
  readonly float: readonly DType[]
  readonly numbers: readonly DType[]
  readonly smooth: boolean
  readonly #entropy: Entropy
  readonly #maxRank: number

  constructor(entropy: Entropy, { float = 'float32', smooth = false, maxRank = 5 }: SampleOptions) {
    this.#entropy = entropy
    this.#maxRank = maxRank
    this.float = [float]
    this.smooth = smooth
    this.numbers = smooth ? [float] : [float, float, float, ...integers]
  }

  below(bound: number): number {
    return this.#entropy.below(bound)
  }
  pick<T>(options: readonly T[]): T {
    return this.#entropy.pick(options)
  }
  shuffle<T>(options: readonly T[]): T[] {
    return this.#entropy.shuffle(options)
  }

  operand(wanted: Wanted): NDArray {
    const dtype = this.#dtype(wanted.dtypes)
    const shape = wanted.shape ?? this.#shape(wanted)
    const x = arrayOf(new Aval(dtype, shape), wanted.domain ?? domains.general, 1 + this.below(4096))
    return wanted.dominant === true ? dominant(x) : x
  }

  #dtype(options: readonly DType[]): DType {
    const floats = options.filter(isFloat)
    return this.smooth && floats.length > 0 ? floats[0]! : this.pick(options)
  }

  #shape({ minRank = 0, maxRank = this.#maxRank, minExtent = 0 }: Wanted): readonly number[] {
    const highest = Math.max(minRank, Math.min(maxRank, this.#maxRank))
    const rank = minRank + this.below(highest - minRank + 1)
    // Extents 1 to 3, and sometimes 0 where it is allowed.
    return range(rank).map(() => (this.below(12) === 11 && minExtent === 0 ? 0 : 1 + this.below(3)))
  }
}

/** The application determined by a stream of choices. */
export const sampleFrom = <N extends OpName>(
  op: N,
  entropy: readonly number[],
  options: SampleOptions = {},
): Sample<N> => {
  const recipe = recipes[op] as (draw: Draw) => { params: OpParams[N]; operands: readonly NDArray[] }
  return { op, ...recipe(new FreshDraw(new Entropy(entropy), options)) }
}

const show = ({ op, params, operands }: Sample): string =>
  `${op} ${JSON.stringify(params, (_, v: unknown) => (isProgram(v) ? String(v) : v))} of ${operands.map((x) => `${x.aval} ${String(x)}`).join('; ')}`

const sampleOptions: must.OptionTable<SampleOptions> = {
  float: must.oneOf(dtypes.filter(isFloat)),
  smooth: must.boolean,
  maxRank: must.natural,
}
const samplesDoor = must.door('samples', {
  op: must.kind('an operation, one of operations', (x) => typeof x === 'string' && Object.hasOwn(recipes, x)),
  options: must.optionsOf(sampleOptions),
})

/**
 * Arbitrary valid applications of an operation, on values where it is smooth.
 *
 * @example
 * ```ts
 * import { samples } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(samples('neg'), ({ operands }) => operands.length === 1))
 * ```
 */
export const samples = <N extends OpName>(op: N, options: SampleOptions = {}): fc.Arbitrary<Sample<N>> => {
  samplesDoor(op, options)
  return choices(40).map((entropy) => {
    const sample = sampleFrom(op, entropy, options)
    return Object.assign(sample, { [fc.toStringMethod]: () => show(sample) })
  })
}

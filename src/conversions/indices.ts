/**
 * Resolves an index by NumPy's rules into parts, each for some axes. `surface/indexing.ts` reads with them,
 * `surface/updates.ts` writes.
 */
import { Aval } from '../core/aval.ts'
import { IndexError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { sameShape, showShape, stridesOf } from '../core/shape.ts'
import { show } from '../core/show.ts'
import { Slice } from '../core/slice.ts'
import { fullLike, zerosLike } from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import type { Index, NestedArray } from '../trace/surface.ts'
import { NDArray, fromHost } from '../trace/value.ts'
import { asIndices } from './convert.ts'

/** One part of an index: what it selects along its axes. */
export type Part =
  | { readonly kind: 'new' }
  | { readonly kind: 'position'; readonly axis: number; readonly at: number }
  | {
      readonly kind: 'range'
      readonly axis: number
      readonly start: number
      readonly count: number
      readonly step: number
    }
  | {
      readonly kind: 'array'
      readonly axis: number
      readonly indices: NDArray
      /** As given: negative ones count from the end. */
      readonly given: NDArray
    }

export type Range = Extract<Part, { kind: 'range' }>

/** Start, count and step of a slice on an axis of `n` elements, by Python's rules. */
const resolveSlice = ({ start, stop, step }: Slice, axis: number, n: number): Range => {
  if (!Number.isInteger(step) || step === 0)
    throw new IndexError(`at: a slice's step is an integer other than 0, got ${show(step)}.`)
  for (const bound of [start, stop]) {
    if (bound !== null && !Number.isInteger(bound)) {
      throw new IndexError(`at: a slice's bounds are integers, got ${show(bound)}. Computed starts: lax.dynamicSlice.`)
    }
  }
  const low = step > 0 ? 0 : -1
  const high = step > 0 ? n : n - 1
  const place = (bound: number | null, otherwise: number): number =>
    bound === null ? otherwise : Math.min(Math.max(bound < 0 ? bound + n : bound, low), high)
  const from = place(start, step > 0 ? low : high)
  const to = place(stop, step > 0 ? high : low)
  return { kind: 'range', axis, start: from, count: Math.max(0, Math.ceil((to - from) / step)), step }
}

/** A part of an index in which lists have become arrays. */
type ReadyIndex = Exclude<Index, NestedArray>

const isPart = (x: unknown): boolean => x === null || typeof x === 'string' || x instanceof Slice

/** As many axes as an array can have. */
const MOST_PARTS = 64

/** Lists of numbers as arrays; a list of parts, as in Python, is refused. */
const readyIndex = (index: Index): ReadyIndex => {
  if (!Array.isArray(index)) return index as ReadyIndex
  if ((index as readonly unknown[]).slice(0, MOST_PARTS).some(isPart)) {
    throw new IndexError(
      `at: the parts of an index came as one list, ${show(index)}. Give them one by one, as in x.at(0, ':'), or x.at(...parts).`,
    )
  }
  return asIndices('at', index as NestedArray)
}

const isMask = (index: ReadyIndex): index is NDArray => index instanceof NDArray && index.aval.dtype === 'bool'

/** The number of the array's axes that a part consumes. */
const axesTaken = (index: ReadyIndex): number => {
  if (index === null || index === '...') return 0
  return isMask(index) ? index.aval.rank : 1
}

/** Positions of the true elements, one array of coordinates for each axis of the mask. */
const maskParts = (mask: NDArray, axis: number, shape: Shape): Part[] => {
  const own = mask.aval.shape
  if (!sameShape(own, shape.slice(axis, axis + own.length))) {
    throw new IndexError(
      `at: a mask of shape ${showShape(own)} does not fit axes ${axis}.. of shape ${showShape(shape)}.`,
    )
  }
  const data = mask.body.host('a boolean mask as an index') as Uint8Array
  const places = Array.from(data.keys()).filter((i) => data[i] !== 0)
  const strides = stridesOf(own)
  return own.map((n, d) =>
    knownPart(
      axis + d,
      Int32Array.from(places, (p) => Math.floor(p / strides[d]!) % n),
    ),
  )
}

/** A vector of indices along an axis. */
export const knownPart = (axis: number, places: Int32Array): Part => {
  const indices = fromHost(new Aval('int32', [places.length]), places)
  return { kind: 'array', axis, indices, given: indices }
}

const parsePart = (index: ReadyIndex, axis: number, shape: Shape): Part[] => {
  const n = shape[axis]!
  if (index === null) return [{ kind: 'new' }]
  if (index === ':') return [{ kind: 'range', axis, start: 0, count: n, step: 1 }]
  if (index instanceof Slice) return [resolveSlice(index, axis, n)]
  if (typeof index === 'number') {
    if (!Number.isInteger(index)) throw new IndexError(`at: an index is an integer, got ${index}.`)
    return [{ kind: 'position', axis, at: index < 0 ? index + n : index }]
  }
  if (index instanceof NDArray) {
    if (isMask(index)) return maskParts(index, axis, shape)
    const given = asIndices('at', index)
    return [{ kind: 'array', axis, indices: wrapNegative(e.cast(given, 'int32'), n), given }]
  }
  throw new IndexError(
    `at: ${show(index)} is not an index. Known: integers, np.slice, ':', '...', null, integer and boolean arrays.`,
  )
}

/** Negative indices count from the end. */
export const wrapNegative = (indices: NDArray, n: number): NDArray =>
  e.select(e.lt(indices, zerosLike(indices)), e.add(indices, fullLike(indices, n)), indices)

export const parse = (x: NDArray, given: readonly Index[]): Part[] => {
  const { shape, rank } = x.aval
  const indices = given.map(readyIndex)
  const taken = indices.reduce<number>((n, i) => n + axesTaken(i), 0)
  if (taken > rank) throw new IndexError(`at: ${taken} indices for an array of rank ${rank} (${x.aval}).`)
  const dots = indices.filter((i) => i === '...').length
  if (dots > 1) throw new IndexError("at: an index has at most one '...'.")
  const whole = Array.from({ length: rank - taken }, (): ReadyIndex => ':')
  const all = dots === 1 ? indices.flatMap((i) => (i === '...' ? whole : [i])) : [...indices, ...whole]
  let axis = 0
  return all.flatMap((index) => {
    const parts = parsePart(index, axis, shape)
    axis += axesTaken(index)
    return parts
  })
}

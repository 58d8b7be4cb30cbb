import type { Aval } from '../core/aval.ts'
import { isHalf } from '../core/dtype.ts'
import type { Variable } from '../ir/program.ts'
import type { Source } from '../ir/program.ts'
import { scalar, zerosOf } from '../ops/creation.ts'
import { add, cast, inSingle } from '../ops/elementwise.ts'
import { concatenate, pad } from '../ops/movement.ts'
import type { Part, Tangent } from '../primitives/primitive.ts'
import { currentOrigin, withOrigins } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

/** The cotangent of a part of a value. */
interface Received extends Part {
  readonly ct: NDArray
  readonly source: Source | undefined
}

const byPlace = (a: Received, b: Received): number => a.axis - b.axis || a.start - b.start || a.limit - b.limit

/** Groups the parts in rows: in each, they follow one another along one axis. */
const rowsOf = (parts: readonly Received[]): readonly (readonly Received[])[] => {
  const rows: Received[][] = []
  for (const part of parts.toSorted(byPlace)) {
    const row = rows.find((r) => r[0]!.axis === part.axis && r.at(-1)!.limit <= part.start)
    if (row === undefined) rows.push([part])
    else row.push(part)
  }
  return rows
}

const padded = ({ axis, start, limit, ct }: Received, aval: Aval): NDArray => {
  const low = aval.shape.map((_, d) => (d === axis ? start : 0))
  const high = aval.shape.map((n, d) => (d === axis ? n - limit : 0))
  return pad(ct, scalar(0, ct.aval.dtype), low, high)
}

/** One concatenation for all parts of a row, with zeros where they leave gaps: not a padding and a sum for each. */
const joined = (row: readonly Received[], aval: Aval): NDArray => {
  const [{ axis }] = row as readonly [Received]
  const gap = (from: number, to: number): readonly NDArray[] =>
    from === to ? [] : [zerosOf(aval.withShape(aval.shape.with(axis, to - from)))]
  const pieces = row.flatMap(({ start, ct }, i) => [...gap(row[i - 1]?.limit ?? 0, start), ct])
  return concatenate([...pieces, ...gap(row.at(-1)!.limit, aval.shape[axis]!)], axis)
}

/** The sum of two cotangents, in float32 for 16-bit floats, so that sums of many terms are rounded only once. */
const sum = (x: NDArray, y: NDArray): NDArray => add(inSingle(x), inSingle(y))

/** Converts a sum to the dtype of its primal. */
const settled = (ct: NDArray, { dtype }: Aval): NDArray => (isHalf(dtype) ? cast(ct, dtype) : ct)

/** Accumulates cotangents. Those of slices of a value are kept apart until the whole is requested. */
export class Cotangents {
  readonly #whole = new Map<Variable, NDArray>()
  readonly #parts = new Map<Variable, Map<string, Received>>()

  add(v: Variable, ct: NDArray): void {
    const before = this.#whole.get(v)
    this.#whole.set(v, before === undefined ? ct : sum(before, ct))
  }

  /** Adds to a part of a value's cotangent. */
  addPart(v: Variable, part: Part, ct: NDArray): void {
    const parts = this.#parts.get(v) ?? new Map<string, Received>()
    this.#parts.set(v, parts)
    const key = `${part.axis}:${part.start}:${part.limit}`
    const before = parts.get(key)
    parts.set(key, { ...part, ct: before === undefined ? ct : sum(before.ct, ct), source: currentOrigin() })
  }

  #join(v: Variable, parts: readonly Received[]): void {
    withOrigins((workFor) => {
      for (const row of rowsOf(parts)) {
        workFor(row[0]!.source)
        const parts = row.map((part) => ({ ...part, ct: settled(part.ct, v.aval) }))
        this.add(v, parts.length === 1 ? padded(parts[0]!, v.aval) : joined(parts, v.aval))
      }
    })
  }

  /** The whole cotangent of a value; null if it has none. */
  get(v: Variable): Tangent {
    const parts = this.#parts.get(v)
    this.#parts.delete(v)
    if (parts !== undefined) this.#join(v, [...parts.values()])
    const ct = this.#whole.get(v)
    return ct === undefined ? null : settled(ct, v.aval)
  }

  /** Returns the cotangent of a value, and removes it. */
  take(v: Variable): Tangent {
    const ct = this.get(v)
    this.#whole.delete(v)
    return ct
  }
}

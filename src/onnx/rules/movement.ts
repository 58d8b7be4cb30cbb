/** Creation and movement. */
import { range, sizeOf } from '../../core/shape.ts'
import type { OpParams } from '../../ir/op.ts'
import type { Typed } from '../format.ts'
import type { Value, Writer } from '../writer.ts'
import { converted } from './elementwise.ts'
import type { Rule, Rules } from './rule.ts'

/** Numbers along an axis, held once. */
export const numbersAlong = (w: Writer, { dtype, shape }: Typed, axis: number): Value => {
  const extent = shape[axis]!
  const held = [extent, ...shape.slice(axis + 1).map(() => 1)]
  return { ...converted(w, { ...w.integers(range(extent), held), shape }, dtype), shape }
}

/** Zeros between elements: each gets an axis of its own, with zeros after it, which become one axis. */
const spread = (w: Writer, x: Value, filling: Value, axis: number, between: number): Value => {
  if (between === 0 || x.shape[axis]! <= 1) return x
  const n = x.shape[axis]!
  const apart = [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)]
  const gaps = { ...filling, shape: apart.map((extent, d) => (d === axis + 1 ? between : extent)) }
  const joined = w.concatenate([w.reshape(x, apart), gaps], axis + 1)
  const shape = x.shape.map((extent, d) => (d === axis ? n * (between + 1) : extent))
  const ends = shape.map((extent, d) => (d === axis ? extent - between : extent))
  return w.slice(
    w.reshape(joined, shape),
    shape.map(() => 0),
    ends,
    shape.map(() => 1),
  )
}

/** Elements apart by `interior`, then cropped, then with more around them; of one dtype with the scalar `filling`. */
export const padded = (w: Writer, x: Value, filling: Value, { low, high, interior }: OpParams['pad']): Value => {
  const wide = interior.reduce((y, between, axis) => spread(w, y, filling, axis, between), x)
  const crop = (n: number): number => Math.max(0, -n)
  const cropped = w.slice(
    wide,
    low.map(crop),
    wide.shape.map((n, d) => n - crop(high[d]!)),
    wide.shape.map(() => 1),
  )
  const [before, after] = [low, high].map((amounts) => amounts.map((n) => Math.max(0, n)))
  if ([...before!, ...after!].every((n) => n === 0)) return cropped
  const shape = cropped.shape.map((n, d) => n + before![d]! + after![d]!)
  return w.one('Pad', [cropped, w.vector([...before!, ...after!]), filling], { dtype: x.dtype, shape })
}

const pad: Rule<'pad'> = (w, [x, filling], params, [out]) => {
  if (sizeOf(x!.shape) === 0) return [{ ...w.whole(filling!), shape: out!.shape }]
  return [w.moved(x!, (held) => padded(w, held, w.cast(filling!, held.dtype), params))]
}

/** Starts of a slice, moved so that it lies inside: one vector of int64. */
const startsOf = (w: Writer, starts: readonly Value[], room: readonly number[]): Value => {
  const places = starts.map((start) => w.reshape(w.cast(start, 'int64'), [1]))
  const all = w.concatenate(
    places.map((place) => w.whole(place)),
    0,
  )
  return w.clamp(all, w.like(0, all), w.vector(room))
}

const dynamicSlice: Rule<'dynamicSlice'> = (w, [x, ...starts], { sizes }, [out]) => {
  if (starts.length === 0) return [x!]
  const first = startsOf(
    w,
    starts,
    x!.shape.map((n, d) => n - sizes[d]!),
  )
  return [w.one('Slice', [x!, first, w.apply('Add', first, w.vector(sizes)), w.vector(range(sizes.length))], out!)]
}

/** Where the update goes, by places in a line. */
const dynamicUpdateSlice: Rule<'dynamicUpdateSlice'> = (w, [x, update, ...starts]) => {
  if (starts.length === 0) return [update!]
  if (sizeOf(update!.shape) === 0) return [x!]
  const { shape } = update!
  const first = startsOf(
    w,
    starts,
    x!.shape.map((n, d) => n - shape[d]!),
  )
  const places = shape.map((_, axis) => {
    const start = w.one('Gather', [first, w.integers([axis], [])], { dtype: 'int64', shape: [] }, { axis: 0 })
    return w.apply('Add', numbersAlong(w, { dtype: 'int64', shape }, axis), { ...start, shape })
  })
  const vectors = places.map((place) => w.reshape(place, [...shape, 1]))
  const indices = w.concatenate(vectors, shape.length)
  return [w.one('ScatterND', [x!, indices, update!], x!)]
}

const concatenate: Rule<'concatenate'> = (w, parts, { axis }) => [w.concatenate(parts, axis)]

export const movement = {
  iota: (w, _, { axis }, [out]) => [numbersAlong(w, out!, axis)],
  broadcast: (w, [x], { shape, dims }) => [w.broadcast(x!, shape, dims)],
  reshape: (w, [x], { shape }) => [w.reshape(x!, shape)],
  transpose: (w, [x], { permutation }) => [w.transpose(x!, permutation)],
  rev: (w, [x], { axes }) => [w.reverse(x!, axes)],
  pad,
  slice: (w, [x], { start, limit, strides }) => [w.slice(x!, start, limit, strides)],
  concatenate,
  dynamicSlice,
  dynamicUpdateSlice,
} satisfies Partial<Rules>

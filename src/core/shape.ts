import { ShapeError } from './errors.ts'

/** The extents of an array along its axes. */
export type Shape = readonly number[]

/** Number of elements. The empty shape has one. */
export const sizeOf = (shape: Shape): number => {
  let n = 1
  for (const extent of shape) n *= extent
  return n
}

export const sameShape = (a: Shape, b: Shape): boolean => {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Row-major strides, in elements. */
export const stridesOf = (shape: Shape): number[] => {
  const strides = new Array<number>(shape.length)
  let s = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = s
    s *= shape[i]!
  }
  return strides
}

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`

/** The integers from 0 up to, not including, `n`. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** `axis` counted from the front; throws a `ShapeError` when it is out of range. */
export const normalizeAxis = (operation: string, axis: number, rank: number): number => {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ShapeError(`${operation}: axis ${axis} is out of range for an array of rank ${rank}.`)
  }
  return axis < 0 ? axis + rank : axis
}

/** Axes counted from the front, in the order given; throws on repeats. `undefined` means every axis. */
export const normalizeAxes = (
  operation: string,
  axes: number | readonly number[] | null | undefined,
  rank: number,
): number[] => {
  if (axes === undefined || axes === null) return range(rank)
  if (typeof axes === 'number') return [normalizeAxis(operation, axes, rank)]
  const out = axes.map((a) => normalizeAxis(operation, a, rank))
  if (new Set(out).size !== out.length) {
    throw new ShapeError(`${operation}: axes ${showShape(axes)} name one axis twice.`)
  }
  return out
}

/** NumPy's broadcasting of two shapes: aligned at the end, extents equal or 1. */
export const broadcastTwo = (operation: string, a: Shape, b: Shape): Shape => {
  if (sameShape(a, b)) return a
  const rank = Math.max(a.length, b.length)
  const out = new Array<number>(rank)
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1
    const y = b[b.length - rank + i] ?? 1
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `${operation}: shapes ${showShape(a)} and ${showShape(b)} do not broadcast: ` +
          `axis ${i - rank} has ${x} and ${y}. Extents must be equal or 1.`,
      )
    }
    out[i] = x === 1 ? y : x
  }
  return out
}

/** Throws a `ShapeError` unless every extent is a non-negative integer. */
export const checkShape = (operation: string, shape: Shape): Shape => {
  if (typeof shape !== 'object') {
    throw new ShapeError(`${operation}: a shape is a list of extents, such as [2, 3], got ${String(shape)}.`)
  }
  for (const n of shape) {
    if (!Number.isInteger(n) || n < 0) {
      throw new ShapeError(`${operation}: ${showShape(shape)} is not a shape: extents are non-negative integers.`)
    }
  }
  return shape
}

/** `shape` without the given axes (counted from the front). */
export const dropAxes = (shape: Shape, axes: readonly number[]): number[] => shape.filter((_, i) => !axes.includes(i))

/** `xs` with the element at `from` moved to `to`. */
const moveItem = <T>(xs: readonly T[], from: number, to: number): T[] => {
  const out = xs.slice()
  const [x] = out.splice(from, 1)
  out.splice(to, 0, x!)
  return out
}

/** The permutation that moves axis `from` to position `to` in an array of rank `rank`. */
export const movePermutation = (rank: number, from: number, to: number): number[] => moveItem(range(rank), from, to)

export const inversePermutation = (permutation: readonly number[]): number[] => {
  const out = new Array<number>(permutation.length)
  permutation.forEach((p, i) => {
    out[p] = i
  })
  return out
}

/** `xs` with `x` inserted at index `i`. */
export const insertAt = <T>(xs: readonly T[], i: number, x: T): T[] => [...xs.slice(0, i), x, ...xs.slice(i)]

/** The extents other than 1. */
export const withoutOnes = (shape: Shape): Shape => shape.filter((n) => n !== 1)

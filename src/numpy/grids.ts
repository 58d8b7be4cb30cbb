/** `np`: grids of places and of values. */
import { ArgumentError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { checkShape, range, showShape, sizeOf, stridesOf } from '../core/shape.ts'
import { iota } from '../ops/creation.ts'
import { asArray, asIndices } from '../runtime/array.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import type { DTypeOption, LinspaceOptions } from './creation.ts'
import { linspace, ones, tril } from './creation.ts'
import * as np from './elementwise.ts'
import { broadcastTo, reshape, stack } from './movement.ts'

/** Options of `meshgrid`. */
export interface MeshgridOptions {
  /** `xy` (default): the first vector runs along the second axis; `ij`: along the first. */
  readonly indexing?: 'xy' | 'ij'
  /** Axes of extent 1 where nothing changes, for broadcasting. */
  readonly sparse?: boolean
}

/**
 * Grids of coordinates from vectors, one for each.
 *
 * @throws ShapeError unless all are vectors.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.meshgrid([np.array([1, 2]), np.array([5, 6])]).map((x) => x.toArray()) // => 1,2,1,2,5,5,6,6
 * ```
 */
export const meshgrid = (
  vectors: readonly ArrayLike[],
  { indexing = 'xy', sparse = false }: MeshgridOptions = {},
): readonly NDArray[] => {
  const lines = vectors.map((v) => asArray(v))
  const odd = lines.find((v) => v.ndim > 1)
  if (odd !== undefined) throw new ShapeError(`meshgrid: takes vectors, got ${odd.aval}.`)
  if (indexing !== 'xy' && indexing !== 'ij')
    throw new ArgumentError(`meshgrid: '${String(indexing)}' is not 'xy' or 'ij'.`)
  const place = (i: number): number => (indexing === 'xy' && lines.length > 1 && i < 2 ? 1 - i : i)
  const shape = range(lines.length).map((d) => lines[place(d)]!.size)
  return lines.map((line, i) => {
    const open = reshape(line, shape.map((_, d) => (d === place(i) ? -1 : 1))) // prettier-ignore
    return sparse ? open : broadcastTo(open, shape)
  })
}

/**
 * For each axis of a shape, the coordinates along it: shape `[rank, ...shape]` (int32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.indices([2, 2]).toArray() // => 0,0,1,1,0,1,0,1
 * ```
 */
export const indices = (shape: Shape): NDArray => {
  checkShape('indices', shape)
  return stack(range(shape.length).map((d) => iota('int32', shape, d)))
}

/**
 * Vectors with axes for broadcasting, so that as indices they choose rows and columns.
 *
 * @throws ShapeError unless all are vectors.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.ix([0, 2], [1]).map((x) => x.shape.join('x')) // => 2x1,1x1
 * ```
 */
export const ix = (...vectors: readonly ArrayLike[]): readonly NDArray[] =>
  meshgrid(vectors.map((v) => asIndices('ix', v)), { indexing: 'ij', sparse: true }) // prettier-ignore

/**
 * A matrix with ones in and below a diagonal.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.tri(2, 3).toArray() // => 1,0,0,1,1,0
 * ```
 */
export const tri = (n: number, m: number | null = null, k = 0, options: DTypeOption = {}): NDArray =>
  tril(ones([n, m ?? n], options), k)

const coordinates = (n: number, m: number, keep: (row: number, column: number) => boolean): [NDArray, NDArray] => {
  const places = range(n * m).filter((p) => keep(Math.floor(p / m), p % m))
  const numbers = (f: (p: number) => number): NDArray => asArray(Int32Array.from(places, f))
  return [numbers((p) => Math.floor(p / m)), numbers((p) => p % m)]
}

/**
 * Rows and columns of the places in and below a diagonal of an n by m matrix (int32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.trilIndices(2).map(String) // => [0 1 1],[0 0 1]
 * ```
 */
export const trilIndices = (n: number, k = 0, m = n): readonly [rows: NDArray, columns: NDArray] =>
  coordinates(n, m, (i, j) => j - i <= k)

/**
 * Rows and columns of the places in and above a diagonal of an n by m matrix (int32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.triuIndices(2).map(String) // => [0 0 1],[0 1 1]
 * ```
 */
export const triuIndices = (n: number, k = 0, m = n): readonly [rows: NDArray, columns: NDArray] =>
  coordinates(n, m, (i, j) => j - i >= k)

/**
 * Coordinates of the main diagonal of an array of equal extents n (int32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.diagIndices(2).map(String) // => [0 1],[0 1]
 * ```
 */
export const diagIndices = (n: number, rank = 2): readonly NDArray[] =>
  range(rank).map(() => asArray(Int32Array.from(range(n))))

/**
 * Rows and columns of the elements that a function of matrices, such as `np.triu`, leaves where all are 1 (int32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.maskIndices(2, np.triu).map(String) // => [0 0 1],[0 1 1]
 * ```
 */
export const maskIndices = (
  n: number,
  f: (x: NDArray, k: number) => NDArray,
  k = 0,
): readonly [rows: NDArray, columns: NDArray] => {
  const kept = f(ones([n, n]), k).body.host('maskIndices')
  return coordinates(n, n, (i, j) => Number(kept[i * n + j]) !== 0)
}

const checkIndex = (name: string, mode: string): void => {
  if (mode !== 'clip' && mode !== 'wrap') throw new ArgumentError(`${name}: '${mode}' is not a mode: 'clip' or 'wrap'.`)
}

/**
 * Places counted in row-major order, from coordinates.
 *
 * @param mode - coordinates out of range are moved inside (`clip`, the default) or count around (`wrap`).
 * @throws ArgumentError unless there are coordinates for each axis.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.ravelMultiIndex([[1, 0], [2, 1]], [2, 3]) // => [5 1]
 * ```
 */
export const ravelMultiIndex = (
  coordinates: readonly ArrayLike[],
  shape: Shape,
  { mode = 'clip' }: { readonly mode?: 'clip' | 'wrap' } = {},
): NDArray => {
  checkIndex('ravelMultiIndex', mode)
  if (coordinates.length !== shape.length) {
    throw new ArgumentError(`ravelMultiIndex: ${coordinates.length} coordinates for a shape ${showShape(shape)}.`)
  }
  const strides = stridesOf(shape)
  return coordinates
    .map((c, d) => {
      const given = asIndices('ravelMultiIndex', c).astype('int32')
      const inside = mode === 'wrap' ? np.remainder(given, shape[d]!) : np.clip(given, 0, shape[d]! - 1)
      return np.multiply(inside, strides[d]!)
    })
    .reduce((a, b) => np.add(a, b), asArray(Int32Array.of(0)).reshape([]))
}

/**
 * Coordinates of places counted in row-major order (int32); those out of range are moved inside.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.unravelIndex([5, 0], [2, 3]).map(String) // => [1 0],[2 0]
 * ```
 */
export const unravelIndex = (places: ArrayLike, shape: Shape): readonly NDArray[] => {
  const size = sizeOf(checkShape('unravelIndex', shape))
  const given = asIndices('unravelIndex', places).astype('int32')
  const counted = np.where(np.less(given, 0), np.add(given, size), given)
  const inside = np.clip(counted, 0, Math.max(size - 1, 0))
  const strides = stridesOf(shape)
  return shape.map((n, d) => np.remainder(np.floorDivide(inside, Math.max(strides[d]!, 1)), Math.max(n, 1)))
}

/**
 * `base` to the powers of evenly spaced points from `start` to `stop`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.logspace(0, 2, 3) // => [  1.  10. 100.]
 * ```
 */
export const logspace = (
  start: number,
  stop: number,
  count = 50,
  { base = 10, endpoint = true, dtype = 'float32' }: LinspaceOptions & { readonly base?: number } = {},
): NDArray => np.power(base, linspace(start, stop, count, { endpoint, dtype: 'float64' })).astype(dtype)

/**
 * Points from `start` to `stop`, each a constant multiple of the one before.
 *
 * @throws ArgumentError unless both have one sign, and neither is 0.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.geomspace(1, 8, 4) // => [1. 2. 4. 8.]
 * ```
 */
export const geomspace = (
  start: number,
  stop: number,
  count = 50,
  { endpoint = true, dtype = 'float32' }: LinspaceOptions = {},
): NDArray => {
  if (!(start * stop > 0)) throw new ArgumentError(`geomspace: ends of one sign, not 0, got ${start} and ${stop}.`)
  const powers = np.exp(
    linspace(Math.log(Math.abs(start)), Math.log(Math.abs(stop)), count, { endpoint, dtype: 'float64' }),
  )
  const exact = powers.at(0).set(Math.abs(start))
  const ends = endpoint && count > 1 ? exact.at(-1).set(Math.abs(stop)) : exact
  return np.multiply(Math.sign(start), ends).astype(dtype)
}

/**
 * An array from a function of the coordinates of its elements, which is called once, with all of them.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.fromfunction((i, j) => np.add(i, j), [2, 2]).toArray() // => 0,1,1,2
 * ```
 */
export const fromfunction = (
  f: (...coordinates: readonly NDArray[]) => ArrayLike,
  shape: Shape,
  { dtype = 'float32' }: DTypeOption = {},
): NDArray => {
  checkShape('fromfunction', shape)
  return broadcastTo(asArray(f(...shape.map((_, d) => iota('int32', shape, d).astype(dtype)))), shape)
}

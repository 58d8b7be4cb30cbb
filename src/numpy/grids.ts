/** `np`: grids of coordinates and indices. */
import { vmap } from '../api/vmap.ts'
import { checkSize } from '../core/dtype.ts'
import { ArgumentError, IndexError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { checkShape, range, showShape, sizeOf, stridesOf } from '../core/shape.ts'
import type { EachAs, TupleOf } from '../core/tuples.ts'
import { iota } from '../ops/creation.ts'
import { asArray, asIndices } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { DTypeOption } from './creation.ts'
import { ones, tril, zeros } from './creation.ts'
import * as np from './elementwise.ts'
import { stack } from './joining.ts'
import { broadcastTo, reshape } from './movement.ts'
import type { SizeOptions } from './sets.ts'
import { nonzero } from './sets.ts'

/** Options of `meshgrid`. */
export interface MeshgridOptions {
  /** `xy` (default): the first vector runs along the second axis; `ij`: along the first. */
  readonly indexing?: 'xy' | 'ij'
  /** Whether axes along which nothing changes have extent 1, for broadcasting. */
  readonly sparse?: boolean
}

const meshgridOptions: must.OptionTable<MeshgridOptions> = { indexing: must.oneOf(['xy', 'ij']), sparse: must.boolean }

const dtypeOption: must.OptionTable<DTypeOption> = { dtype: must.dtype }

const meshgridDoor = must.door('np.meshgrid', {
  vectors: must.listOf(must.arrayLike),
  options: must.optionsOf(meshgridOptions),
})

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
export const meshgrid = <const V extends readonly ArrayLike[]>(
  vectors: V,
  options: MeshgridOptions = {},
): EachAs<NDArray, V> => {
  meshgridDoor(vectors, options)
  const { indexing = 'xy', sparse = false } = options
  const lines = vectors.map((v) => asArray(v))
  const odd = lines.find((v) => v.ndim > 1)
  if (odd !== undefined) throw new ShapeError(`np.meshgrid: takes vectors, got ${odd.aval}.`)
  if (indexing !== 'xy' && indexing !== 'ij')
    throw new ArgumentError(`np.meshgrid: '${String(indexing)}' is not 'xy' or 'ij'.`)
  const place = (i: number): number => (indexing === 'xy' && lines.length > 1 && i < 2 ? 1 - i : i)
  const shape = range(lines.length).map((d) => lines[place(d)]!.size)
  return lines.map((line, i) => {
    const open = reshape(line, shape.map((_, d) => (d === place(i) ? -1 : 1))) // prettier-ignore
    return sparse ? open : broadcastTo(open, shape)
  }) as EachAs<NDArray, V>
}

const indicesDoor = must.door('np.indices', {
  shape: must.shape,
  options: must.optionsOf<DTypeOption & { readonly sparse?: boolean }>({ ...dtypeOption, sparse: must.boolean }),
})

/**
 * For each axis of a shape, the coordinates along it: shape `[rank, ...shape]`, int32 by default. For no axes it is empty.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.indices([2, 2]).toArray() // => 0,0,1,1,0,1,0,1
 * np.indices([2, 2], { sparse: true }).map((x) => x.shape.join('x')) // => 2x1,1x2
 * ```
 */
export function indices(shape: Shape, options?: DTypeOption & { readonly sparse?: false }): NDArray
/** With `sparse`: an array for each axis, of extent 1 along all others. */
export function indices(shape: Shape, options: DTypeOption & { readonly sparse: true }): readonly NDArray[]
export function indices(
  shape: Shape,
  options: DTypeOption & { readonly sparse?: boolean } = {},
): NDArray | readonly NDArray[] {
  indicesDoor(shape, options)
  const { dtype = 'int32', sparse = false } = options
  const own = (d: number): Shape => (sparse ? shape.map((n, k) => (k === d ? n : 1)) : shape)
  const each = range(shape.length).map((d) => iota('int32', own(d), d).astype(dtype))
  if (sparse) return each
  return each.length === 0 ? zeros([0], { dtype }) : stack(each)
}

const ixDoor = must.door('np.ix', { vectors: must.listOf(must.arrayLike) })

/**
 * Vectors with added axes for broadcasting: as indices they select rows and columns.
 *
 * @throws ShapeError unless all are vectors.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.ix([0, 2], [1]).map((x) => x.shape.join('x')) // => 2x1,1x1
 * ```
 */
export const ix = <V extends readonly ArrayLike[]>(...vectors: V): EachAs<NDArray, V> => {
  ixDoor(vectors)
  const places = vectors.map((v) => asIndices('np.ix', v))
  return meshgrid(places, { indexing: 'ij', sparse: true }) as EachAs<NDArray, V>
}

const triDoor = must.door('np.tri', {
  n: must.extent,
  m: must.nullable(must.extent),
  k: must.optional(must.integer),
  options: must.optionsOf(dtypeOption),
})

/**
 * A matrix with ones in and below a diagonal.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.tri(2, 3).toArray() // => 1,0,0,1,1,0
 * ```
 */
export const tri = (n: number, m: number | null = null, k = 0, options: DTypeOption = {}): NDArray => {
  triDoor(n, m, k, options)
  return tril(ones([n, m ?? n], options), k)
}

const coordinates = (
  name: string,
  n: number,
  m: number,
  keep: (row: number, column: number) => boolean,
): [NDArray, NDArray] => {
  checkSize(name, 'int32', n * m)
  const visit = (found: (row: number, column: number) => void): void => {
    for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) if (keep(i, j)) found(i, j)
  }
  let count = 0
  visit(() => count++)
  const [rows, columns] = [new Int32Array(count), new Int32Array(count)]
  let next = 0
  visit((i, j) => {
    rows[next] = i
    columns[next++] = j
  })
  return [asArray(rows), asArray(columns)]
}

const trilIndicesDoor = must.door('np.trilIndices', {
  n: must.natural,
  k: must.optional(must.integer),
  m: must.optional(must.natural),
})

/**
 * Row and column indices of the elements in and below a diagonal of an n by m matrix (int32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.trilIndices(2).map(String) // => [0 1 1],[0 0 1]
 * ```
 */
export const trilIndices = (n: number, k = 0, m = n): readonly [rows: NDArray, columns: NDArray] => {
  trilIndicesDoor(n, k, m)
  return coordinates('np.trilIndices', n, m, (i, j) => j - i <= k)
}

const triuIndicesDoor = must.door('np.triuIndices', {
  n: must.natural,
  k: must.optional(must.integer),
  m: must.optional(must.natural),
})

/**
 * Row and column indices of the elements in and above a diagonal of an n by m matrix (int32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.triuIndices(2).map(String) // => [0 0 1],[0 1 1]
 * ```
 */
export const triuIndices = (n: number, k = 0, m = n): readonly [rows: NDArray, columns: NDArray] => {
  triuIndicesDoor(n, k, m)
  return coordinates('np.triuIndices', n, m, (i, j) => j - i >= k)
}

const diagIndicesDoor = must.door('np.diagIndices', { n: must.natural, rank: must.optional(must.times) })

/**
 * Coordinates of the main diagonal of an array of equal extents n (int32).
 *
 * @throws ArgumentError unless both are natural numbers.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.diagIndices(2).map(String) // => [0 1],[0 1]
 * ```
 */
export function diagIndices(n: number): [NDArray, NDArray]
export function diagIndices<const R extends number>(n: number, rank: R): TupleOf<NDArray, R>
export function diagIndices(n: number, rank = 2): NDArray[] {
  diagIndicesDoor(n, rank)
  checkSize('np.diagIndices', 'int32', n)
  return range(rank).map(() => asArray(Int32Array.from(range(n))))
}

const maskIndicesDoor = must.door('np.maskIndices', {
  n: must.natural,
  f: must.func,
  k: must.optional(must.integer),
  options: must.optionsOf<Pick<SizeOptions, 'size'>>({ size: must.natural }),
})

/**
 * Row and column indices of the elements that a function such as `np.triu` keeps of a matrix of ones (int32).
 *
 * @throws TracerError under transformations without `size`.
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
  options: Pick<SizeOptions, 'size'> = {},
): readonly [rows: NDArray, columns: NDArray] => {
  maskIndicesDoor(n, f, k, options)
  return nonzero(f(ones([n, n]), k), options) as unknown as readonly [NDArray, NDArray]
}

/** Options of `ravelMultiIndex`. */
export interface RavelMultiIndexOptions {
  /** Coordinates out of range are clipped (`clip`, default), wrap around (`wrap`), or are errors (`raise`). */
  readonly mode?: 'clip' | 'wrap' | 'raise'
  /** The last coordinate varies fastest (`C`, default), or the first (`F`). */
  readonly order?: 'C' | 'F'
}

const ravelMultiIndexOptions: must.OptionTable<RavelMultiIndexOptions> = {
  mode: must.oneOf(['clip', 'wrap', 'raise']),
  order: must.oneOf(['C', 'F']),
}

const ravelMultiIndexDoor = must.door('np.ravelMultiIndex', {
  coordinates: must.listOf(must.arrayLike),
  shape: must.shape,
  options: must.optionsOf(ravelMultiIndexOptions),
})

/**
 * Flat indices from coordinates, in row-major order by default (int32).
 *
 * @throws ArgumentError unless there are coordinates for each axis; with `raise`, IndexError for those out of range, and
 *   TracerError for traced ones.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.ravelMultiIndex([[1, 0], [2, 1]], [2, 3]) // => [5 1]
 * ```
 */
export const ravelMultiIndex = (
  coordinates: readonly ArrayLike[],
  shape: Shape,
  options: RavelMultiIndexOptions = {},
): NDArray => {
  ravelMultiIndexDoor(coordinates, shape, options)
  const { mode = 'clip', order = 'C' } = options
  if (coordinates.length !== shape.length) {
    throw new ArgumentError(`np.ravelMultiIndex: ${coordinates.length} coordinates for a shape ${showShape(shape)}.`)
  }
  const strides = order === 'C' ? stridesOf(shape) : stridesOf(shape.toReversed()).reverse()
  return coordinates
    .map((c, d) => {
      const given = asIndices('np.ravelMultiIndex', c).astype('int32')
      if (mode === 'raise') checkInside(given, d, shape[d]!)
      const inside = mode === 'wrap' ? np.remainder(given, shape[d]!) : np.clip(given, 0, shape[d]! - 1)
      return np.multiply(inside, strides[d]!)
    })
    .reduce((a, b) => np.add(a, b), asArray(Int32Array.of(0)).reshape([]))
}

const checkInside = (coordinates: NDArray, axis: number, n: number): void => {
  const known = Array.from(coordinates.body.host("ravelMultiIndex with mode 'raise'"), Number)
  const bad = known.find((i) => i < 0 || i >= n)
  if (bad !== undefined)
    throw new IndexError(`np.ravelMultiIndex: ${bad} is out of range for axis ${axis} of extent ${n}.`)
}

const unravelIndexDoor = must.door('np.unravelIndex', { places: must.arrayLike, shape: must.shape })

/**
 * Coordinates of flat indices in row-major order (int32); indices out of range are clipped.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.unravelIndex([5, 0], [2, 3]).map(String) // => [1 0],[2 0]
 * ```
 */
export const unravelIndex = <const S extends Shape>(places: ArrayLike, shape: S): EachAs<NDArray, S> => {
  unravelIndexDoor(places, shape)
  const size = sizeOf(checkShape('np.unravelIndex', shape))
  const given = asIndices('np.unravelIndex', places).astype('int32')
  const counted = np.where(np.less(given, 0), np.add(given, size), given)
  const inside = np.clip(counted, 0, Math.max(size - 1, 0))
  const strides = stridesOf(shape)
  const along = (n: number, d: number): NDArray =>
    np.remainder(np.floorDivide(inside, Math.max(strides[d]!, 1)), Math.max(n, 1))
  return shape.map(along) as EachAs<NDArray, S>
}

const fromfunctionDoor = must.door('np.fromfunction', {
  f: must.func,
  shape: must.shape,
  options: must.optionsOf(dtypeOption),
})

/**
 * An array from a function of the coordinates of its elements, mapped over all of them by `vmap`. If it returns arrays, the
 * result has the axes of the shape, then theirs.
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
  options: DTypeOption = {},
): NDArray => {
  fromfunctionDoor(f, shape, options)
  const { dtype = 'float32' } = options
  checkShape('np.fromfunction', shape)
  const line = (n: number): NDArray => iota('int32', [n], 0).astype(dtype)
  const at = (...xs: readonly NDArray[]): NDArray => asArray(f(...xs))
  const mapped = shape.reduceRight<(...xs: readonly NDArray[]) => NDArray>(
    (g, _, d) => vmap(g, { inAxes: shape.map((__, k) => (k === d ? 0 : null)) }),
    at,
  )
  return mapped(...shape.map(line))
}

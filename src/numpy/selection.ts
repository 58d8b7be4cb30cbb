/** `np`: reading and replacing elements by conditions and indices. */
import { calledAs } from '../core/calledAs.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { broadcastTwo, normalizeAxis, range, stridesOf } from '../core/shape.ts'
import { asArray, asIndices, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { promoteAll } from '../conversions/promote.ts'
import { updateOptions } from '../surface/updates.ts'
import type { ArrayLike, UpdateOptions } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import * as np from './elementwise.ts'
import { diag } from './diagonals.ts'
import { stack } from './joining.ts'
import { broadcastTo, ravel, reshape, slice, take } from './movement.ts'
import type { SizeOptions } from './sets.ts'
import { compacted } from './sets.ts'

const sizeOptions: must.OptionTable<SizeOptions> = { size: must.extent, fillValue: must.arrayLike }

const selectDoor = must.door('np.select', {
  conditions: must.listOf(must.arrayLike),
  choices: must.listOf(must.arrayLike),
  otherwise: must.optional(must.arrayLike),
})

/**
 * The choice for the first condition that holds, element by element; `otherwise` where none does.
 *
 * @throws ArgumentError unless there are as many choices as conditions, at least one.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.select([np.array([true, false, false]), np.array([true, true, false])], [1, 2], 3) // => [1 2 3]
 * ```
 */
export const select = (
  conditions: readonly ArrayLike[],
  choices: readonly ArrayLike[],
  otherwise: ArrayLike = 0,
): NDArray => {
  selectDoor(conditions, choices, otherwise)
  if (conditions.length !== choices.length || conditions.length === 0) {
    throw new ArgumentError(
      `np.select: ${conditions.length} conditions and ${choices.length} choices; both as many, not 0.`,
    )
  }
  const [last, ...options] = promoteAll([otherwise, ...choices]) as [NDArray, ...NDArray[]]
  return conditions.reduceRight<NDArray>((rest, condition, i) => np.where(condition, options[i]!, rest), last)
}

/** A value, or a function of the array. */
export type Piece = ArrayLike | ((x: NDArray) => ArrayLike)

const piecewiseDoor = must.door('np.piecewise', {
  x: must.arrayLike,
  conditions: must.listOf(must.arrayLike),
  pieces: must.listOf(must.anyOf(must.arrayLike, must.func)),
})

/**
 * A piecewise function: the piece of the last condition that holds, element by element. With one more piece than conditions,
 * the last is for where none holds; otherwise that is 0.
 *
 * @throws ArgumentError unless there are as many pieces as conditions, or one more.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.piecewise(np.array([-2, 3]), [np.array([true, false])], [(x) => np.negative(x), (x) => np.multiply(x, 10)]) // => [ 2. 30.]
 * ```
 */
export const piecewise = (x: ArrayLike, conditions: readonly ArrayLike[], pieces: readonly Piece[]): NDArray => {
  piecewiseDoor(x, conditions, pieces)
  const array = asArray(x)
  const more = pieces.length - conditions.length
  if (more !== 0 && more !== 1) {
    throw new ArgumentError(
      `np.piecewise: ${pieces.length} pieces for ${conditions.length} conditions: as many, or one more.`,
    )
  }
  const valueOf = (piece: Piece): NDArray => asArray(typeof piece === 'function' ? piece(array) : piece)
  const start = more === 1 ? valueOf(pieces.at(-1)!) : np.multiply(array, 0)
  const all = conditions.reduce<NDArray>((y, c, i) => np.where(c, valueOf(pieces[i]!), y), start)
  return broadcastTo(all, array.shape).astype(array.dtype)
}

const choiceModes = ['wrap', 'clip'] as const

const chooseDoor = must.door('np.choose', {
  numbers: must.arrayLike,
  choices: must.listOf(must.arrayLike),
  options: must.optionsOf<{ readonly mode?: (typeof choiceModes)[number] }>({
    mode: must.oneOf(choiceModes),
  }),
})

/**
 * Picks each element from the array with the given index.
 *
 * @param mode - how indices out of range are treated: `wrap` around, or `clip`. Both work under transformations.
 * @throws ArgumentError for another mode.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.choose([1, 0], [np.array([1, 2]), np.array([3, 4])], { mode: 'clip' }) // => [3. 2.]
 * ```
 */
export const choose = (
  numbers: ArrayLike,
  choices: readonly ArrayLike[],
  options: { readonly mode?: (typeof choiceModes)[number] } = {},
): NDArray => {
  chooseDoor(numbers, choices, options)
  const { mode = 'clip' } = options
  const n = choices.length
  if (n === 0) throw new ArgumentError('np.choose: there is nothing to choose from.')
  const given = asIndices('np.choose', numbers).astype('int32')
  const which = mode === 'wrap' ? np.remainder(given, n) : np.clip(given, 0, n - 1)
  const arrays = promoteAll(choices)
  const shape = arrays.reduce((s, a) => broadcastTwo('np.choose', s, a.shape), which.shape)
  const all = stack(arrays.map((a) => broadcastTo(a, shape)))
  return select(range(n).map((i) => np.equal(which, i)), range(n).map((i) => all.at(i).get())) // prettier-ignore
}

const compressDoor = must.door('np.compress', {
  condition: must.arrayLike,
  x: must.arrayLike,
  options: must.optionsOf<SizeOptions & { readonly axis?: number | null }>({
    size: must.extent,
    fillValue: must.arrayLike,
    axis: must.nullable(must.axis),
  }),
})

/**
 * Elements where a vector of conditions holds, along an axis, or of the flattened array.
 *
 * @throws ShapeError unless conditions are a vector; TracerError under transformations without `size`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.compress([false, true, true], np.array([1, 2, 3])) // => [2. 3.]
 * ```
 */
export const compress = (
  condition: ArrayLike,
  x: ArrayLike,
  options: SizeOptions & { readonly axis?: number | null } = {},
): NDArray => {
  compressDoor(condition, x, options)
  const { axis = null, size, fillValue = 0 } = options
  const mask = asArray(condition).astype('bool')
  if (mask.ndim !== 1) throw new ShapeError(`np.compress: conditions are a vector, got ${mask.aval}.`)
  const array = axis === null ? ravel(x) : asArray(x)
  const along = normalizeAxis('np.compress', axis ?? 0, array.ndim)
  const line = functions.swapaxes(array, 0, along)
  const n = Math.min(mask.size, line.shape[0]!)
  const first = (y: NDArray): NDArray => y.at(slice(0, n)).get()
  const kept = compacted('np.compress', first(line), first(mask), size, fillValue)
  return functions.swapaxes(kept, 0, along)
}

const extractDoor = must.door('np.extract', {
  condition: must.arrayLike,
  x: must.arrayLike,
  options: must.optionsOf(sizeOptions),
})

/**
 * All elements where a condition holds, as a vector.
 *
 * @throws TracerError under transformations without `size`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.extract(np.array([[true, false], [true, true]]), np.array([[1, 2], [3, 4]])) // => [1. 3. 4.]
 * ```
 */
export const extract = (condition: ArrayLike, x: ArrayLike, options: SizeOptions = {}): NDArray => {
  extractDoor(condition, x, options)
  return compress(ravel(condition), x, options)
}

const diagflatDoor = must.door('np.diagflat', { x: must.arrayLike, k: must.optional(must.integer) })

/**
 * A matrix with these elements in a diagonal, zeros elsewhere.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.diagflat(np.array([1, 2])).toArray() // => 1,0,0,2
 * ```
 */
export const diagflat = (x: ArrayLike, k = 0): NDArray => {
  diagflatDoor(x, k)
  return diag(ravel(x), k)
}

const fillDiagonalDoor = must.door('np.fillDiagonal', { x: must.arrayLike, values: must.arrayLike })

/**
 * The array with other values on its main diagonal, repeated if they are fewer.
 *
 * @throws ShapeError for vectors, and for more than two axes that differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.fillDiagonal(np.zeros([2, 2]), 5).toArray() // => 5,0,0,5
 * ```
 */
export const fillDiagonal = (x: ArrayLike, values: ArrayLike): NDArray => {
  fillDiagonalDoor(x, values)
  const array = asArray(x)
  const { shape, ndim } = array
  if (ndim < 2 || (ndim > 2 && shape.some((n) => n !== shape[0]))) {
    throw new ShapeError(`np.fillDiagonal: takes matrices, or arrays of equal extents, got ${array.aval}.`)
  }
  const step = stridesOf(shape).reduce((a, b) => a + b, 0)
  return put(
    array,
    Int32Array.from(range(Math.min(...shape)), (i) => i * step),
    values,
  )
}

/** Values repeated, or cut, to a length. */
const cycled = (values: NDArray, length: number): NDArray => {
  const line = ravel(values)
  if (line.size === 0) throw new ArgumentError('np.put: there are no values.')
  return take(
    line,
    Int32Array.from(range(length), (i) => i % line.size),
  )
}

const putDoor = must.door('np.put', {
  x: must.arrayLike,
  places: must.arrayLike,
  values: must.arrayLike,
  options: must.optionsOf<{ readonly mode?: 'clip' | 'wrap' | null }>({
    mode: must.nullable(must.oneOf(['clip', 'wrap'])),
  }),
})

/**
 * The array with other values at flat indices in row-major order; fewer values are repeated.
 *
 * @param mode - by default negative indices count from the end, and those out of range are clipped; `clip`: negative ones are
 *   clipped, too; `wrap`: indices wrap around.
 * @throws ArgumentError if there are no values.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.put(np.array([1, 2, 3]), [0, 2], 9) // => [9. 2. 9.]
 * ```
 */
export const put = (
  x: ArrayLike,
  places: ArrayLike,
  values: ArrayLike,
  options: { readonly mode?: 'clip' | 'wrap' | null } = {},
): NDArray => {
  putDoor(x, places, values, options)
  const { mode = null } = options
  const array = asArray(x)
  const given = ravel(asIndices('np.put', places)).astype('int32')
  if (given.size === 0) return array
  const n = array.size
  const counted = mode === null ? np.where(np.less(given, 0), np.add(given, n), given) : given
  const inside = mode === 'wrap' ? np.remainder(given, n) : np.clip(counted, 0, n - 1)
  const updated = ravel(array)
    .at(inside)
    .set(cycled(asArray(values), given.size))
  return reshape(updated, array.shape)
}

const placeDoor = must.door('np.place', { x: must.arrayLike, mask: must.arrayLike, values: must.arrayLike })

/**
 * The array with values where a mask holds: one after the other, repeated if they are fewer.
 *
 * @throws ShapeError unless the mask has the array's shape.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.place(np.array([1, 2, 3, 4]), np.array([true, false, true, true]), np.array([8, 9])) // => [8. 2. 9. 8.]
 * ```
 */
export const place = (x: ArrayLike, mask: ArrayLike, values: ArrayLike): NDArray => {
  placeDoor(x, mask, values)
  const array = asArray(x)
  const where = asArray(mask).astype('bool')
  if (where.shape.join() !== array.shape.join()) {
    throw new ShapeError(`np.place: the mask ${where.aval} must have the shape of ${array.aval}.`)
  }
  const line = ravel(values)
  const number = np.subtract(functions.cumsum(ravel(where).astype('int32')), 1)
  const chosen = take(line, np.remainder(number, Math.max(line.size, 1)), { mode: 'clip' })
  return np.where(where, reshape(chosen, array.shape), array).astype(array.dtype)
}

const putAlongAxisDoor = must.door('np.putAlongAxis', {
  x: must.arrayLike,
  indices: must.arrayLike,
  values: must.arrayLike,
  axis: must.nullable(must.axis),
  options: must.optionsOf<Pick<UpdateOptions, 'mode'>>({ mode: updateOptions.mode }),
})

/**
 * The array with values at indices along an axis, matched in all other axes: writes the elements that `takeAlongAxis` reads.
 *
 * @throws ShapeError if ranks differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.putAlongAxis(np.zeros([2, 2]), np.array(new Int32Array([1, 0])).reshape([2, 1]), 7, 1).toArray() // => 0,7,7,0
 * ```
 */
export const putAlongAxis = (
  x: ArrayLike,
  indices: ArrayLike,
  values: ArrayLike,
  axis: number | null = -1,
  options: Pick<UpdateOptions, 'mode'> = {},
): NDArray => {
  putAlongAxisDoor(x, indices, values, axis, options)
  return calledAs('np.putAlongAxis', () => {
    const array = asArray(x)
    if (axis === null) {
      const line = putAlongAxis(ravel(array), ravel(asIndices('np.putAlongAxis', indices)), ravel(values), 0, options)
      return reshape(line, array.shape)
    }
    const where = asIndices('np.putAlongAxis', indices)
    if (where.ndim !== array.ndim) {
      throw new ShapeError(`np.putAlongAxis: operand ${array.aval} and indices ${where.aval} must have one rank.`)
    }
    const along = normalizeAxis('np.putAlongAxis', axis, array.ndim)
    const grid = where.shape.map((n, d) => (d === along ? n : Math.max(n, array.shape[d]!)))
    const line = (d: number): NDArray =>
    reshape(asArray(Int32Array.from(range(grid[d]!))), grid.map((_, k) => (k === d ? -1 : 1))) // prettier-ignore
    const index = range(array.ndim).map((d) => (d === along ? broadcastTo(where, grid) : line(d)))
    return array.at(...index).set(values, options)
  })
}

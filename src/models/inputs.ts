/** Converts inputs of models to arrays, and checks dtypes and shapes. */
import { Aval } from '../core/aval.ts'
import { convert } from '../core/convert.ts'
import { isInteger } from '../core/dtype.ts'
import type { TypedArray } from '../core/dtype.ts'
import { ArgumentError, DTypeError, ShapeError, TracerError } from '../core/errors.ts'
import { showShape } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import { fromHost } from '../trace/value.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/** The elements of an array, if they are known: those of traced arrays are not. */
export const knownElements = (x: NDArray): TypedArray | null => {
  try {
    return x.body.trace === null ? x.body.host('models') : null
  } catch (error) {
    if (error instanceof TracerError) return null
    throw error
  }
}

/** Whether a number is an int32. */
const isInt32 = (n: number | bigint): boolean => Number(n) === (Number(n) | 0)

/**
 * Integers as int32; known ones stay known, also where a function is traced. For lists the numbers are checked, for arrays the
 * dtype, so nothing is truncated.
 *
 * @param name - what they are, for the error: `crossEntropy: labels`.
 */
export const asInt32 = (name: string, integers: ArrayLike): NDArray => {
  const isList = Array.isArray(integers) || typeof integers === 'number'
  const x = isList ? np.array(integers, { dtype: 'float64' }) : np.asarray(integers)
  if (!isList && !isInteger(x.dtype)) {
    throw new DTypeError(
      `${name} are integers, got ${x.aval}. Cast it, as x.astype('int32'), if its elements are whole.`,
    )
  }
  const elements = x.dtype === 'int32' ? null : knownElements(x)
  if (elements === null) return x.astype('int32')
  for (const element of elements) {
    if (!isInt32(element)) throw new DTypeError(`${name} are integers of 32 bits, got ${element}.`)
  }
  return fromHost(new Aval('int32', x.shape), convert(elements, x.dtype, 'int32'))
}

const tokenArrayDoor = must.door('tokenArray', {
  operation: must.string,
  ids: must.arrayLike,
  name: must.optional(must.string),
})

/**
 * Inputs of shape `[batch, length]`, of integers, as int32.
 *
 * @param operation - for errors.
 * @throws ArgumentError for another rank, or an array of another dtype than integers; DTypeError for a list with other numbers.
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * layers.tokenArray('myModel', [[1, 2, 3]]).dtype // => int32
 * layers.tokenArray('myModel', [1, 2, 3]) // throws ArgumentError
 * layers.tokenArray('myModel', [[1.5]]) // throws DTypeError
 * ```
 */
export const tokenArray = (operation: string, ids: ArrayLike, name = 'inputIds'): NDArray => {
  tokenArrayDoor(operation, ids, name)
  const given = np.asarray(ids)
  if (given.ndim === 2 && (Array.isArray(ids) || isInteger(given.dtype))) return asInt32(`${operation}: ${name}`, ids)
  throw new ArgumentError(
    `${operation}: ${name} are integers of shape [batch, length], got ${given.aval}. A single sequence is [ids].`,
  )
}

/** The shape of tokens. */
type TokenShape = readonly [batch: number, length: number]

const besideTable = {
  operation: must.string,
  name: must.string,
  given: must.arrayLike,
  shape: must.pairOf(must.natural, 'the shape of the tokens: [batch, length]'),
}

const besideTokensDoor = must.door('besideTokens', besideTable)
const integersBesideTokensDoor = must.door('integersBesideTokens', besideTable)

/**
 * An array parallel to tokens: of their shape `[batch, length]`, or of shape `[1, length]` for all sequences. Nothing else
 * broadcasts, since that would silently align it with other tokens.
 *
 * @throws ShapeError for another shape.
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * layers.besideTokens('myModel', 'attentionMask', [[1, 1, 0]], [4, 3]).shape // => 1,3
 * layers.besideTokens('myModel', 'attentionMask', [[1], [1], [0]], [3, 3]) // throws ShapeError
 * ```
 */
export const besideTokens = (operation: string, name: string, given: ArrayLike, shape: TokenShape): NDArray => {
  besideTokensDoor(operation, name, given, shape)
  const [batch, length] = shape
  const x = np.asarray(given)
  if (x.ndim === 2 && x.shape[1] === length && (x.shape[0] === batch || x.shape[0] === 1)) return x
  throw new ShapeError(
    `${operation}: ${name} has shape ${showShape(x.shape)}, but the tokens have shape ${showShape(shape)}: ` +
      'it has one number for each of them.',
  )
}

/**
 * As `besideTokens`, for integers: token types, positions.
 *
 * @throws ShapeError for another shape; DTypeError for what is not an integer.
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * layers.integersBesideTokens('myModel', 'tokenTypeIds', [[0, 0, 1]], [1, 3]) // => [[0 0 1]]
 * layers.integersBesideTokens('myModel', 'tokenTypeIds', [[0.5, 0, 1]], [1, 3]) // throws DTypeError
 * ```
 */
export const integersBesideTokens = (operation: string, name: string, given: ArrayLike, shape: TokenShape): NDArray => {
  integersBesideTokensDoor(operation, name, given, shape)
  besideTokens(operation, name, given, shape)
  return asInt32(`${operation}: ${name}`, given)
}

const checkLengthDoor = must.door('checkLength', {
  operation: must.string,
  length: must.natural,
  maxPositions: must.number,
})

/**
 * Checks that a sequence is not longer than the number of positions. * * @throws ArgumentError if it is.
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * layers.checkLength('myModel', 512, 512)
 * layers.checkLength('myModel', 513, 512) // throws ArgumentError
 * ```
 */
export const checkLength = (operation: string, length: number, maxPositions: number): void => {
  checkLengthDoor(operation, length, maxPositions)
  if (length <= maxPositions) return
  throw new ArgumentError(
    `${operation}: ${length} tokens are more than the ${maxPositions} that the model has positions for ` +
      '(max_position_embeddings). Truncate the text, or take it in parts.',
  )
}

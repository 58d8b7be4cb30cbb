/** The arguments of functions of arrays, and the functions that methods of arrays forward to. */
import type { DType, TypedArray } from '../core/dtype.ts'
import { PullbackError } from '../core/errors.ts'
import type { ArrayLikeBrand } from '../core/leafTypes.ts'
import type { Shape } from '../core/shape.ts'
import type { Slice } from '../core/slice.ts'
import type { OwnProducts } from './products.ts'
import type { NDArray } from './value.ts'

/** Nested JS arrays of numbers, booleans, bigints or arrays. */
export type NestedArray = readonly (number | boolean | bigint | NDArray | NestedArray)[] & ArrayLikeBrand

/** Anything that an operation accepts as an array. JS numbers are weakly typed scalars. */
export type ArrayLike = NDArray | number | boolean | bigint | NestedArray | TypedArray | Uint8ClampedArray

/**
 * One part of an index: a position, a range (`np.slice`), `':'` for a whole axis, `null` for a new axis, `'...'` for
 * all axes not named, or an integer or boolean array.
 */
export type Index = number | null | '...' | ':' | Slice | NDArray | NestedArray

export interface ReduceOptions {
  /** Axes to reduce; all by default. */
  readonly axis?: number | readonly number[] | null
  /** Keep reduced axes with extent 1. */
  readonly keepdims?: boolean
  /** Elements that take part (bool, broadcast to the array); all by default. */
  readonly where?: ArrayLike
}

/** Options of `np.max` and `np.min`. */
export interface ExtremumOptions extends ReduceOptions {
  /** A value that takes part in every result; needed with `where`. */
  readonly initial?: ArrayLike
}

/** Options of `np.mean`. */
export interface MeanOptions extends ReduceOptions {
  /** The dtype of the result, and of the accumulation. */
  readonly dtype?: DType
}

/** Options of `np.sum` and `np.prod`. */
export interface SumOptions extends MeanOptions {
  /** The initial value of sums (products); 0 (1) by default. */
  readonly initial?: ArrayLike
  /** Whether bools and integers of 8 and 16 bits widen to 32 bits; true by default. */
  readonly promoteIntegers?: boolean
}

/** Options of `np.var` and `np.std`. */
export interface VarOptions extends MeanOptions {
  /** Delta degrees of freedom: the divisor is `n - ddof`. */
  readonly ddof?: number
  /** `ddof` under the array API's name. */
  readonly correction?: number
  /** The mean, if it is known, with the reduced axes of extent 1. */
  readonly mean?: ArrayLike
}

export interface ArgOptions {
  readonly axis?: number | null
  readonly keepdims?: boolean
}

export interface CumulativeOptions {
  /** One axis; all elements in order by default. */
  readonly axis?: number | null
  readonly dtype?: DType
}

/** Options of `np.squeeze`. */
export interface SqueezeOptions {
  /** Axes of extent 1 to remove; all of them by default. */
  readonly axis?: number | readonly number[] | null
}

/** Options of `x.at(...).get`. */
export interface GetOptions {
  /** The result for an index out of range: the nearest element (`clip`, default) or `fillValue` (`fill`). */
  readonly mode?: 'clip' | 'fill' | 'promiseInBounds'
  /** NaN, or the lowest integer (the highest unsigned one), by default. */
  readonly fillValue?: number
}

/** Options of `x.at(...).set` and the other updates. */
export interface UpdateOptions {
  /** What happens to an update out of range: it is dropped (`drop`, default) or moved to the nearest element (`clip`). */
  readonly mode?: 'drop' | 'fill' | 'clip' | 'promiseInBounds'
  /** A promise that no element is updated twice. */
  readonly uniqueIndices?: boolean
}

/** A part of an array, selected by an index; each method returns a new array. */
export interface IndexedPlace {
  get(options?: GetOptions): NDArray
  set(values: ArrayLike, options?: UpdateOptions): NDArray
  add(values: ArrayLike, options?: UpdateOptions): NDArray
  subtract(values: ArrayLike, options?: UpdateOptions): NDArray
  multiply(values: ArrayLike, options?: UpdateOptions): NDArray
  mul(values: ArrayLike, options?: UpdateOptions): NDArray
  /** Quotients, as floats. */
  divide(values: ArrayLike, options?: UpdateOptions): NDArray
  power(values: ArrayLike, options?: UpdateOptions): NDArray
  min(values: ArrayLike, options?: UpdateOptions): NDArray
  max(values: ArrayLike, options?: UpdateOptions): NDArray
  /**
   * Applies a function to each element, as often as the index names the element. Under transformations, computed indices need
   * `{ uniqueIndices: true }`.
   */
  apply(f: (x: NDArray) => NDArray, options?: UpdateOptions): NDArray
}

export interface TakeOptions {
  readonly axis?: number | null
  readonly mode?: 'fill' | 'clip' | 'wrap'
  readonly fillValue?: number
}

/** What methods of arrays forward to. `surface/` has it all, and `np` gives the same functions to users. */
export interface Surface {
  readonly add: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly subtract: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly multiply: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly divide: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly floorDivide: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly remainder: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly power: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly maximum: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly minimum: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly equal: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly notEqual: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly less: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly lessEqual: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly greater: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly greaterEqual: (x: ArrayLike, y: ArrayLike) => NDArray
  readonly matmul: (x: ArrayLike | OwnProducts, y: ArrayLike | OwnProducts) => NDArray
  readonly dot: (x: ArrayLike | OwnProducts, y: ArrayLike | OwnProducts) => NDArray
  readonly negative: (x: ArrayLike) => NDArray
  readonly abs: (x: ArrayLike) => NDArray
  readonly sign: (x: ArrayLike) => NDArray
  readonly exp: (x: ArrayLike) => NDArray
  readonly log: (x: ArrayLike) => NDArray
  readonly sqrt: (x: ArrayLike) => NDArray
  readonly square: (x: ArrayLike) => NDArray
  readonly sin: (x: ArrayLike) => NDArray
  readonly cos: (x: ArrayLike) => NDArray
  readonly tanh: (x: ArrayLike) => NDArray
  readonly clip: (x: ArrayLike, low?: ArrayLike | null, high?: ArrayLike | null) => NDArray
  readonly sum: (x: ArrayLike, options?: SumOptions) => NDArray
  readonly mean: (x: ArrayLike, options?: MeanOptions) => NDArray
  readonly prod: (x: ArrayLike, options?: SumOptions) => NDArray
  readonly max: (x: ArrayLike, options?: ExtremumOptions) => NDArray
  readonly min: (x: ArrayLike, options?: ExtremumOptions) => NDArray
  readonly var: (x: ArrayLike, options?: VarOptions) => NDArray
  readonly std: (x: ArrayLike, options?: VarOptions) => NDArray
  readonly all: (x: ArrayLike, options?: ReduceOptions) => NDArray
  readonly any: (x: ArrayLike, options?: ReduceOptions) => NDArray
  readonly argmax: (x: ArrayLike, options?: ArgOptions) => NDArray
  readonly argmin: (x: ArrayLike, options?: ArgOptions) => NDArray
  readonly cumsum: (x: ArrayLike, options?: CumulativeOptions) => NDArray
  readonly cumprod: (x: ArrayLike, options?: CumulativeOptions) => NDArray
  readonly reshape: (x: ArrayLike, shape: Shape | number, ...more: readonly never[]) => NDArray
  readonly ravel: (x: ArrayLike) => NDArray
  readonly transpose: (x: ArrayLike, axes?: readonly number[] | null) => NDArray
  readonly swapaxes: (x: ArrayLike, a: number, b: number) => NDArray
  readonly squeeze: (x: ArrayLike, options?: SqueezeOptions) => NDArray
  readonly expandDims: (x: ArrayLike, axis: number | readonly number[]) => NDArray
  readonly broadcastTo: (x: ArrayLike, shape: Shape) => NDArray
  readonly take: (x: ArrayLike, indices: ArrayLike, options?: TakeOptions) => NDArray
  readonly astype: (x: ArrayLike, dtype: DType) => NDArray
  readonly at: (x: NDArray, indices: readonly Index[]) => IndexedPlace
}

const unset = new Proxy({} as Surface, {
  get: (_, name) => () => {
    throw new PullbackError(`${String(name)}: no operations are installed. Make arrays with the public entry.`)
  },
})

/** The functions behind the methods of arrays. */
export let surface = unset

/** Installs the methods of arrays. Called once, by `runtime/installArrays.ts`. */
export const installSurface = (functions: Surface): void => {
  surface = functions
}

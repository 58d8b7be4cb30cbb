/** Arrays: their contents are in `body.ts`, their methods forward to `surface.ts`. */
import type { Aval } from '../core/aval.ts'
import type { DType, TypedArray } from '../core/dtype.ts'
import { isFloat } from '../core/dtype.ts'
import { decode } from '../core/convert.ts'
import { DonatedError, PullbackError, SynchronousReadError, TracerError } from '../core/errors.ts'
import type { Printable } from '../core/format.ts'
import { describeArray, formatArray } from '../core/format.ts'
import type { HostArray } from '../core/host.ts'
import type { Shape } from '../core/shape.ts'
import { Slice } from '../core/slice.ts'
import type { LeafBrand, leafBrand } from '../core/leafTypes.ts'
import type { Device } from './device.ts'
import type { DataOf, ElementOf, Nested, NestedTo, ReadOptions } from './elements.ts'
import { checkRead, elementsOf, nest, requireIntegers, requireNumbers, requireOne, toArrayDoor } from './elements.ts'
import type { Body } from './body.ts'
import { ConcreteBody, bodyOf, fetchFrom } from './body.ts'
import type { OwnProducts } from './products.ts'
import type {
  ArgOptions,
  ArrayLike,
  CumulativeOptions,
  ExtremumOptions,
  Index,
  IndexedPlace,
  MeanOptions,
  ReduceOptions,
  SqueezeOptions,
  SumOptions,
  TakeOptions,
  VarOptions,
} from './surface.ts'
import { surface } from './surface.ts'

export type { DataOf, Element, ElementOf, Nested, NestedTo, ReadOptions } from './elements.ts'

/** Runs `f`, which may reuse the memory of these arrays for its results: they are not used afterwards. */
export const offering = <T>(arrays: readonly NDArray[], f: () => T): T => {
  const bodies = arrays.map((x) => x.body).filter((body) => body instanceof ConcreteBody)
  for (const body of bodies) body.isOffered = true
  try {
    return f()
  } finally {
    for (const body of bodies) body.isOffered = false
  }
}

/** The body of donated arrays. */
const donated = new ConcreteBody(null)

const inspectSymbol = Symbol.for('nodejs.util.inspect.custom')

/**
 * An immutable array of any rank. Under a transformation, a value of the same class represents an array that is being traced.
 * Methods forward to the functions of `np`.
 *
 * @category arrays
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([[1, 2], [3, 4]])
 * x.shape // => 2,2
 * x.mul(10).sum({ axis: 0 }) // => [40. 60.]
 * ```
 */
export class NDArray implements LeafBrand {
  declare readonly [leafBrand]: true
  /** Shape, dtype and weakness. */
  readonly aval: Aval
  /** @internal Replaced when the array is donated. */
  body: Body

  /** @internal */
  constructor(aval: Aval, body: Body) {
    this.aval = aval
    this.body = body
  }

  /**
   * Gives up the elements: the array cannot be used any more. Does nothing to tracers.
   *
   * @internal
   */
  donate(): void {
    if (!(this.body instanceof ConcreteBody)) return
    this.body.release()
    this.body = donated
  }

  /** Extents along the axes. */
  get shape(): Shape {
    return this.aval.shape
  }
  /** The type of the elements. */
  get dtype(): DType {
    return this.aval.dtype
  }
  /** Number of axes. */
  get ndim(): number {
    return this.aval.shape.length
  }
  /** Number of elements. */
  get size(): number {
    return this.aval.size
  }
  /** Extent of the first axis. */
  get length(): number {
    const n = this.aval.shape[0]
    if (n === undefined) throw new PullbackError('length: an array of rank 0 has no length.')
    return n
  }
  /**
   * The device in whose memory the elements are; null while they are only in ordinary memory, which every device reads. Arrays
   * move automatically, as programs need them; `devicePut` moves them explicitly.
   *
   * @throws TracerError under a transformation; DonatedError for an array that was donated.
   * @example
   * ```ts
   * import { devicePut, np } from 'pullback'
   * np.ones([3]).device // => null
   * devicePut(np.ones([3]), 'wasm').device?.name // => wasm
   * ```
   */
  get device(): Device | null {
    const { body } = this
    if (body instanceof ConcreteBody && !body.isGone) return body.device
    // Throws as a read would.
    body.host('device')
    return null
  }
  /** The transpose: axes in reverse order. */
  get T(): NDArray {
    return surface.transpose(this)
  }

  /**
   * A copy of the elements in row-major order, in the typed array of the dtype; 16-bit floats are returned as a `Float32Array`,
   * booleans as bytes 0 and 1, 64-bit integers as a `BigInt64Array` or `BigUint64Array`.
   *
   * @param wanted - the dtype that the array has. Its typed array is then the type of the result: `x.dataSync('float32')` is a
   *   `Float32Array`.
   * @throws TracerError under a transformation; DTypeError if the array is of another dtype than `wanted`; SynchronousReadError
   *   if it is on a device that can only be read asynchronously: `await x.data()`.
   * @example
   * ```ts
   * import { np } from 'pullback'
   * const data: Float32Array = np.array([1, 2]).dataSync('float32')
   * data // => 1,2
   * ```
   */
  dataSync(): TypedArray
  dataSync<D extends DType>(wanted: D): DataOf<D>
  dataSync(wanted?: DType): TypedArray {
    const { body, dtype } = this
    if (wanted !== undefined) checkRead('dataSync', dtype, this.shape, { dtype: wanted })
    if (!(body instanceof ConcreteBody)) return decode(dtype, body.host('dataSync')).slice()
    return decode(dtype, body.copy('dataSync'))
  }

  /**
   * As `dataSync`, on every device: waits for elements that are still being computed, or that are on a device that can only be
   * read asynchronously, without blocking the thread. The elements are those at the time of the call, even if the array is
   * donated before they arrive. The promise rejects with what `dataSync` throws. In a loop that would never pause, it yields a
   * turn to the host now and then, so that the memory of unreachable arrays is freed.
   *
   * @example
   * ```ts
   * import { np } from 'pullback'
   * await np.array([1, 2]).data('float32') // => 1,2
   * ```
   */
  data(): Promise<TypedArray>
  data<D extends DType>(wanted: D): Promise<DataOf<D>>
  async data(wanted?: DType): Promise<TypedArray> {
    const { body, dtype } = this
    if (wanted !== undefined) checkRead('data', dtype, this.shape, { dtype: wanted })
    return decode(dtype, await fetchFrom(body, 'data'))
  }

  /**
   * The number in an array of one element.
   *
   * @throws TracerError under a transformation; ShapeError unless there is one element; DTypeError where the dtype is bool (see
   *   `bool`) or int64 (see `bigint`).
   * @example
   * ```ts
   * import { np } from 'pullback'
   * np.array([2.5]).item() // => 2.5
   * ```
   */
  item(): number {
    const data = this.body.host('item')
    requireOne('item', this.shape)
    requireNumbers('item', this.dtype)
    return Number(decode(this.dtype, data)[0])
  }

  /**
   * Whether the one element of an array is true: for a number, whether it is not 0 (NaN is true, as in NumPy). Use this for an
   * array as a condition: an array itself is an object, which JS always treats as true.
   *
   * @throws TracerError under a transformation; ShapeError unless there is one element.
   * @example
   * ```ts
   * import { np } from 'pullback'
   * const x = np.array(3)
   * x.greater(2).bool() ? 'more' : 'less' // => more
   * ```
   */
  bool(): boolean {
    const data = this.body.host('bool')
    requireOne('bool', this.shape)
    const [element] = decode(this.dtype, data)
    return element !== 0 && element !== 0n
  }

  /**
   * The integer in an array of one element, of any integer dtype.
   *
   * @throws TracerError under a transformation; ShapeError unless there is one element; DTypeError for other dtypes.
   */
  bigint(): bigint {
    const data = this.body.host('bigint')
    requireOne('bigint', this.shape)
    requireIntegers('bigint', this.dtype)
    return BigInt(data[0]!)
  }

  /**
   * Nested JS arrays of numbers (booleans for bool, bigints for int64); a bare value for rank 0.
   *
   * @param known - the rank, and the dtype if elements are not numbers: the type of the result follows.
   * @throws TracerError under a transformation; ShapeError or DTypeError if the array is of another rank or dtype.
   * @example
   * ```ts
   * import { np } from 'pullback'
   * const rows: number[][] = np.ones([2, 2]).toArray({ rank: 2 })
   * const mask: boolean[] = np.array([1, 2]).greater(1).toArray({ rank: 1, dtype: 'bool' })
   * mask // => false,true
   * ```
   */
  toArray(): Nested
  toArray<R extends number, D extends DType = 'float32'>(known: ReadOptions<R, D>): NestedTo<R, ElementOf<D>>
  toArray(known: ReadOptions = {}): Nested {
    toArrayDoor(known)
    checkRead('toArray', this.dtype, this.shape, known)
    return nest(elementsOf(this.dtype, this.body.host('toArray')), this.shape)
  }

  toJSON(): Nested {
    return this.toArray()
  }

  /**
   * NumPy's text of the elements, summarised when large. If they cannot be read, says what the array is: a tracer, a donated
   * array, one on a device that can only be read asynchronously.
   */
  toString(): string {
    return textOf(this, formatArray)
  }

  [inspectSymbol](): string {
    return textOf(this, describeArray)
  }

  /**
   * Converts only concrete arrays to numbers and strings: with a tracer, the derivative would be lost silently. An index
   * (`list[x]`) asks for a string too, so templates need `x.toString()` while `x` is traced.
   */
  [Symbol.toPrimitive](hint: 'number' | 'string' | 'default'): number | bigint | string {
    if (this.body.trace !== null && hint === 'string') {
      throw new TracerError(
        `A traced ${this.aval} (inside ${this.body.trace.name}) was used as a string or as an index of a JS array. ` +
          'To index with it use np.take or x.at(i); to print it, x.toString(); or make the argument static.',
      )
    }
    if (hint === 'string') return this.toString()
    if (this.body.trace !== null) {
      throw new TracerError(
        `A traced ${this.aval} (inside ${this.body.trace.name}) was used as a JS number by an operator such as ` +
          '+, *, < or ==. Use its methods (add, mul, less, ...) or the functions of np; to branch on it outside jit, ' +
          'take x.item() first; under jit, use np.where, lax.cond or a static argument.',
      )
    }
    const data = this.body.host('a JS number')
    requireOne('a JS number', this.shape)
    return decode(this.dtype, data)[0]!
  }

  /** Slices along the first axis. */
  *[Symbol.iterator](): IterableIterator<NDArray> {
    for (let i = 0, n = this.length; i < n; i++) yield this.at(i).get()
  }

  /**
   * A part of the array, to read or to update functionally: `x.at(0, ':').set(1)`.
   *
   * @throws IndexError for more indices than axes, or an index of an unknown kind.
   */
  at(...index: readonly Index[]): IndexedPlace {
    return surface.at(this, index)
  }

  /**
   * The elements at an index: `x.get(0, ':')` is `x.at(0, ':').get()`.
   *
   * @throws as `at`.
   * @example
   * ```ts
   * import { np } from 'pullback'
   * const x = np.array([[1, 2], [3, 4]])
   * x.get(0) // => [1. 2.]
   * x.get(':', -1) // => [2. 4.]
   * ```
   */
  get(...index: readonly Index[]): NDArray {
    return surface.at(this, index).get()
  }

  /**
   * The elements from `start` up to, but not including, `stop` along the first axis, as in `Array.prototype.slice`:
   * `x.slice(1)` is all but the first. For other axes see `np.slice`.
   *
   * @throws IndexError for bounds and steps that are not integers, and for rank 0.
   * @example
   * ```ts
   * import { np } from 'pullback'
   * np.arange(5).slice(1, -1) // => [1 2 3]
   * ```
   */
  slice(start?: number | null, stop?: number | null, step = 1): NDArray {
    return surface.at(this, [new Slice(start ?? null, stop ?? null, step)]).get()
  }

  /** `np.add(this, y)`. */
  add(y: ArrayLike): NDArray {
    return surface.add(this, y)
  }
  /** `np.subtract(this, y)`. */
  sub(y: ArrayLike): NDArray {
    return surface.subtract(this, y)
  }
  /** `np.multiply(this, y)`. */
  mul(y: ArrayLike): NDArray {
    return surface.multiply(this, y)
  }
  /** `np.divide(this, y)`. */
  div(y: ArrayLike): NDArray {
    return surface.divide(this, y)
  }
  /** `np.floorDivide(this, y)`. */
  floorDivide(y: ArrayLike): NDArray {
    return surface.floorDivide(this, y)
  }
  /** `np.remainder(this, y)`. */
  remainder(y: ArrayLike): NDArray {
    return surface.remainder(this, y)
  }
  /** `np.power(this, y)`. */
  pow(y: ArrayLike): NDArray {
    return surface.power(this, y)
  }
  /** `np.maximum(this, y)`. */
  maximum(y: ArrayLike): NDArray {
    return surface.maximum(this, y)
  }
  /** `np.minimum(this, y)`. */
  minimum(y: ArrayLike): NDArray {
    return surface.minimum(this, y)
  }
  /** `np.equal(this, y)`. */
  equal(y: ArrayLike): NDArray {
    return surface.equal(this, y)
  }
  /** `np.notEqual(this, y)`. */
  notEqual(y: ArrayLike): NDArray {
    return surface.notEqual(this, y)
  }
  /** `np.less(this, y)`. */
  less(y: ArrayLike): NDArray {
    return surface.less(this, y)
  }
  /** `np.lessEqual(this, y)`. */
  lessEqual(y: ArrayLike): NDArray {
    return surface.lessEqual(this, y)
  }
  /** `np.greater(this, y)`. */
  greater(y: ArrayLike): NDArray {
    return surface.greater(this, y)
  }
  /** `np.greaterEqual(this, y)`. */
  greaterEqual(y: ArrayLike): NDArray {
    return surface.greaterEqual(this, y)
  }
  /** `np.matmul(this, y)`: y may be quantised, or a linear operator. */
  matmul(y: ArrayLike | OwnProducts): NDArray {
    return surface.matmul(this, y)
  }
  /** `np.dot(this, y)`: y may be quantised, or a linear operator. */
  dot(y: ArrayLike | OwnProducts): NDArray {
    return surface.dot(this, y)
  }
  /** `np.negative(this)`. */
  neg(): NDArray {
    return surface.negative(this)
  }
  /** `np.abs(this)`. */
  abs(): NDArray {
    return surface.abs(this)
  }
  /** `np.sign(this)`. */
  sign(): NDArray {
    return surface.sign(this)
  }
  /** `np.exp(this)`. */
  exp(): NDArray {
    return surface.exp(this)
  }
  /** `np.log(this)`. */
  log(): NDArray {
    return surface.log(this)
  }
  /** `np.sqrt(this)`. */
  sqrt(): NDArray {
    return surface.sqrt(this)
  }
  /** `np.square(this)`. */
  square(): NDArray {
    return surface.square(this)
  }
  /** `np.sin(this)`. */
  sin(): NDArray {
    return surface.sin(this)
  }
  /** `np.cos(this)`. */
  cos(): NDArray {
    return surface.cos(this)
  }
  /** `np.tanh(this)`. */
  tanh(): NDArray {
    return surface.tanh(this)
  }
  /** `np.clip(this, low, high)`. */
  clip(low?: ArrayLike | null, high?: ArrayLike | null): NDArray {
    return surface.clip(this, low, high)
  }
  /** `np.sum(this, options)`. */
  sum(options?: SumOptions): NDArray {
    return surface.sum(this, options)
  }
  /** `np.mean(this, options)`. */
  mean(options?: MeanOptions): NDArray {
    return surface.mean(this, options)
  }
  /** `np.prod(this, options)`. */
  prod(options?: SumOptions): NDArray {
    return surface.prod(this, options)
  }
  /** `np.max(this, options)`. */
  max(options?: ExtremumOptions): NDArray {
    return surface.max(this, options)
  }
  /** `np.min(this, options)`. */
  min(options?: ExtremumOptions): NDArray {
    return surface.min(this, options)
  }
  /** `np.var(this, options)`. */
  var(options?: VarOptions): NDArray {
    return surface.var(this, options)
  }
  /** `np.std(this, options)`. */
  std(options?: VarOptions): NDArray {
    return surface.std(this, options)
  }
  /** `np.all(this, options)`. */
  all(options?: ReduceOptions): NDArray {
    return surface.all(this, options)
  }
  /** `np.any(this, options)`. */
  any(options?: ReduceOptions): NDArray {
    return surface.any(this, options)
  }
  /** `np.argmax(this, options)`. */
  argmax(options?: ArgOptions): NDArray {
    return surface.argmax(this, options)
  }
  /** `np.argmin(this, options)`. */
  argmin(options?: ArgOptions): NDArray {
    return surface.argmin(this, options)
  }
  /** `np.cumsum(this, options)`. */
  cumsum(options?: CumulativeOptions): NDArray {
    return surface.cumsum(this, options)
  }
  /** `np.reshape(this, shape)`. */
  reshape(shape: Shape | number, ...more: readonly never[]): NDArray {
    return surface.reshape(this, shape, ...more)
  }
  /** `np.ravel(this)`. */
  ravel(): NDArray {
    return surface.ravel(this)
  }
  /** `np.transpose(this, axes)`. */
  transpose(axes?: readonly number[] | null): NDArray {
    return surface.transpose(this, axes)
  }
  /** `np.swapaxes(this, a, b)`. */
  swapaxes(a: number, b: number): NDArray {
    return surface.swapaxes(this, a, b)
  }
  /** `np.squeeze(this, options)`. */
  squeeze(options?: SqueezeOptions): NDArray {
    return surface.squeeze(this, options)
  }
  /** `np.expandDims(this, axis)`. */
  expandDims(axis: number | readonly number[]): NDArray {
    return surface.expandDims(this, axis)
  }
  /** `np.broadcastTo(this, shape)`. */
  broadcastTo(shape: Shape): NDArray {
    return surface.broadcastTo(this, shape)
  }
  /** `np.take(this, indices, options)`. */
  take(indices: ArrayLike, options?: TakeOptions): NDArray {
    return surface.take(this, indices, options)
  }
  /** `np.astype(this, dtype)`. */
  astype(dtype: DType): NDArray {
    return surface.astype(this, dtype)
  }
}

/** `x instanceof NDArray` in a quarter of the time: it runs on entry to every function. */
export const isNDArray = (x: unknown): x is NDArray =>
  typeof x === 'object' && x !== null && (Object.getPrototypeOf(x) === NDArray.prototype || x instanceof NDArray)

/** The text for an array whose elements cannot be read; null if they can. */
const withoutElements = (x: NDArray): string | null => {
  const { aval, body } = x
  if (!(body instanceof ConcreteBody)) return body.trace === null ? `Type<${aval}>` : null
  if (body.isGone) return `Donated<${aval}>`
  return body.isOutOfReach
    ? `NDArray(shape=[${aval.shape.join(', ')}], dtype=${aval.dtype}, device=${body.device!.name})`
    : null
}

/** The elements, or null if they cannot be read now; other errors are thrown. */
const elementsAtHand = ({ body }: NDArray): TypedArray | null => {
  if (body.trace === null) return body.host('toString')
  try {
    return body.host('toString')
  } catch (error) {
    const isElsewhere =
      error instanceof TracerError || error instanceof SynchronousReadError || error instanceof DonatedError
    if (isElsewhere) return null
    throw error
  }
}

const textOf = (x: NDArray, format: (array: Printable) => string): string => {
  const instead = withoutElements(x)
  if (instead !== null) return instead
  const data = elementsAtHand(x)
  return data === null ? `Traced<${x.aval}> by ${x.body.trace!.name}` : format({ dtype: x.dtype, shape: x.shape, data })
}

/** A concrete array over `data`, which must not be written to afterwards. */
export const fromHost = (aval: Aval, data: TypedArray): NDArray => new NDArray(aval, bodyOf(aval, data))

/**
 * As `fromHost`, for elements that a device may take over: ordinary memory then drops them until they are read. For weights
 * that fill a large part of the memory.
 */
export const handedOver = (aval: Aval, data: TypedArray): NDArray => {
  const body = bodyOf(aval, data)
  body.isMovable = true
  return new NDArray(aval, body)
}

/** An array of that type without elements, for uses where only types matter. */
export const standIn = (aval: Aval): NDArray =>
  new NDArray(aval, {
    trace: null,
    host: (operation) => {
      throw new TracerError(`${operation}: there are no elements where only shapes and dtypes are asked for (${aval}).`)
    },
  })

/** The elements of a concrete array together with its type. */
export const toHost = (x: NDArray, operation: string): HostArray => ({ aval: x.aval, data: x.body.host(operation) })

/** Whether derivatives with respect to values of this type mean anything. */
export const isDifferentiable = (aval: Aval): boolean => isFloat(aval.dtype)

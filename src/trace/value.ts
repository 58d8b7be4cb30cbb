import type { Aval } from '../core/aval.ts'
import type { DType, TypedArray } from '../core/dtype.ts'
import { isFloat, isStorageOf } from '../core/dtype.ts'
import { decode } from '../core/convert.ts'
import { DonatedError, PullbackError, SynchronousReadError, TracerError } from '../core/errors.ts'
import type { Printable } from '../core/format.ts'
import { describeArray, formatArray } from '../core/format.ts'
import type { HostArray } from '../core/host.ts'
import type { Shape } from '../core/shape.ts'
import { Slice } from '../core/slice.ts'
import { turnIfDue } from '../core/turns.ts'
import type { ArrayLikeBrand, LeafBrand, leafBrand } from '../core/leafTypes.ts'
import type { Device } from './device.ts'
import type { DataOf, ElementOf, Nested, NestedTo, ReadOptions } from './elements.ts'
import { checkRead, elementsOf, nest, requireIntegers, requireNumbers, requireOne, toArrayDoor } from './elements.ts'
import type { OwnProducts } from './products.ts'

export type { DataOf, Element, ElementOf, Nested, NestedTo, ReadOptions } from './elements.ts'

/** A transformation in progress; its tracers are of no use once it has ended. */
export interface Trace {
  /** For messages: `jit`, `grad`, `vmap`. */
  readonly name: string
  readonly live: boolean
}

/** What stands behind an array: elements in memory, or a tracer's bookkeeping. */
export interface Body {
  /** The transformation that this value belongs to; null for concrete arrays. */
  readonly trace: Trace | null
  /** The elements; throws a `TracerError` where they are not known yet. `operation` names who asks. */
  host(operation: string): TypedArray
  /** A copy of the elements, as soon as they are there, where `host` would have to wait for them. */
  fetch?(operation: string): Promise<TypedArray>
}

interface Placed {
  /** Whose memory it is. */
  readonly device: Device
  /** Gives the memory back, as soon as no call and no read that has begun needs it. */
  release(): void
}

/** A copy of an array's elements in the memory of a device, which can be read at once. */
export interface SynchronousResident extends Placed {
  /** The elements in ordinary memory. The array keeps them: from then on the device may forget its copy. */
  read(): TypedArray
  /** The elements in ordinary memory, for someone who may write to them. */
  copy(): TypedArray
}

/** A copy of an array's elements in the memory of a device, which can only be asked for them. */
export interface AsynchronousResident extends Placed {
  /**
   * The elements in ordinary memory, for someone who may write to them: those that are there when it is called, whatever
   * becomes of the memory later. Fails with the error of the program that should have made them.
   */
  fetch(): Promise<TypedArray>
  /** Waits until the elements are there, without reading them. Fails as `fetch` does. */
  ready(): Promise<void>
}

/** A copy of an array's elements in the memory of a device. */
export type Resident = SynchronousResident | AsynchronousResident

/**
 * Elements that are known: in ordinary memory, in a device's memory, or in both. As arrays never change, one copy is as good
 * as the other, and several arrays may have one body.
 */
export class ConcreteBody implements Body {
  readonly trace = null
  #data: TypedArray | null
  #resident: Resident | null = null
  /** How many arrays there have been. */
  #arrays = 1
  #isOffered = false

  constructor(data: TypedArray | null) {
    this.#data = data
  }

  /** The copy in a device's memory, if there is one. */
  get resident(): Resident | null {
    return this.#resident
  }

  /** Whether the elements are in a device's memory only. */
  get isResident(): boolean {
    return this.#data === null && this.#resident !== null
  }

  /** Whose memory has the elements; null where they are in ordinary memory only. */
  get device(): Device | null {
    return this.#resident?.device ?? null
  }

  /** Whether the elements are only where they cannot be read at once. */
  get isOutOfReach(): boolean {
    return this.#data === null && this.#resident !== null && 'fetch' in this.#resident
  }

  /** Whether there are no elements any more. */
  get isGone(): boolean {
    return this.#data === null && this.#resident === null
  }

  /** Remembers a copy in a device's memory, in place of one that there may be elsewhere. */
  place(resident: Resident): void {
    this.#resident?.release()
    this.#resident = resident
  }

  /** Whether a device that takes the elements should have the only copy: they are large, and seldom read elsewhere. */
  isMovable = false

  /** As `place`, of elements that ordinary memory need not keep. */
  move(resident: Resident): void {
    this.place(resident)
    this.#data = null
  }

  /** Whether the call in progress may use its memory for results: see `offering`. */
  get isOffered(): boolean {
    return this.#isOffered && this.#arrays === 1
  }

  set isOffered(is: boolean) {
    this.#isOffered = is
  }

  /** Leaves the elements to a result, which is written in their place. */
  vacate(): void {
    this.#resident = null
    this.#data = null
  }

  /** This body, for one more array. */
  share(): this {
    this.#arrays++
    return this
  }

  #copyOf(operation: string): Resident {
    if (this.#resident !== null) return this.#resident
    throw new DonatedError(
      `${operation}: this array was donated to a compiled function (donateArgnums) and its memory reused. ` +
        'Use what the function returned, or do not donate this argument.',
    )
  }

  #readable(operation: string): SynchronousResident {
    const resident = this.#copyOf(operation)
    if (!('fetch' in resident)) return resident
    throw new SynchronousReadError(
      `${operation}: the elements are in the memory of the device '${resident.device.name}', which can only be read ` +
        'asynchronously. Write await x.data(), or have arrays of ordinary memory by await deviceGet(tree).',
    )
  }

  host(operation: string): TypedArray {
    return (this.#data ??= this.#readable(operation).read())
  }

  /** The elements, for someone who may write to them. */
  copy(operation: string): TypedArray {
    return this.#data === null ? this.#readable(operation).copy() : this.#data.slice()
  }

  /** As `copy`, wherever the elements are. What can be read at once is, so that it is what the array has now. */
  async fetch(operation: string): Promise<TypedArray> {
    if (this.#data !== null) return this.#data.slice()
    const resident = this.#copyOf(operation)
    return 'fetch' in resident ? resident.fetch() : resident.copy()
  }

  /** Waits until the elements have been computed. */
  async ready(operation: string): Promise<void> {
    if (this.#data !== null) return
    const resident = this.#copyOf(operation)
    if ('ready' in resident) await resident.ready()
  }

  /** One array less needs the elements. If it was the only one, the device's memory is free at once. */
  release(): void {
    this.#arrays--
    if (this.#arrays > 0) return
    this.#resident?.release()
    this.#resident = null
    this.#data = null
  }
}

/** Runs `f`, which may use the memory of these arrays for its results: they are not used after it. */
export const offering = <T>(arrays: readonly NDArray[], f: () => T): T => {
  const bodies = arrays.map((x) => x.body).filter((body) => body instanceof ConcreteBody)
  for (const body of bodies) body.isOffered = true
  try {
    return f()
  } finally {
    for (const body of bodies) body.isOffered = false
  }
}

/** What is left of arrays that were donated. */
const donated = new ConcreteBody(null)

/** Nested JS arrays of numbers, booleans, bigints or arrays. */
export type NestedArray = readonly (number | boolean | bigint | NDArray | NestedArray)[] & ArrayLikeBrand

/** Whatever an operation takes for an array. JS numbers are weakly typed scalars. */
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
  /** What sums (products) begin with; 0 (1) by default. */
  readonly initial?: ArrayLike
  /** Whether bools and integers of 8 and 16 bits widen to 32 bits; true by default. */
  readonly promoteIntegers?: boolean
}

/** Options of `np.var` and `np.std`. */
export interface VarOptions extends MeanOptions {
  /** Delta degrees of freedom: the divisor is `n - ddof`. */
  readonly ddof?: number
  /** `ddof` by the array API's name. */
  readonly correction?: number
  /** The mean, where it is known, with the reduced axes of extent 1. */
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
  /** What an index out of range gives: the nearest element (`clip`, default) or `fillValue` (`fill`). */
  readonly mode?: 'clip' | 'fill' | 'promiseInBounds'
  /** NaN, or the least integer (greatest unsigned), by default. */
  readonly fillValue?: number
}

/** Options of `x.at(...).set` and its kin. */
export interface UpdateOptions {
  /** What happens to an update out of range: dropped (`drop`, default) or moved inside (`clip`). */
  readonly mode?: 'drop' | 'fill' | 'clip' | 'promiseInBounds'
  /** A promise that no element is updated twice. */
  readonly uniqueIndices?: boolean
}

/** An indexed place in an array; each method gives a new array. */
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
   * A function element by element, as often as the index names the element. Under transformations, computed indices need
   * `{ uniqueIndices: true }`.
   */
  apply(f: (x: NDArray) => NDArray, options?: UpdateOptions): NDArray
}

export interface TakeOptions {
  readonly axis?: number | null
  readonly mode?: 'fill' | 'clip' | 'wrap'
  readonly fillValue?: number
}

/** The functions that methods of arrays forward to; `numpy` provides them. */
export interface Surface {
  add(x: ArrayLike, y: ArrayLike): NDArray
  subtract(x: ArrayLike, y: ArrayLike): NDArray
  multiply(x: ArrayLike, y: ArrayLike): NDArray
  divide(x: ArrayLike, y: ArrayLike): NDArray
  floorDivide(x: ArrayLike, y: ArrayLike): NDArray
  remainder(x: ArrayLike, y: ArrayLike): NDArray
  power(x: ArrayLike, y: ArrayLike): NDArray
  maximum(x: ArrayLike, y: ArrayLike): NDArray
  minimum(x: ArrayLike, y: ArrayLike): NDArray
  equal(x: ArrayLike, y: ArrayLike): NDArray
  notEqual(x: ArrayLike, y: ArrayLike): NDArray
  less(x: ArrayLike, y: ArrayLike): NDArray
  lessEqual(x: ArrayLike, y: ArrayLike): NDArray
  greater(x: ArrayLike, y: ArrayLike): NDArray
  greaterEqual(x: ArrayLike, y: ArrayLike): NDArray
  matmul(x: ArrayLike | OwnProducts, y: ArrayLike | OwnProducts): NDArray
  dot(x: ArrayLike | OwnProducts, y: ArrayLike | OwnProducts): NDArray
  negative(x: ArrayLike): NDArray
  abs(x: ArrayLike): NDArray
  sign(x: ArrayLike): NDArray
  exp(x: ArrayLike): NDArray
  log(x: ArrayLike): NDArray
  sqrt(x: ArrayLike): NDArray
  square(x: ArrayLike): NDArray
  sin(x: ArrayLike): NDArray
  cos(x: ArrayLike): NDArray
  tanh(x: ArrayLike): NDArray
  clip(x: ArrayLike, low?: ArrayLike | null, high?: ArrayLike | null): NDArray
  sum(x: ArrayLike, options?: SumOptions): NDArray
  mean(x: ArrayLike, options?: MeanOptions): NDArray
  prod(x: ArrayLike, options?: SumOptions): NDArray
  max(x: ArrayLike, options?: ExtremumOptions): NDArray
  min(x: ArrayLike, options?: ExtremumOptions): NDArray
  var(x: ArrayLike, options?: VarOptions): NDArray
  std(x: ArrayLike, options?: VarOptions): NDArray
  all(x: ArrayLike, options?: ReduceOptions): NDArray
  any(x: ArrayLike, options?: ReduceOptions): NDArray
  argmax(x: ArrayLike, options?: ArgOptions): NDArray
  argmin(x: ArrayLike, options?: ArgOptions): NDArray
  cumsum(x: ArrayLike, options?: CumulativeOptions): NDArray
  reshape(x: ArrayLike, shape: Shape | number, ...more: readonly never[]): NDArray
  ravel(x: ArrayLike): NDArray
  transpose(x: ArrayLike, axes?: readonly number[] | null): NDArray
  swapaxes(x: ArrayLike, a: number, b: number): NDArray
  squeeze(x: ArrayLike, options?: SqueezeOptions): NDArray
  expandDims(x: ArrayLike, axis: number | readonly number[]): NDArray
  broadcastTo(x: ArrayLike, shape: Shape): NDArray
  take(x: ArrayLike, indices: ArrayLike, options?: TakeOptions): NDArray
  astype(x: ArrayLike, dtype: DType): NDArray
  at(x: NDArray, indices: readonly Index[]): IndexedPlace
}

const unset = new Proxy({} as Surface, {
  get: (_, name) => () => {
    throw new PullbackError(`${String(name)}: no operations are installed. Make arrays with the public entry.`)
  },
})

let surface = unset

/** Gives arrays their methods. Called once, by `numpy`. */
export const installSurface = (functions: Surface): void => {
  surface = functions
}

const inspectSymbol = Symbol.for('nodejs.util.inspect.custom')

/**
 * An immutable array of any rank. Under a transformation a value of the same class stands for an array that is
 * being traced. Methods forward to the functions of `np`.
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
   * Gives the elements up: the array cannot be used any more. Nothing happens to tracers.
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
   * The device in whose memory the elements are; null while they are in ordinary memory only, which every device reads. Arrays
   * move by themselves, as programs need them; `devicePut` moves them on purpose.
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
    // Throws as reading it would.
    body.host('device')
    return null
  }
  /** The transpose: axes in reverse order. */
  get T(): NDArray {
    return surface.transpose(this)
  }

  /**
   * A copy of the elements in row-major order, in the typed array of the dtype; 16-bit floats come as a
   * `Float32Array`, booleans as bytes 0 and 1, integers of 64 bits as a `BigInt64Array` or `BigUint64Array`.
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
   * As `dataSync`, on every device: waits for the elements where they are still being computed, or have to come from a device that
   * can only be read asynchronously. The thread is free meanwhile. The elements are those that the array has when it is called,
   * even if it is donated before they come. What `dataSync` throws, the promise fails with. In a loop that would never pause
   * it gives the host a turn now and then, so that the memory of arrays that nobody can reach comes back.
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
   * Whether the one element of an array is true: for a number, whether it is not 0 (NaN is true, as in NumPy). The way to use
   * an array as a condition: an array itself is an object, and as such always true to JS.
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
   * @param known - the rank, and the dtype if elements are no numbers: the type of the result follows.
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
   * NumPy's text of the elements, summarised when large. Where they are not at hand, what it is: a tracer, a donated array, one
   * on a device that can only be read asynchronously.
   */
  toString(): string {
    return textOf(this, formatArray)
  }

  [inspectSymbol](): string {
    return textOf(this, describeArray)
  }

  /**
   * Numbers and strings only from concrete arrays: from a tracer the derivative would be lost silently. An index
   * (`list[x]`) asks for a string too, so that text in templates needs `x.toString()` while `x` is traced.
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
   * A place in the array, to read or to update functionally: `x.at(0, ':').set(1)`.
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
   * The elements from `start` up to, but not including, `stop` along the first axis, as `Array.prototype.slice` has them:
   * `x.slice(1)` is all but the first. For other axes see `np.slice`.
   *
   * @throws IndexError for bounds and steps that are no integers, and for rank 0.
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

/** `x instanceof NDArray`, which stands at every door, in a quarter of the time. */
export const isNDArray = (x: unknown): x is NDArray =>
  typeof x === 'object' && x !== null && (Object.getPrototypeOf(x) === NDArray.prototype || x instanceof NDArray)

/** A copy of a body's elements, as soon as they are there. Where garbage has piled up, the host has a turn to clear it away. */
export const fetchFrom = async (body: Body, operation: string): Promise<TypedArray> => {
  const data = body.fetch === undefined ? body.host(operation).slice() : await body.fetch(operation)
  await turnIfDue()
  return data
}

/** What is written for an array whose elements are not at hand; null where they are. */
const withoutElements = (x: NDArray): string | null => {
  const { aval, body } = x
  if (!(body instanceof ConcreteBody)) return body.trace === null ? `Type<${aval}>` : null
  if (body.isGone) return `Donated<${aval}>`
  return body.isOutOfReach
    ? `NDArray(shape=[${aval.shape.join(', ')}], dtype=${aval.dtype}, device=${body.device!.name})`
    : null
}

/** The elements of a tracer, if it knows them; what else goes wrong in reading is for the reader to know. */
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

/**
 * Elements of that type, which must not be written to afterwards. Whatever makes arrays comes by here: a back end believes
 * the type, and where there are fewer elements it would read what lies behind them.
 */
export const bodyOf = (aval: Aval, data: TypedArray): ConcreteBody => {
  if (!isStorageOf(aval.dtype, aval.size, data)) throw new PullbackError(storageFault(aval, data))
  return new ConcreteBody(data)
}

/** A concrete array over `data`, which must not be written to afterwards. */
export const fromHost = (aval: Aval, data: TypedArray): NDArray => new NDArray(aval, bodyOf(aval, data))

/**
 * As `fromHost`, of elements that a device may have for its own: once it has taken them, ordinary memory gives them up until they are
 * read. For weights that fill a good part of the memory there is.
 */
export const handedOver = (aval: Aval, data: TypedArray): NDArray => {
  const body = bodyOf(aval, data)
  body.isMovable = true
  return new NDArray(aval, body)
}

/** The elements of a body that is to have that type. */
export const hostOf = (aval: Aval, body: Body, operation: string): TypedArray => {
  const data = body.host(operation)
  if (!isStorageOf(aval.dtype, aval.size, data)) throw new PullbackError(storageFault(aval, data))
  return data
}

const storageFault = (aval: Aval, data: TypedArray): string =>
  `array: a ${data.constructor.name} of ${data.length} elements is no ${aval}. This is a fault of the library.`

/** An array of that type without elements: it stands where only types matter. */
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

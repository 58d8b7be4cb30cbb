/** Weights that stay in blocks of a few bits: they can replace arrays in trees, for products and look-ups. */
import { blocks, expandedShape } from '../core/blocks.ts'
import type { BlockKind } from '../core/blocks.ts'
import type { DType } from '../core/dtype.ts'
import { promoteTwo } from '../core/dtype.ts'
import { ArgumentError, DTypeError, IndexError, ShapeError } from '../core/errors.ts'
import { broadcastTwo, normalizeAxis, sizeOf } from '../core/shape.ts'
import type { Shape } from '../core/shape.ts'
import type { OpaqueBrand, opaqueBrand } from '../core/leafTypes.ts'
import { registerPytreeNode } from '../core/registration.ts'
import { cast } from '../ops/elementwise.ts'
import { broadcastTo, expandDims, reshape, swapLast } from '../ops/movement.ts'
import * as ops from '../primitives/quantizedOperations.ts'
import { arrayFor, functions } from '../runtime/installArrays.ts'
import { NDArray } from '../trace/value.ts'
import type { OwnProducts, Products } from '../trace/products.ts'
import { products } from '../trace/products.ts'
import type { ArrayLike, TakeOptions } from '../trace/surface.ts'
import { isLinearOperator } from './linearOperator.ts'
import type { LinearOperator } from './linearOperator.ts'

export type { BlockKind } from '../core/blocks.ts'

/**
 * An array of float32 values that is stored as GGUF's blocks along its last axis: `payload` has the bytes, `kind` their format.
 * `np.matmul`, `np.einsum` and `np.take` accept it as an operand and dequantise blocks as they go; for everything else, call
 * `dequantize`. In a tree it is a container of its payload, so it works under `jit`, `vmap` and `lax.scan`. Derivatives flow to
 * the other operand; differentiating with respect to a quantised array itself is a `FrozenError`.
 *
 * @example
 * ```ts
 * import { np, QuantizedArray } from 'pullback'
 * // One block of q8_0: the scale 0.5 as a float16, then 32 integers.
 * const bytes = Uint8Array.of(0x00, 0x38, ...Array.from({ length: 32 }, (_, i) => i))
 * const w = new QuantizedArray(np.reshape(bytes, [1, 34]), 'q8_0')
 * String(w) // => q8_0[1,32] (34 bytes)
 * np.matmul(w, np.ones([32])) // => [248.]
 * ```
 */
export class QuantizedArray implements OpaqueBrand, OwnProducts {
  declare readonly [opaqueBrand]?: true
  /** Blocks, uint8: with the axes of the array, except that the last one counts bytes. */
  readonly payload: NDArray
  readonly kind: BlockKind
  /** The dtype of the values. */
  readonly dtype: DType = 'float32'

  /** @throws DTypeError unless the payload is uint8; ShapeError unless its rows are whole blocks. */
  constructor(payload: NDArray, kind: BlockKind) {
    this.payload = payload
    this.kind = kind
    // In trees of axes or types, or in partial trees, the payload is something else.
    if (payload instanceof NDArray) shapeOf(payload, kind)
  }

  /** Of the values. */
  get shape(): Shape {
    return shapeOf(this.payload, this.kind)
  }

  /** The number of axes. */
  get ndim(): number {
    return this.payload.ndim
  }

  /** The number of values. */
  get size(): number {
    return sizeOf(this.shape)
  }

  /** Bytes of the blocks. */
  get nbytes(): number {
    return this.payload.size
  }

  /** For `np.matmul` and methods of arrays. */
  get [products](): Products {
    return { matmul: matmulQuantized, expand: 'dequantize()' }
  }

  /** All values as an array, bit for bit as in llama.cpp. */
  dequantize(dtype: DType = 'float32'): NDArray {
    const values = ops.dequantize(this.payload, { kind: this.kind })
    return dtype === 'float32' ? values : cast(values, dtype)
  }

  /** The same blocks in another order or shape, as `f` arranges the payload; `f` must not change the last axis. */
  mapPayload(f: (payload: NDArray) => NDArray): QuantizedArray {
    return new QuantizedArray(f(this.payload), this.kind)
  }

  toString(): string {
    return `${this.kind}[${this.shape.join(',')}] (${this.nbytes} bytes)`
  }
}

const shapeOf = (payload: NDArray, kind: BlockKind): Shape => {
  if (payload.dtype !== 'uint8') {
    throw new DTypeError(
      `QuantizedArray: the payload of ${kind} is uint8, got ${payload.aval}. If a tree was mapped over, leave quantised arrays out.`,
    )
  }
  const shape = expandedShape(kind, payload.shape)
  if (shape !== null) return shape
  const { elements, bytes } = blocks[kind]
  throw new ShapeError(
    `QuantizedArray: rows of ${payload.aval} are not whole blocks of ${kind}, of ${bytes} bytes for ${elements} values.`,
  )
}

registerPytreeNode(
  QuantizedArray,
  ({ payload, kind }) => ({ children: [payload], keys: ['payload'], aux: kind }),
  (kind, [payload]) => new QuantizedArray(payload as NDArray, kind as BlockKind),
  {
    frozen:
      'a quantised array, which has no derivative. Give quantised weights in an argument of their own, close over them, or ' +
      "split them out: tree.partition(params, (x) => x.dtype !== 'uint8'); or train what dequantize() gives",
  },
)

/** An operand of products: an array, a quantised one, or a matrix that computes its own products. */
export type Factor = ArrayLike | QuantizedArray | LinearOperator

export const isQuantized = (x: unknown): x is QuantizedArray => x instanceof QuantizedArray

/** The other operand of a quantised array, in the dtype that both promote to. */
export const besideQuantized = (operation: string, x: Factor): NDArray => {
  if (isQuantized(x)) {
    throw new ArgumentError(`${operation}: both operands are quantised (${x}); expand one of them with dequantize().`)
  }
  if (isLinearOperator(x)) {
    throw new ArgumentError(
      `${operation}: neither operand is an array, got ${x} beside a quantised one; expand it with dense().`,
    )
  }
  const array = arrayFor(operation, x)
  const { dtype } = promoteTwo(array.aval, { dtype: 'float32', weak: false })
  return cast(array, dtype)
}

/** `x Wᵀ` over the last axes, or `x W`; x begins with the leading axes of W. */
export const multiplyQuantized = (x: NDArray, { payload, kind }: QuantizedArray, transposed: boolean): NDArray =>
  ops.quantizedDot(x, payload, { kind, transposed })

/** Axes before the last two, broadcast to those of the other operand: an array, and a matrix or a stack of them. */
const stacked = (x: NDArray, w: QuantizedArray): readonly [NDArray, QuantizedArray] => {
  if (w.ndim === 2) return [x, w]
  const stack = broadcastTwo('np.matmul', x.shape.slice(0, -2), w.shape.slice(0, -2))
  const spread = (y: NDArray): NDArray => broadcastTo(y, [...stack, ...y.shape.slice(-2)])
  return [spread(x), new QuantizedArray(spread(w.payload), w.kind)]
}

/** `np.matmul` where one operand is quantised: `x W` on the right, `W x` as (xᵀ Wᵀ)ᵀ on the left. */
const matmulQuantized = (x: unknown, y: unknown): NDArray => {
  const onLeft = isQuantized(x)
  const [w, other] = onLeft ? [x, y] : [y as QuantizedArray, x]
  const a = besideQuantized('np.matmul', other as Factor)
  if (w.ndim < 2) throw new ShapeError(`np.matmul: a quantised operand is a matrix or a stack of them, got ${w}.`)
  const met = w.shape.at(onLeft ? -1 : -2)!
  const isVector = a.ndim === 1
  if (a.ndim === 0 || a.shape.at(onLeft && !isVector ? -2 : -1) !== met) {
    throw new ShapeError(
      `np.matmul: ${onLeft ? `${w} and ${a.aval}` : `${a.aval} and ${w}`} do not fit: ${met} values meet.`,
    )
  }
  // As rows: a vector is one row.
  const rows = isVector ? expandDims(a, 0) : onLeft ? swapLast(a) : a
  const product = multiplyQuantized(...stacked(rows, w), !onLeft)
  if (isVector) return reshape(product, [...product.shape.slice(0, -2), product.shape.at(-1)!])
  return onLeft ? swapLast(product) : product
}

/** `np.take` from a quantised array, along any axis but that of the blocks: the rows' blocks are taken, then expanded. */
export const takeQuantized = (w: QuantizedArray, indices: ArrayLike, options: TakeOptions): NDArray => {
  const axis = options.axis ?? null
  const along = axis === null ? null : normalizeAxis('np.take', axis, w.ndim)
  if (along === null || along === w.ndim - 1) {
    throw new IndexError(
      `np.take: from a quantised array ${w} whole rows are taken: along an axis other than the last, got ${String(axis)}. ` +
        'Expand it with dequantize() for other elements.',
    )
  }
  if (options.fillValue !== undefined) {
    throw new ArgumentError(
      'np.take: rows out of range of a quantised array are NaN; fillValue has no place in its blocks.',
    )
  }
  // Out of range, bytes are 255: a scale of 0xffff is NaN, and so are all values.
  return new QuantizedArray(functions.take(w.payload, indices, { ...options, axis: along }), w.kind).dequantize()
}

/** Quantising some of the weights in a tree. */
import type { BlockKind } from '../api/quantized.ts'
import { QuantizedArray } from '../api/quantized.ts'
import { blocks, isBlockKind } from '../core/blocks.ts'
import { isFloat } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { float32ToFloat16Bits } from '../core/float16.ts'
import { show } from '../core/show.ts'
import type { MapLeaves } from '../core/leafTypes.ts'
import { flatten, leafPaths, unflatten } from '../core/tree.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray } from '../trace/value.ts'
import type { WritableKind } from './quantizeBlocks.ts'
import { quantizeBlocks, writableKinds } from './quantizeBlocks.ts'

export type { WritableKind } from './quantizeBlocks.ts'

/** Options of `quantize`. */
export interface QuantizeOptions {
  /** The kind of blocks. `q8_0` takes a byte per weight and is nearly exact, `q4_0` and `q4_1` take half a byte. */
  readonly kind: WritableKind
  /** Which arrays are quantised, by name and value; matrices of floats whose rows are whole blocks by default. */
  readonly where?: (name: string, x: NDArray) => boolean
}

/** The tree `T` in which arrays may be quantised. */
export type Quantized<T> = MapLeaves<T, NDArray | QuantizedArray>

const checkKind = (kind: string): WritableKind => {
  const found = writableKinds.find((k) => k === kind)
  if (found !== undefined) return found
  const what = isBlockKind(kind)
    ? `${kind} is read from files, but not made here`
    : `${show(kind)} is not a kind of blocks`
  throw new ArgumentError(`quantize: ${what}; kinds are ${writableKinds.join(', ')}.`)
}

const isWhole = (x: NDArray, kind: BlockKind): boolean =>
  x.ndim > 0 && x.shape.at(-1)! > 0 && x.shape.at(-1)! % blocks[kind].elements === 0

/** Scales are float16, so values whose scale overflows are refused. */
const checkValues = (name: string, x: NDArray, values: Float32Array): void => {
  const most = values.reduce((m, v) => (Math.abs(v) <= m ? m : Math.abs(v)), 0)
  const isFinite = values.every((v) => Number.isFinite(v)) && (float32ToFloat16Bits(most) & 0x7c00) !== 0x7c00
  if (isFinite) return
  throw new ArgumentError(
    `quantize: ${name} ${x.aval} has values that are not finite, or too large for float16 scales.`,
  )
}

const quantizeArray = (name: string, x: NDArray, kind: WritableKind): QuantizedArray => {
  if (!isFloat(x.dtype) || !isWhole(x, kind)) {
    throw new ShapeError(
      `quantize: ${name} is ${x.aval}; ${kind} takes floats whose last axis is a multiple of ${blocks[kind].elements}. ` +
        'Leave it out with { where }.',
    )
  }
  const values = np.astype(x, 'float32').dataSync() as Float32Array
  checkValues(name, x, values)
  const row = (x.shape.at(-1)! / blocks[kind].elements) * blocks[kind].bytes
  return new QuantizedArray(np.reshape(quantizeBlocks(kind, values), [...x.shape.slice(0, -1), row]), kind)
}

const quantizeDoor = must.door('quantize', {
  params: must.anything,
  options: must.optionsOf<QuantizeOptions>({ kind: must.required(must.string), where: must.func }),
})

/**
 * Weights in GGUF's blocks, as llama.cpp's reference quantisation makes them, bit for bit. Models take the result in place of
 * their parameters; gradients with respect to quantised weights are refused, those with respect to inputs and other parameters
 * work.
 *
 * @param params - a tree of arrays; those that `where` leaves out stay as they are.
 * @throws ArgumentError for a kind that is only read (`q4_k`, `q5_k`, `q6_k`) and for values that are not finite; ShapeError
 *   where `where` selects an array whose rows are not whole blocks.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { quantize } from 'pullback/models'
 * const params = { weight: np.ones([2, 32]), bias: np.zeros([2]) }
 * const small = quantize(params, { kind: 'q4_1' })
 * String(small.weight) // => q4_1[2,32] (40 bytes)
 * np.einsum('...i,oi->...o', np.ones([32]), small.weight) // => [32. 32.]
 * ```
 */
export const quantize = <T>(params: T, options: QuantizeOptions): Quantized<T> => {
  quantizeDoor(params, options)
  const { kind, where } = options
  const checked = checkKind(kind)
  const chosen = where ?? ((_: string, x: NDArray) => x.ndim === 2 && isFloat(x.dtype) && isWhole(x, checked))
  const { leaves, treedef } = flatten(params, (x) => x instanceof QuantizedArray)
  const paths = leafPaths(treedef)
  const made = leaves.map((x, i) => {
    const name = paths[i]!.join('.')
    return x instanceof NDArray && chosen(name, x) ? quantizeArray(name, x, checked) : x
  })
  return unflatten(treedef, made) as Quantized<T>
}

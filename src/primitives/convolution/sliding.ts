/**
 * The geometry that convolutions and windowed reductions share, axis by axis. Element i of the operand and element k of the
 * window meet in element p of the output where
 *
 *     baseDilation · i + low = stride · p + windowDilation · k.
 *
 * All transposes follow from solving this equation for another index.
 */
import { ShapeError } from '../../core/errors.ts'
import type { OpName, Padding, WindowParams } from '../../ir/op.ts'

/** A window sliding along one axis. */
export interface Sliding {
  /** Extents of the operand, the window and the output. */
  readonly extent: number
  readonly window: number
  readonly out: number
  readonly stride: number
  readonly low: number
  readonly high: number
  readonly baseDilation: number
  readonly windowDilation: number
}

/** The extent of an axis whose elements are `dilation` apart. */
export const dilated = (extent: number, dilation: number): number => (extent === 0 ? 0 : (extent - 1) * dilation + 1)

const outExtent = ({ extent, window, stride, low, high, baseDilation, windowDilation }: Omit<Sliding, 'out'>): number =>
  Math.max(0, Math.floor((low + dilated(extent, baseDilation) + high - dilated(window, windowDilation)) / stride) + 1)

/** The axes over which a window slides, one for each extent of the operand. */
export const slidingAxes = (
  extents: readonly number[],
  { windowDimensions, windowStrides, padding, baseDilation, windowDilation }: WindowParams,
): Sliding[] =>
  extents.map((extent, d) => {
    const axis = {
      extent,
      window: windowDimensions[d]!,
      stride: windowStrides[d]!,
      low: padding[d]![0],
      high: padding[d]![1],
      baseDilation: baseDilation[d]!,
      windowDilation: windowDilation[d]!,
    }
    return { ...axis, out: outExtent(axis) }
  })

const positive = (n: number): boolean => Number.isInteger(n) && n >= 1

/** Throws a `ShapeError` unless there is one of each parameter for each axis, and all are valid integers. */
export const checkWindow = (op: OpName, rank: number, params: WindowParams, where: string): void => {
  const { windowDimensions, windowStrides, padding, baseDilation, windowDilation } = params
  const lists = [windowDimensions, windowStrides, padding, baseDilation, windowDilation]
  const whole = padding.every((pair) => pair.length === 2 && pair.every(Number.isInteger))
  const steps = [windowStrides, baseDilation, windowDilation].every((list) => list.every(positive))
  if (lists.every((list) => list.length === rank) && whole && steps) return
  throw new ShapeError(
    `${op}: each of the ${rank} ${where} takes a stride and dilations that are positive and a pair of padding, got windows ` +
      `[${windowDimensions.join(', ')}], strides [${windowStrides.join(', ')}], padding ${JSON.stringify(padding)}, ` +
      `dilations [${baseDilation.join(', ')}] and [${windowDilation.join(', ')}].`,
  )
}

/**
 * The padding with which a reversed window maps outputs back to the operand. With k' = window - 1 - k the equation reads
 * stride · p + windowDilation · (window - 1) - low = baseDilation · i + windowDilation · k': stride and base dilation have
 * swapped roles.
 */
export const paddingToOperand = (axis: Sliding): Padding => {
  const { extent, window, out, stride, low, baseDilation, windowDilation } = axis
  const before = windowDilation * (window - 1) - low
  const needed = baseDilation * (extent - 1) + dilated(window, windowDilation)
  return [before, needed - dilated(out, stride) - before]
}

/**
 * The padding with which outputs, as a window over the operand, map to the window: baseDilation · i + low =
 * windowDilation · k + stride · p. Stride and window dilation have swapped roles.
 */
export const paddingToWindow = (axis: Sliding): Padding => {
  const { extent, window, out, stride, low, baseDilation, windowDilation } = axis
  const needed = windowDilation * (window - 1) + dilated(out, stride)
  return [low, needed - dilated(extent, baseDilation) - low]
}

/** For each output element, for each window element: the operand element that it meets, -1 where there is none. */
const meetings = ({ extent, window, out, stride, low, baseDilation, windowDilation }: Sliding): Int32Array => {
  const table = new Int32Array(out * window)
  for (let p = 0; p < out; p++) {
    for (let k = 0; k < window; k++) {
      const place = stride * p + windowDilation * k - low
      const i = place / baseDilation
      table[p * window + k] = Number.isInteger(i) && i >= 0 && i < extent ? i : -1
    }
  }
  return table
}

/**
 * The same over several axes: rows of outputs by columns of window elements, all in row-major order, hold indices of operand
 * elements in row-major order.
 */
export const windowTable = (axes: readonly Sliding[]): Int32Array => {
  let table: Int32Array = Int32Array.of(0)
  let [rows, columns] = [1, 1]
  for (const axis of axes) {
    const inner = meetings(axis)
    const next = new Int32Array(table.length * inner.length)
    let n = 0
    for (let row = 0; row < rows; row++) {
      for (let p = 0; p < axis.out; p++) {
        for (let column = 0; column < columns; column++) {
          const outer = table[row * columns + column]!
          for (let k = 0; k < axis.window; k++) {
            const i = inner[p * axis.window + k]!
            next[n++] = outer < 0 || i < 0 ? -1 : outer * axis.extent + i
          }
        }
      }
    }
    table = next
    rows *= axis.out
    columns *= axis.window
  }
  return table
}

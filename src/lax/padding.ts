/** Padding by name: how many elements a sliding window needs before and after each axis. */
import type { Padding } from '../ir/op.ts'
import * as must from '../conversions/arguments.ts'

/**
 * `'SAME'`: the number of outputs is the extent divided by the stride, rounded up; an odd element of padding comes last
 * (`'SAME_LOWER'`: first). `'VALID'`: no padding.
 */
export type PaddingName = 'SAME' | 'SAME_LOWER' | 'VALID'

/** Checks padding. */
export const aPadding = must.anyOf(
  must.oneOf(['SAME', 'SAME_LOWER', 'VALID']),
  must.listOf(must.pairOf(must.integer), 'a list with [low, high] for each axis'),
)

/** Padding by name, or elements before and after each axis; negative ones crop. */
export type PaddingOption = PaddingName | readonly Padding[]

const same = (extent: number, window: number, stride: number, lower: boolean): Padding => {
  const out = Math.ceil(extent / stride)
  const total = Math.max((out - 1) * stride + window - extent, 0)
  const half = Math.floor(total / 2)
  return lower ? [total - half, half] : [half, total - half]
}

/** The padding of each axis, given the dilated extents of operand and window. */
export const paddingOf = (
  padding: PaddingOption,
  extents: readonly number[],
  windows: readonly number[],
  strides: readonly number[],
): readonly Padding[] => {
  if (typeof padding !== 'string') return padding
  switch (padding) {
    case 'VALID':
      return extents.map(() => [0, 0] as const)
    case 'SAME':
    case 'SAME_LOWER':
      return extents.map((n, d) => same(n, windows[d]!, strides[d]!, padding === 'SAME_LOWER'))
  }
}

/**
 * Spatial axes of a convolution, as the kernels see them. With a base dilation of `lhs`, as in the gradient of a strided
 * convolution, most products are with zeros. Outputs at the distance of these elements use the same part of the window: with p
 * = a·p' + ρ and k = a·k' + κ the equation a·i + low = p + k becomes
 *
 *     i = p' + k' + (ρ + κ - low) / a,
 *
 * so the convolution splits into as many smaller ones, each without zeros.
 */
import type { Sliding } from '../../../primitives/convolution/sliding.ts'
import type { AxisPadding } from './staging.ts'

/** Some outputs along an axis, the part of the window that they use, and where in the padded `lhs`. */
export interface AxisPart {
  readonly outputs: { readonly first: number; readonly step: number; readonly count: number }
  readonly window: { readonly first: number; readonly step: number; readonly count: number }
  /** The element of `lhs` at the first output and the first element of the window, and steps along both. */
  readonly first: number
  readonly alongOutputs: number
  readonly alongWindow: number
}

export interface AxisParts {
  readonly padding: AxisPadding
  readonly parts: readonly AxisPart[]
}

/** All in one: `lhs` is laid out with its padding, and zeros between its elements. */
const undivided = ({ window, out, stride, low, high, baseDilation, windowDilation }: Sliding): AxisParts => ({
  padding: { low, high, step: baseDilation },
  parts: [
    {
      outputs: { first: 0, step: 1, count: out },
      window: { first: 0, step: 1, count: window },
      first: 0,
      alongOutputs: stride,
      alongWindow: windowDilation,
    },
  ],
})

const every = (extent: number, step: number, first: number) => ({
  first,
  step,
  count: Math.max(0, Math.ceil((extent - first) / step)),
})

const divided = ({ extent, window, out, low, baseDilation: a }: Sliding): AxisParts => {
  const parts = Array.from({ length: a }, (_, rho): AxisPart => {
    const kappa = (((low - rho) % a) + a) % a
    return {
      outputs: every(out, a, rho),
      window: every(window, a, kappa),
      first: (rho + kappa - low) / a,
      alongOutputs: 1,
      alongWindow: 1,
    }
  }).filter(({ outputs }) => outputs.count > 0)
  const meeting = parts.filter((part) => part.window.count > 0)
  const before = Math.max(0, ...meeting.map(({ first }) => -first))
  const last = Math.max(...meeting.map((part) => part.first + part.outputs.count + part.window.count - 2))
  return {
    padding: { low: before, high: Math.max(0, last + 1 - extent), step: 1 },
    parts: parts.map((part) => ({ ...part, first: part.first + before })),
  }
}

export const partsOf = (axis: Sliding): AxisParts =>
  axis.baseDilation > 1 && axis.stride === 1 && axis.windowDilation === 1 ? divided(axis) : undivided(axis)

/** All combinations of one of each list. */
export const combinations = <T>(lists: readonly (readonly T[])[]): readonly (readonly T[])[] =>
  lists.reduce<readonly (readonly T[])[]>((found, list) => found.flatMap((xs) => list.map((x) => [...xs, x])), [[]])

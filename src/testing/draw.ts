/** What recipes of operations draw: choices and operands, which are fresh arrays or a program's variables. */
import type { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import type { OpName, OpParams } from '../ir/op.ts'

/**
 * Values on which an operation is smooth, so that its derivatives can be measured: `u` is in [0, 1), `place` counts
 * elements. Random programs, whose operands are other operations' results, ignore it.
 */
export type Domain = (u: number, place: number) => number

/** Values of a domain for each element, in an order that differs from element to element. */
export const domains = {
  /** From -2 to 2, at least 0.1 away from multiples of a half. */
  general: (u) => Math.floor(u * 8 - 4) / 2 + 0.1 + 0.3 * ((u * 8) % 1),
  positive: (u) => 0.3 + 2 * u,
  /** Inside (-1, 1), away from 0. */
  unit: (u) => (u < 0.5 ? -0.9 + 1.5 * u : 0.15 + 1.5 * (u - 0.5)),
  aboveOne: (u) => 1.2 + 2 * u,
  /** Away from 0, of both signs. */
  nonzero: (u) => (u < 0.5 ? -2 + 3 * u : 0.5 + 3 * (u - 0.5)),
  /** Distinct, at least 0.1 apart. */
  distinct: (u, place) => ((place * 7) % 101) * 0.2 - 10 + 0.1 * u,
  /** As `distinct`, but also distinct from those values: for a second operand. */
  between: (u, place) => ((place * 11) % 103) * 0.2 - 10.07 - 0.03 * u + 0.17,
  small: (u) => Math.floor(u * 7) - 2,
} satisfies Record<string, Domain>

/** The requirements on an operand. */
export interface Wanted {
  readonly dtypes: readonly DType[]
  /** The exact shape. */
  readonly shape?: Shape
  readonly minRank?: number
  readonly maxRank?: number
  /** The least extent of every axis. */
  readonly minExtent?: number
  readonly domain?: Domain
  /** Matrices in the last two axes, with 2, 4, 6, … added along the diagonal and small elsewhere. */
  readonly dominant?: boolean
}

/** A value with a type: a recipe knows nothing else about its operands. */
export interface Typed {
  readonly aval: Aval
}

/** How recipes choose. */
export interface Draw {
  /** First the float dtype in which derivatives are measured; then the other numeric dtypes. */
  readonly numbers: readonly DType[]
  readonly float: readonly DType[]
  /** Whether derivatives are measured: then no rounding to coarse dtypes, and no random constants. */
  readonly smooth: boolean
  below(bound: number): number
  pick<T>(options: readonly T[]): T
  shuffle<T>(options: readonly T[]): T[]
  operand(wanted: Wanted): Typed
}

/** An operation's parameters and operands, chosen so that they fit. */
export interface Chosen<N extends OpName> {
  readonly params: OpParams[N]
  readonly operands: readonly Typed[]
}

/** How to choose a valid application of an operation. */
export type Recipe<N extends OpName> = (draw: Draw) => Chosen<N>

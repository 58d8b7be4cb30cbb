import type { MapLeaves } from '../core/tree.ts'
import type { NDArray } from '../trace/value.ts'

/** A function of trees of arrays. */
export type Fn<A extends readonly unknown[], R> = (...args: A) => R

/** The tree `T` with an array at every leaf: what a gradient with respect to a `T` is. */
export type Arrays<T> = MapLeaves<T, NDArray>

/** Operands as traced functions see them: arrays. */
export type Operands<A extends readonly unknown[]> = { -readonly [I in keyof A]: Arrays<A[I]> }

/** What derivatives with respect to the arguments at `N` are: one tree, or a tuple of trees. */
export type AtArgnums<A extends readonly unknown[], N extends number | readonly number[]> = N extends readonly number[]
  ? { readonly [I in keyof N]: Arrays<A[Extract<N[I], number>]> }
  : N extends number
    ? Arrays<A[N]>
    : never

/** A scalar as a user's function returns it. */
export type Scalar = NDArray | number

/** Options of `grad` and `valueAndGrad`. */
export interface GradOptions<N extends number | readonly number[] = number | readonly number[]> {
  /** Which arguments to differentiate with respect to; the first by default. An array gives a tuple. */
  readonly argnums?: N
  /** Integer and boolean leaves are allowed and get zeros. */
  readonly allowInt?: boolean
}

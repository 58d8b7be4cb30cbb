import type { FreshLeaves, LeafBrand, LeafType, MapLeaves, opaqueBrand, ReadonlyLeaves } from '../core/leafTypes.ts'
import type { NDArray } from '../trace/value.ts'

/** A function of trees of arrays. */
export type Fn<A extends readonly unknown[], R> = (...args: A) => R

/**
 * The tree `T` with an array at every leaf: what a gradient with respect to a `T` is. Where all leaves are arrays already it
 * is `T` itself, by its own name.
 */
export type Arrays<T> = [T] extends [MapLeaves<T, NDArray>] ? T : MapLeaves<T, NDArray>

/**
 * What trees of arrays are, as a constraint of generic functions: in `<P extends TreeOfArrays<P>>(params: P) => ...` gradients
 * with respect to `params`, carries and results of compiled functions are of type `P` again.
 */
export type TreeOfArrays<T> =
  // The empty tuple is a hint: of such a type, a literal `[a, b]` is a tuple.
  NDArray | null | undefined | readonly [] | ({ [K in keyof T]: TreeOfArrays<T[K]> | Mark<T, K> } & object)

/** Properties of trees that are no subtrees: the tags of Options, and all of opaque trees. */
type Mark<T, K extends keyof T> = K extends '_tag'
  ? 'value' extends keyof T
    ? 'Some'
    : 'None'
  : typeof opaqueBrand extends keyof T
    ? T[K]
    : never

/** Any type; a literal `[a, b]` is a tuple. */
export type AnyTree = NonNullable<unknown> | null | undefined | readonly []

/** No value's type. In a union, of functions' results, it makes a tuple of a literal `[a, b]`. */
export type TupleHint = readonly [never]

/** What unannotated parameters of functions are taken for. */
export type ArrayArguments = NDArray[]

/** Operands as traced functions see them: arrays. */
export type Operands<A extends readonly unknown[]> = { -readonly [I in keyof A]: Arrays<A[I]> }

/** A carry as the body of a loop sees it: arrays, in lists and tuples of the body's own. */
export type Carry<T> = [T] extends [FreshLeaves<T, NDArray>] ? T : FreshLeaves<T, NDArray>

/** A leaf of the carry that the body of a loop returns. */
export type CarryLeaf = NDArray | number | boolean

/** The carry that the body of a loop returns. */
export type NextCarry<T> = ReadonlyLeaves<T, CarryLeaf>

/** What derivatives with respect to the arguments at `N` are: one tree, or a tuple of trees. */
export type AtArgnums<A extends readonly unknown[], N extends number | readonly number[]> = N extends readonly number[]
  ? { readonly [I in keyof N]: Arrays<A[Extract<N[I], number>]> }
  : N extends number
    ? Arrays<A[N]>
    : never

type ArraysAmong<T> = T extends LeafBrand | string | symbol | ((...args: never[]) => unknown)
  ? T
  : T extends LeafType
    ? NDArray
    : T extends null | undefined | { readonly _tag: 'None' }
      ? T
      : T extends { readonly _tag: 'Some'; readonly value: infer X }
        ? { readonly _tag: 'Some'; readonly value: ArraysAmong<X> }
        : typeof opaqueBrand extends keyof T
          ? T
          : { [K in keyof T]: ArraysAmong<T[K]> }

/** What comes back of a function's auxiliary result: numbers have become arrays, strings and functions are as they were. */
export type Auxiliaries<T> = [T] extends [ArraysAmong<T>] ? T : ArraysAmong<T>

/** A scalar as a user's function returns it. */
export type Scalar = NDArray | number

/** Options of `grad` and `valueAndGrad`. */
export interface GradOptions<N extends number | readonly number[] = number | readonly number[]> {
  /** Which arguments to differentiate with respect to; the first by default. An array gives a tuple. */
  readonly argnums?: N
  /** Integer and boolean leaves are allowed and get zeros. */
  readonly allowInt?: boolean
}

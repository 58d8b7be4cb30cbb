import type { FreshLeaves, LeafBrand, LeafType, MapLeaves, opaqueBrand, ReadonlyLeaves } from '../core/leafTypes.ts'
import type { NDArray } from '../trace/value.ts'

/** A function of trees of arrays. */
export type Fn<A extends readonly unknown[], R> = (...args: A) => R

/**
 * The tree `T` with an array at every leaf: the type of a gradient with respect to a `T`. Where all leaves are arrays already,
 * it is `T` itself, under its own name.
 */
export type Arrays<T> = [T] extends [MapLeaves<T, NDArray>] ? T : MapLeaves<T, NDArray>

/**
 * Trees of arrays, as a constraint of generic functions: in `<P extends TreeOfArrays<P>>(params: P) => ...` gradients
 * with respect to `params`, carries and results of compiled functions are of type `P` again.
 */
export type TreeOfArrays<T> =
  // The empty tuple is a hint to TypeScript: with it, a literal `[a, b]` is inferred as a tuple.
  NDArray | null | undefined | readonly [] | ({ [K in keyof T]: TreeOfArrays<T[K]> | Mark<T, K> } & object)

/** Properties of trees that are not subtrees: the tags of Options, and all properties of opaque trees. */
type Mark<T, K extends keyof T> = K extends '_tag'
  ? 'value' extends keyof T
    ? 'Some'
    : 'None'
  : typeof opaqueBrand extends keyof T
    ? T[K]
    : never

/** Any type; a literal `[a, b]` is inferred as a tuple. */
export type AnyTree = NonNullable<unknown> | null | undefined | readonly []

/** A type of no value. In the union of a function's result types, it makes a literal `[a, b]` a tuple. */
export type TupleHint = readonly [never]

/** The type assumed for unannotated parameters of functions. */
export type ArrayArguments = NDArray[]

/** Operands as traced functions see them: arrays. */
export type Operands<A extends readonly unknown[]> = { -readonly [I in keyof A]: Arrays<A[I]> }

/** A carry as the body of a loop sees it: arrays, in fresh lists and tuples. */
export type Carry<T> = [T] extends [FreshLeaves<T, NDArray>] ? T : FreshLeaves<T, NDArray>

/** A leaf of the carry that the body of a loop returns. */
type CarryLeaf = NDArray | number | boolean

/** The carry that the body of a loop returns. */
export type NextCarry<T> = ReadonlyLeaves<T, CarryLeaf>

/** The type of derivatives with respect to the arguments at `N`: one tree, or a tuple of trees. */
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

/** A function's auxiliary result as it is returned: numbers have become arrays, strings and functions are unchanged. */
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

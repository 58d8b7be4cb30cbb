/** Types of lists whose length types know. */

/** Longer lists are typed by their elements alone. */
type LongestTuple = 64

/** `N` elements of one type, where `N` is written out as a number up to 64; a list otherwise. */
export type TupleOf<T, N extends number, Found extends T[] = []> = number extends N
  ? T[]
  : Found['length'] extends N
    ? Found
    : Found['length'] extends LongestTuple
      ? T[]
      : TupleOf<T, N, [...Found, T]>

/** One element of a type for each element of a list. */
export type EachAs<T, List extends readonly unknown[]> = { -readonly [I in keyof List]: T }

/** What a cut makes: so many parts, or one more than there are places. */
export type PartsOf<T, P extends number | readonly number[]> = P extends readonly number[]
  ? EachAs<T, P> extends infer Before extends readonly T[]
    ? [...Before, T]
    : never
  : P extends number
    ? TupleOf<T, P>
    : never

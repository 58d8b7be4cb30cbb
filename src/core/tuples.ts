/** Types of lists of known length. */

/** Longer lists are typed only by their elements. */
type LongestTuple = 64

/** `N` elements of one type, where `N` is a number literal up to 64; a list otherwise. */
export type TupleOf<T, N extends number, Found extends T[] = []> = number extends N
  ? T[]
  : Found['length'] extends N
    ? Found
    : Found['length'] extends LongestTuple
      ? T[]
      : TupleOf<T, N, [...Found, T]>

/** One element of a type for each element of a list. */
export type EachAs<T, List extends readonly unknown[]> = { -readonly [I in keyof List]: T }

/** The parts of a split: as many as given, or one more than there are split indices. */
export type PartsOf<T, P extends number | readonly number[]> = P extends readonly number[]
  ? EachAs<T, P> extends infer Before extends readonly T[]
    ? [...Before, T]
    : never
  : P extends number
    ? TupleOf<T, P>
    : never

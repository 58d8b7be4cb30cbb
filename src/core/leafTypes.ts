/** The types of trees: leaves, and trees of the same structure with other leaves. */

/** Only in types: marks classes whose instances are leaves. */
export declare const leafBrand: unique symbol
export interface LeafBrand {
  readonly [leafBrand]: true
}

/** Only in types: marks trees of arrays that mapped types leave as they are, whatever is inside. */
export declare const opaqueBrand: unique symbol
export interface OpaqueBrand {
  readonly [opaqueBrand]?: true
}

/** Only in types: marks nested lists that represent one array, as in the arguments of `np.sin`. */
export declare const arrayLikeBrand: unique symbol
export interface ArrayLikeBrand {
  readonly [arrayLikeBrand]?: true
}

type Scalar = string | number | bigint | boolean | symbol
type Bytes =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Int16Array
  | Int8Array
  | BigInt64Array
  | BigUint64Array

/** Types whose values are always leaves. */
export type LeafType = LeafBrand | Scalar | Bytes | ((...args: never[]) => unknown)

/** The tree `T` with every leaf replaced by an `R`: tuples stay tuples, objects keep their keys. */
export type MapLeaves<T, R> = T extends LeafType
  ? R
  : T extends null | undefined
    ? T
    : T extends { readonly _tag: 'None' }
      ? T
      : T extends { readonly _tag: 'Some'; readonly value: infer A }
        ? { readonly _tag: 'Some'; readonly value: MapLeaves<A, R> }
        : typeof opaqueBrand extends keyof T
          ? T
          : typeof arrayLikeBrand extends keyof T
            ? R
            : { [K in keyof T]: MapLeaves<T[K], R> }

type FreshEach<T, R> = { -readonly [K in keyof T]: FreshLeaves<T[K], R> }

/** `MapLeaves`, with mutable arrays and tuples: for trees that the library builds. */
export type FreshLeaves<T, R> = T extends LeafType
  ? R
  : T extends null | undefined
    ? T
    : T extends { readonly _tag: 'None' }
      ? T
      : T extends { readonly _tag: 'Some'; readonly value: infer A }
        ? { readonly _tag: 'Some'; readonly value: FreshLeaves<A, R> }
        : typeof opaqueBrand extends keyof T
          ? T
          : typeof arrayLikeBrand extends keyof T
            ? R
            : T extends readonly unknown[]
              ? FreshEach<T, R>
              : { [K in keyof T]: FreshLeaves<T[K], R> }

/** `MapLeaves`, with everything read-only: for trees that the library only reads. */
export type ReadonlyLeaves<T, R> = T extends LeafType
  ? R
  : T extends null | undefined
    ? T
    : T extends { readonly _tag: 'None' }
      ? T
      : T extends { readonly _tag: 'Some'; readonly value: infer A }
        ? { readonly _tag: 'Some'; readonly value: ReadonlyLeaves<A, R> }
        : typeof opaqueBrand extends keyof T
          ? T
          : typeof arrayLikeBrand extends keyof T
            ? R
            : { readonly [K in keyof T]: ReadonlyLeaves<T[K], R> }

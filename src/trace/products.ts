/** Matrices that are not arrays, but compute their own products: quantised arrays and linear operators. */
import type { NDArray } from './value.ts'

/** The key under which such a matrix has its products. */
export const products: unique symbol = Symbol('pullback.products')

/** The products of such a matrix. */
export interface Products {
  /** `x y`, where one of them is such a matrix. */
  readonly matmul: (x: unknown, y: unknown) => NDArray
  /** The method that gives its elements as an array. */
  readonly expand: string
}

/** A matrix that computes its own products. */
export interface OwnProducts {
  readonly ndim: number
  readonly [products]: Products
}

/** Whether a value computes its own products. */
export const hasOwnProducts = (x: unknown): x is OwnProducts => typeof x === 'object' && x !== null && products in x

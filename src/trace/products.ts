/** Matrices that are no arrays, but compute their own products: quantised arrays and linear operators. */
import type { NDArray } from './value.ts'

/** The key of what such a matrix knows. */
export const products: unique symbol = Symbol('pullback.products')

/** What it knows. */
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

/** Whether it is one. */
export const hasOwnProducts = (x: unknown): x is OwnProducts => typeof x === 'object' && x !== null && products in x

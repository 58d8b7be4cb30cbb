/** Arbitraries of dtypes, shapes, arrays and trees. */
import * as fc from 'fast-check'
import { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import { dtypes as allDTypes, isFloat, isLong } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import { sizeOf } from '../core/shape.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import { fromHost } from '../trace/value.ts'
import { convert } from '../core/convert.ts'

/** Sets of dtypes. */
export type DTypeKind = 'any' | 'compute' | 'float' | 'number'

const kinds: { readonly [K in DTypeKind]: (d: DType) => boolean } = {
  any: () => true,
  compute: (d) => !isLong(d),
  float: isFloat,
  number: (d) => !isLong(d) && d !== 'bool',
}

const dtypesDoor = must.door('dtypes', { kind: must.oneOf(['any', 'compute', 'float', 'number']) })

/**
 * A dtype; `float32` is the simplest.
 *
 * @param kind - `compute` (default): those whose elements are JS numbers or booleans; `number`: without bool; `float`; `any`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { dtypes } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(dtypes('float'), (dtype) => np.zeros([2], { dtype }).dtype === dtype))
 * ```
 */
export const dtypes = (kind: DTypeKind = 'compute'): fc.Arbitrary<DType> => {
  dtypesDoor(kind)
  const float32First = [...allDTypes].sort((a, b) => Number(b === 'float32') - Number(a === 'float32'))
  return fc.constantFrom(...float32First.filter(kinds[kind]))
}

/** Options of `shapes`. */
export interface ShapeOptions {
  readonly minRank?: number
  /** 4 by default. */
  readonly maxRank?: number
  /** Least extent; 0 by default. */
  readonly minExtent?: number
  /** Largest extent; 4 by default. */
  readonly maxExtent?: number
}

const shapeOptions: must.OptionTable<ShapeOptions> = {
  minRank: must.natural,
  maxRank: must.natural,
  minExtent: must.natural,
  maxExtent: must.natural,
}
const shapesDoor = must.door('shapes', { options: must.optionsOf(shapeOptions) })
const broadcastableShapesDoor = must.door('broadcastableShapes', { options: must.optionsOf(shapeOptions) })

/**
 * A shape; the empty one (of a scalar) is the simplest.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { shapes } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(shapes({ maxRank: 3 }), (shape) => np.zeros(shape).size === shape.reduce((a, b) => a * b, 1)))
 * ```
 */
export const shapes = (options: ShapeOptions = {}): fc.Arbitrary<Shape> => {
  shapesDoor(options)
  const { minRank = 0, maxRank = 4, minExtent = 0, maxExtent = 4 } = options
  return fc.array(fc.integer({ min: minExtent, max: maxExtent }), { minLength: minRank, maxLength: maxRank })
}

/**
 * Two shapes that broadcast against each other.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { broadcastableShapes } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(broadcastableShapes(), ([a, b]) => np.zeros(a).add(np.zeros(b)).ndim === Math.max(a.length, b.length)))
 * ```
 */
export const broadcastableShapes = (options: ShapeOptions = {}): fc.Arbitrary<readonly [Shape, Shape]> => {
  broadcastableShapesDoor(options)
  return fc
    .tuple(shapes(options), fc.array(fc.nat({ max: 2 }), { maxLength: 8 }), fc.nat({ max: 2 }), fc.nat({ max: 4 }))
    .map(([shape, roles, side, dropped]) => {
      // Role 1 stretches an axis of the first shape, role 2 one of the second.
      const first = shape.map((n, d) => (roles[d] === 1 ? 1 : n))
      const second = shape.map((n, d) => (roles[d] === 2 ? 1 : n))
      const shorter = (s: Shape): Shape => s.slice(Math.min(dropped, s.length))
      return [side === 1 ? shorter(first) : first, side === 2 ? shorter(second) : second]
    })
}

/** Options of `arrays`. */
export interface ArrayOptions extends ShapeOptions {
  readonly dtype?: DType | fc.Arbitrary<DType>
  readonly shape?: Shape | fc.Arbitrary<Shape>
  /** Largest absolute value; 10 by default. */
  readonly max?: number
  /** NaN, infinities and negative zero too; false by default. */
  readonly special?: boolean
}

const elements = (dtype: DType, max: number, special: boolean): fc.Arbitrary<number> => {
  if (dtype === 'bool') return fc.nat({ max: 1 })
  if (!isFloat(dtype)) return fc.integer({ min: dtype.startsWith('u') ? 0 : -Math.floor(max), max: Math.floor(max) })
  // Multiples of 1/64 are exact in every float from float32 up, and shrink to short numbers.
  const plain = fc.integer({ min: -max * 64, max: max * 64 }).map((n) => n / 64)
  return special ? fc.oneof({ weight: 8, arbitrary: plain }, fc.constantFrom(NaN, Infinity, -Infinity, -0)) : plain
}

const filled = (dtype: DType, shape: Shape, max: number, special: boolean): fc.Arbitrary<NDArray> => {
  const size = sizeOf(shape)
  return fc.array(elements(dtype, max, special), { minLength: size, maxLength: size }).map((xs) => {
    return fromHost(new Aval(dtype, shape), convert(Float64Array.from(xs), 'float64', dtype))
  })
}

const lift = <T>(x: T | fc.Arbitrary<T>): fc.Arbitrary<T> => (x instanceof fc.Arbitrary ? x : fc.constant(x))

const orArbitrary = (check: must.Check): must.Check => ({
  ...check,
  accepts: (x) => x instanceof fc.Arbitrary || check.accepts(x),
})
const arrayOptions: must.OptionTable<ArrayOptions> = {
  ...shapeOptions,
  dtype: orArbitrary(must.dtype),
  shape: orArbitrary(must.shape),
  max: must.notNegative,
  special: must.boolean,
}
const arraysDoor = must.door('arrays', { options: must.optionsOf(arrayOptions) })

/**
 * An array.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { arrays } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(arrays({ dtype: 'int32' }), (x) => np.subtract(x, x).sum().item() === 0))
 * ```
 */
export const arrays = (options: ArrayOptions = {}): fc.Arbitrary<NDArray> => {
  arraysDoor(options)
  const { dtype = 'float32', shape, max = 10, special = false, ...rest } = options
  return fc
    .tuple(lift(dtype), shape === undefined ? shapes(rest) : lift(shape))
    .chain(([d, s]) => filled(d, s, max, special))
}

const pytreesDoor = must.door('pytrees', {
  leaf: must.kind('an arbitrary of fast-check', (x) => x instanceof fc.Arbitrary),
})

/**
 * A tree: leaves in arrays, tuples, objects (odd keys too), nulls and fp-ts Options, to a depth of three.
 *
 * @param leaf - the arbitrary of its leaves; small arrays by default.
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * import { pytrees } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(pytrees(fc.integer()), (t) => tree.leaves(t).every(Number.isInteger)))
 * ```
 */
export const pytrees = <T>(leaf: fc.Arbitrary<T>): fc.Arbitrary<unknown> => {
  pytreesDoor(leaf)
  const key = fc.oneof(fc.constantFrom('a', 'b', 'w', '0', '10', 'odd key', '__proto__'), fc.string({ maxLength: 3 }))
  const { node } = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small', maxDepth: 3, withCrossShrink: true },
      leaf,
      fc.array(tie('node'), { maxLength: 3 }),
      fc.dictionary(key, tie('node'), { maxKeys: 3, noNullPrototype: true }),
      fc.constant(null),
      tie('node').map((value) => ({ _tag: 'Some', value })),
      fc.constant({ _tag: 'None' }),
    ),
  }))
  return node
}

/**
 * A tree of small float32 arrays.
 *
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * import { arrayTrees } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(
 *   fc.property(arrayTrees(), (t) => {
 *     const read = tree.deserialize(tree.serialize(t))
 *     return read._tag === 'Right' && tree.equal(read.right, t)
 *   }),
 * )
 * ```
 */
export const arrayTrees = (): fc.Arbitrary<unknown> => pytrees(arrays({ maxRank: 2, maxExtent: 3 }))

import * as fc from 'fast-check'
import { jit, np, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { expect, it } from 'vitest'
import { valueKey } from '../../src/core/valueKey.ts'
import '../support/seed.ts'

/** Data in which values of different types look alike as text. */
const { data } = fc.letrec<{ data: unknown }>((tie) => ({
  data: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'data' },
    fc.constantFrom<unknown>(0, -0, NaN, null, undefined, true, 1n, '', '0', '1', 'null', '1n', 'a,"b":1', '#0'),
    fc.integer({ min: 0, max: 2 }),
    fc.array(tie('data'), { maxLength: 3, depthIdentifier: 'data' }),
    fc.dictionary(fc.constantFrom('a', 'b', '0', '__proto__x'), tie('data'), { maxKeys: 3, depthIdentifier: 'data' }),
  ),
}))

const isEqual = (x: unknown, y: unknown): boolean => {
  if (typeof x !== 'object' || typeof y !== 'object' || x === null || y === null) return Object.is(x, y)
  if (Array.isArray(x) !== Array.isArray(y)) return false
  const keys = Object.keys(x)
  const at = (of: object, key: string): unknown => (of as Record<string, unknown>)[key]
  return keys.length === Object.keys(y).length && keys.every((k) => Object.hasOwn(y, k) && isEqual(at(x, k), at(y, k)))
}

it('is equal for equal data, and for no other', () => {
  fc.assert(
    fc.property(data, data, (x, y) => {
      expect(valueKey(x) === valueKey(y)).toBe(isEqual(x, y))
      expect(valueKey(structuredClone(x))).toBe(valueKey(x))
    }),
    { numRuns: 2000 },
  )
})

it('takes keys in any order', () => {
  expect(valueKey({ a: 1, b: [2] })).toBe(valueKey({ b: [2], a: 1 }))
})

it('compares everything else by identity', () => {
  const others = [Symbol('a'), Symbol('a'), () => 1, () => 1, new Date(0), new Date(0), new Map(), new Float32Array(1)]
  expect(new Set(others.map(valueKey)).size).toBe(others.length)
  for (const x of others) expect(valueKey([x])).toBe(valueKey([x]))
})

it('ends on data that contains itself, or is very deep', () => {
  const loop: { self?: unknown } = {}
  loop.self = loop
  expect(valueKey(loop)).toBe(valueKey(loop))
  let deep: unknown = 1
  for (let i = 0; i < 100_000; i++) deep = [deep]
  expect(valueKey(deep)).toBe(valueKey(deep))
})

it.each([
  [[1], { 0: 1 }],
  [{ a: 'x,"b":number:1' }, { a: 'x', b: 1 }],
  [Symbol('a'), Symbol('a')],
  [[null], [NaN]],
])('lets jit tell static arguments apart: %o, %o', (first, second) => {
  let traced = 0
  const f = jit(
    (x: NDArray, _: unknown) => {
      traced++
      return x.mul(2)
    },
    { staticArgnums: 1 },
  )
  for (const given of [first, second, first]) f(np.array(1), given)
  expect(traced).toBe(2)
})

it('lets structures tell apart what classes keep', () => {
  class Held {
    readonly value: unknown
    constructor(value: unknown) {
      this.value = value
    }
  }
  tree.registerPytreeNode(
    Held,
    ({ value }) => ({ children: [], aux: { value } }),
    (aux) => new Held((aux as Held).value),
  )
  const structure = (x: unknown): tree.TreeDef => tree.structure(new Held(x))
  const values = [NaN, null, undefined, 0, -0, 1n, '1', 1]
  for (const [i, x] of values.entries()) {
    for (const [j, y] of values.entries()) expect(structure(x).equals(structure(y))).toBe(i === j)
  }
})

it('tells programs apart that differ by the sign of a zero', () => {
  const outside = (fillValue: number): number =>
    1 /
    jit((x: NDArray) => np.take(x, [9], { mode: 'fill', fillValue }))(np.array([1, 2]))
      .at(0)
      .get()
      .item()
  expect([outside(0), outside(-0), outside(0)]).toEqual([Infinity, -Infinity, Infinity])
})

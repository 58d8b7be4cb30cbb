import * as fc from 'fast-check'
import { np, tree, TreeError } from 'pullback'
import type { NDArray } from 'pullback'
import { none, some } from 'fp-ts/lib/Option.js'
import { arrayTrees, mapIsFunctor, pytrees } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const trees = pytrees(fc.integer())

describe('laws', () => {
  it('unflatten undoes flatten', () => {
    fc.assert(
      fc.property(trees, (t) => {
        const [leaves, treedef] = tree.flatten(t)
        expect(tree.unflatten(treedef, leaves)).toEqual(t)
        expect(treedef.numLeaves).toBe(leaves.length)
        expect(tree.structure(t).equals(treedef)).toBe(true)
      }),
    )
  })

  it('map is a functor', () => {
    fc.assert(
      fc.property(trees, (t) => {
        mapIsFunctor(
          (x: number) => x + 1,
          (x) => x * 2,
          t,
        )
      }),
    )
    fc.assert(
      fc.property(arrayTrees(), (t) => {
        mapIsFunctor((x: NDArray) => np.sin(x), np.cos as (x: NDArray) => NDArray, t)
      }),
      { numRuns: 50 },
    )
  })

  it('partition and combine are inverse', () => {
    fc.assert(
      fc.property(trees, fc.integer(), (t, k) => {
        const [yes, no] = tree.partition(t, (x) => (x as number) > k)
        expect(tree.combine(yes, no)).toEqual(t)
        expect(tree.leaves(yes).length + tree.leaves(no).length).toBe(tree.leaves(t).length)
      }),
    )
  })

  it('paths lead to leaves', () => {
    fc.assert(
      fc.property(pytrees(fc.integer()), (t) => {
        for (const [path, leaf] of tree.leavesWithPath(t)) {
          const found = path.reduce<unknown>((node, key) => (node as Record<string | number, unknown>)[key], t)
          expect(found).toBe(leaf)
        }
      }),
    )
  })

  it('transpose twice is the identity', () => {
    const [outer, inner] = [tree.structure([0, 0, 0]), tree.structure({ a: 0, b: 0 })]
    const t = [1, 2, 3].map((n) => ({ a: n, b: -n }))
    const turned = tree.transpose(outer, inner, t)
    expect(turned).toEqual({ a: [1, 2, 3], b: [-1, -2, -3] })
    expect(tree.transpose(inner, outer, turned)).toEqual(t)
  })
})

describe('structures', () => {
  it('sort keys by code unit, so that order of writing does not count', () => {
    expect(tree.leaves({ b: 2, a: 1, B: 0, 10: 11, 9: 10 })).toEqual([11, 10, 0, 1, 2])
    expect(tree.structure({ a: 1, b: 2 }).equals(tree.structure({ b: 5, a: 4 }))).toBe(true)
  })

  it('hold arrays, tuples, objects, nulls, Options', () => {
    const t = { list: [1, [2]], gone: null, missing: undefined, some: some(3), none }
    expect(tree.leaves(t)).toEqual([1, 2, 3])
    expect(tree.map((x) => x * 10, t)).toEqual({
      list: [10, [20]],
      gone: null,
      missing: undefined,
      some: some(30),
      none,
    })
  })

  it('treat arrays of numbers in typed arrays as leaves', () => {
    const typed = Float32Array.of(1, 2)
    expect(tree.leaves({ typed, array: np.array([1]) }).length).toBe(2)
  })

  it('do no harm with keys such as __proto__', () => {
    const t = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2, "hasOwnProperty": 3}') as unknown
    const mapped = tree.map((x: number) => x + 1, t as Record<string, number>)
    expect(Object.hasOwn(mapped, '__proto__')).toBe(true)
    expect(Object.getPrototypeOf(mapped)).toBe(Object.prototype)
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    expect(tree.leaves(mapped).sort()).toEqual([2, 3, 4])
  })

  it('hold instances of registered classes', () => {
    class Complex {
      readonly re: number
      readonly im: number
      constructor(re: number, im: number) {
        this.re = re
        this.im = im
      }
    }
    expect(tree.leaves({ z: new Complex(1, 2) }).length).toBe(1)
    tree.registerPytreeNode(
      Complex,
      (z) => ({ children: [z.re, z.im], keys: ['re', 'im'] }),
      (_, [re, im]) => new Complex(re as number, im as number),
    )
    const t = { z: new Complex(1, 2) }
    expect(tree.leaves(t)).toEqual([1, 2])
    expect(tree.leavesWithPath(t).map(([path]) => tree.keystr(path))).toEqual(['.z.re', '.z.im'])
    const doubled = tree.map((x: number) => 2 * x, t as unknown as Record<string, number>) as unknown as typeof t
    expect(doubled.z).toBeInstanceOf(Complex)
    expect(doubled.z.im).toBe(4)
  })

  it('what contains itself is not a tree, and what is met twice is one', () => {
    const parent: { children: unknown[] } = { children: [] }
    parent.children.push({ parent, weight: 1 })
    expect(() => tree.leaves(parent)).toThrow(TreeError)
    expect(() => tree.leaves(parent)).toThrow(/contains itself/)
    const shared = [1, 2]
    let twice: unknown = shared
    for (let i = 0; i < 20; i++) twice = [twice, twice]
    expect(tree.leaves(twice).length).toBe(2 ** 21)
  })

  it('may be deep and wide without overflowing the stack', () => {
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    expect(tree.leaves(deep)).toEqual([1])
    const wide = Array.from({ length: 200_000 }, (_, i) => i)
    expect(tree.leaves(tree.map((x: number) => x + 1, wide)).length).toBe(200_000)
  })
})

describe('functions of trees', () => {
  it('size counts elements', () => {
    expect(
      tree.size({ w: np.ones([2, 3]), b: [1, true, null], raw: new Float32Array(5), none: { _tag: 'None' } }),
    ).toBe(13)
    expect(tree.size(null)).toBe(0)
    expect(tree.size(np.zeros([0, 4]))).toBe(0)
    expect(() => tree.size({ a: [1, 'x'] })).toThrow(/tree\.a\[1\] is a string/)
  })

  it('map several; later ones may extend below the leaves of the first', () => {
    const labelled = tree.map((label: string, t: { x: number }) => `${label}${t.x}`, { a: 'p', b: 'q' }, {
      a: { x: 1 },
      b: { x: 2 },
    } as never) as unknown
    expect(labelled).toEqual({ a: 'p1', b: 'q2' })
  })

  it('broadcast a prefix', () => {
    expect(tree.broadcast({ a: 1, b: 2 }, { a: [0, 0], b: { c: 0 } })).toEqual({ a: [1, 1], b: { c: 2 } })
  })

  it('fold, and ask of all', () => {
    expect(tree.reduce((sum: number, x: number) => sum + x, { a: 1, b: [2, 3] }, 0)).toBe(6)
    expect(tree.all({ a: true, b: [true, false] })).toBe(false)
  })

  it('compare by bits', () => {
    expect(tree.equal({ a: np.array([1, NaN]) }, { a: np.array([1, NaN]) })).toBe(true)
    expect(tree.equal({ a: np.array([0]) }, { a: np.array([-0]) })).toBe(false)
    expect(tree.equal({ a: np.array([1]) }, { a: np.array([1], { dtype: 'float64' }) })).toBe(false)
    expect(tree.equal({ a: 1 }, { b: 1 })).toBe(false)
  })

  it('replace what is at a path', () => {
    const t = { layers: [{ w: 1 }, { w: 2 }] }
    expect(tree.treeAt(t, ['layers', 1, 'w'], (w) => w * 10)).toEqual({ layers: [{ w: 1 }, { w: 20 }] })
    expect(t.layers[1]!.w).toBe(2)
    expect(() => tree.treeAt(t, ['layers', 7], (x) => x)).toThrow(expect.objectContaining({ name: 'TreeError' }))
  })
})

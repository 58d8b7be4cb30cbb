import * as fc from 'fast-check'
import { tree } from 'pullback'
import { pytrees } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { LruMap } from '../../src/core/lru.ts'
import { flatten, leavesOf } from '../../src/core/tree.ts'

const trees = pytrees(fc.integer())
const isNumber = (x: unknown): boolean => typeof x === 'number'

describe('leavesOf', () => {
  it('finds what flatten finds, in trees of the same structure and in no others', () => {
    fc.assert(
      fc.property(trees, trees, (a, b) => {
        const [one, other] = [flatten(a), flatten(b)]
        expect(leavesOf(one.treedef, a, isNumber)).toEqual(one.leaves)
        const expected = one.treedef.equals(other.treedef) ? other.leaves : null
        expect(leavesOf(one.treedef, b, isNumber)).toEqual(expected)
      }),
      { numRuns: 1000 },
    )
  })

  it('looks past the order of keys, and at nothing inherited', () => {
    const { treedef } = flatten({ a: 1, toString: 2 })
    expect(leavesOf(treedef, { toString: 2, a: 1 }, isNumber)).toEqual([1, 2])
    expect(leavesOf(treedef, { a: 1, b: 2 }, isNumber)).toBeNull()
    const inherits: unknown = Object.create({ a: 1, toString: 2 })
    expect(leavesOf(treedef, inherits, isNumber)).toBeNull()
  })

  it('opens instances of registered classes', () => {
    class Pair {
      readonly x: unknown
      readonly y: unknown
      readonly tag: string
      constructor(x: unknown, y: unknown, tag: string) {
        this.x = x
        this.y = y
        this.tag = tag
      }
    }
    tree.registerPytreeNode(
      Pair,
      ({ x, y, tag }) => ({ children: [x, y], aux: tag }),
      (tag, [x, y]) => new Pair(x, y, tag as string),
    )
    const { treedef } = flatten([new Pair(1, [2], 'a')])
    expect(leavesOf(treedef, [new Pair(3, [4], 'a')], isNumber)).toEqual([3, 4])
    expect(leavesOf(treedef, [new Pair(3, [4], 'b')], isNumber)).toBeNull()
  })
})

describe('LruMap', () => {
  it('keeps what was asked for last, and says what leaves', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(9))), fc.integer({ min: 1, max: 6 }), (uses, capacity) => {
        const dropped: string[] = []
        const map = new LruMap<number, string>(capacity, (value) => dropped.push(value))
        // The keys that are in it, from the one that was not used for the longest.
        let model: number[] = []
        let added = 0
        for (const [isWrite, key] of uses) {
          const had = model.includes(key)
          if (isWrite || had) model = [...model.filter((k) => k !== key), key]
          if (isWrite) {
            map.set(key, String(key))
            added++
          } else expect(map.get(key)).toBe(had ? String(key) : undefined)
          model = model.slice(-capacity)
          expect(map.size).toBe(model.length)
          expect(dropped.length).toBe(added - map.size)
        }
        map.clear()
        expect([map.size, dropped.length]).toEqual([0, added])
      }),
    )
  })

  it('of many keys, finds most of those that are asked for in a circle longer than itself', () => {
    const map = new LruMap<number, number>(512)
    let missed = 0
    for (let i = 0; i < 513 * 20; i++) {
      const key = i % 513
      if (map.get(key) !== undefined) continue
      missed++
      map.set(key, key)
    }
    expect(missed).toBeLessThan(513 + 19 * 10)
    // What was in use lately is there.
    for (let i = 1000; i < 1500; i++) map.set(i, i)
    for (let i = 1300; i < 1500; i++) expect(map.get(i)).toBe(i)
  })
})

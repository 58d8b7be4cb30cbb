/** The elements of an array are as many as its shape says, whatever it was made of. */
import * as fc from 'fast-check'
import { PullbackError, jit, np, tree, withDevice } from 'pullback'
import type { DType, NDArray } from 'pullback'
import { wasmDevice } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { Aval } from '../../src/core/aval.ts'
import { fromHost } from '../../src/trace/value.ts'

/** What TypeScript would not let through. */
const as = <T>(x: unknown): T => x as T
const array = (x: unknown, dtype?: DType): NDArray => np.array(as<NDArray>(x), dtype === undefined ? {} : { dtype })

const milliseconds = (f: () => unknown): number => {
  const before = performance.now()
  f()
  return performance.now() - before
}

/** A list of that length, of which these places are set. */
const sparse = (length: number, ...places: readonly number[]): unknown[] => {
  const list: unknown[] = []
  list.length = length
  for (const place of places) list[place] = place
  return list
}

describe('holes and what is not a number', () => {
  it.each<[string, unknown, RegExp]>([
    ['a long list with one element', sparse(5000, 4999), /array: the list has a hole at \[0\]/],
    ['a hole between numbers', sparse(3, 0, 2), /hole at \[1\]/],
    ['a hole deep inside', [[1, 2], sparse(2, 1)], /hole at \[1\]\[0\]/],
    [
      'undefined',
      [
        [1, 2],
        [3, undefined],
      ],
      /at \[1\]\[1\] is undefined/,
    ],
    ['null', [[[1], [null]]], /at \[0\]\[1\]\[0\] is null/],
    ['a string', [1, '2'], /at \[1\] is the string "2"/],
    ['a symbol', [Symbol('a')], /at \[0\] is Symbol\(a\)/],
    ['an object', [{}], /at \[0\] is \{\}/],
    ['a hole beside bigints', Object.assign(sparse(3, 0), { 2: 5n }), /hole at \[1\]/],
  ])('%s', (_, list, message) => {
    for (const dtype of [undefined, 'float32', 'float64', 'int32', 'bool', 'int64', 'float16'] as const) {
      expect(() => array(list, dtype)).toThrow(message)
    }
    expect(() => np.sum(as<NDArray>(list))).toThrow(PullbackError)
    expect(() => np.zeros([4]).at(as<number[]>(list)).get()).toThrow(PullbackError)
  })

  it('lists that are not rectangular', () => {
    expect(() => array([[1, 2], [3]])).toThrow(/rectangular.*depth 1.*length 2.*\[1\], 1/)
    expect(() => array([[1, 2], 3])).toThrow(/rectangular.*at \[1\] is 3/)
    expect(() => array([1, [2]])).toThrow(/rectangular.*at \[1\] is a list/)
    expect(() => array([[[1]], [[]]])).toThrow(/\[1\]\[0\], 0/)
    expect(() => array([[], [1]])).toThrow(/rectangular/)
    expect(array([[], []]).shape).toEqual([2, 0])
    expect(array([[[]], [[]]]).shape).toEqual([2, 1, 0])
  })
})

describe('lists without end', () => {
  const nested = (depth: number): unknown => {
    let list: unknown = 1
    for (let i = 0; i < depth; i++) list = [list]
    return list
  }

  it('are refused at once', () => {
    const first: unknown[] = []
    first.push(first)
    const later: unknown[] = [1]
    later.push(later)
    const row: unknown[] = [[1, 2]]
    row.push(row)
    for (const list of [first, later, row, nested(20_000), nested(65)]) {
      expect(
        milliseconds(() => {
          expect(() => array(list)).toThrow(PullbackError)
        }),
      ).toBeLessThan(500)
    }
    expect(array(nested(64)).ndim).toBe(64)
  })

  it('are not trees', () => {
    const self: Record<string, unknown> = { a: 1, list: Array.from({ length: 500 }, () => 0) }
    self['parent'] = { self }
    const grid = Array.from({ length: 100 }, () => ({ self }))
    for (const cyclic of [self, [1, [self]], grid]) {
      expect(
        milliseconds(() => {
          expect(() => tree.leaves(cyclic)).toThrow(/contains itself/)
        }),
      ).toBeLessThan(500)
      expect(
        milliseconds(() => {
          expect(() => jit((x: unknown) => x)(as<NDArray>(cyclic))).toThrow(PullbackError)
        }),
      ).toBeLessThan(500)
    }
  })

  it('what is met often, but within nothing of itself, is a tree', () => {
    let shared: unknown = [1, 2]
    for (let i = 0; i < 13; i++) shared = [shared, shared]
    expect(tree.leaves(shared).length).toBe(2 ** 14)
  })
})

describe('elements and shape', () => {
  it('agree where an array is made', () => {
    const type = new Aval('float32', [2, 2])
    expect(() => fromHost(type, new Float32Array(3))).toThrow(/Float32Array of 3 elements is no f32\[2,2\]/)
    expect(() => fromHost(type, new Float64Array(4))).toThrow(/Float64Array/)
    expect(fromHost(type, new Float32Array(4)).shape).toEqual([2, 2])
  })

  const plain = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: -100, max: 100 }) },
    fc.boolean(),
    fc.constantFrom(NaN, Infinity, -0, 0.5, 5n),
  )
  const wild = fc.oneof(
    { weight: 30, arbitrary: plain },
    fc.constantFrom<unknown>(undefined, null, 'x', {}, [], [1], np.ones([2])),
  )
  const list = (element: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> =>
    fc.oneof(
      fc.array(element, { maxLength: 4 }),
      // With holes, some of them behind the end.
      fc.sparseArray(element, { maxNumElements: 4, maxLength: 40, noTrailingHole: false }),
      {
        weight: 3,
        arbitrary: fc
          .tuple(fc.array(element, { minLength: 1, maxLength: 3 }), fc.nat({ max: 3 }))
          .map(([row, n]) => Array.from({ length: n }, () => row)),
      },
    )
  const nest = fc.oneof(list(wild), list(list(wild)), list(list(list(wild))), list(list(plain)))

  it('agree whatever a list holds, and nothing else is read from the memory of a device', () => {
    // Every array lives in the device's memory, which is full of a value that no list has.
    const device = wasmDevice({ threads: 1, guards: true, small: 0 })
    const stale = 1234.5
    const poison = jit((x: NDArray) => x.add(0))
    const same = jit((x: NDArray) => np.astype(x, 'float64'))
    withDevice(device, () => {
      fc.assert(
        fc.property(
          nest,
          fc.constantFrom<DType | undefined>(undefined, 'float64', 'int32', 'bool', 'uint8'),
          (x, dtype) => {
            let made: NDArray
            try {
              made = array(x, dtype)
            } catch (error) {
              expect(error).toBeInstanceOf(PullbackError)
              return
            }
            expect(made.dataSync().length).toBe(made.size)
            poison(np.full([200], stale)).dataSync()
            const read = Array.from(same(made).dataSync(), Number)
            expect(read).toEqual(Array.from(made.dataSync(), Number))
            expect(read).not.toContain(stale)
          },
        ),
        { numRuns: 300 },
      )
    })
    device.dispose()
  })

  it('lists of lists are read no slower than flattened ones', () => {
    const rows = Array.from({ length: 500 }, (_, i) => Array.from({ length: 784 }, (_x, j) => (i * j) / 7))
    const times = Array.from({ length: 5 }, () => [
      milliseconds(() => array(rows)),
      milliseconds(() => np.array(Float32Array.from(rows.flat()))),
    ])
    const [nested, flat] = [0, 1].map((i) => Math.min(...times.map((t) => t[i]!)))
    expect(nested!).toBeLessThan(flat!)
  })

  it('keep what lists hold', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 3 }),
        fc.nat({ max: 3 }),
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 9, maxLength: 9 }),
        (n, m, xs) => {
          const rows = Array.from({ length: n }, (_, i) => xs.slice(i * m, i * m + m))
          expect(array(rows).toArray()).toEqual(rows)
        },
      ),
    )
  })
})

describe('requests for more than there is', () => {
  it.each<[string, () => unknown]>([
    ['zeros', () => np.zeros([1e9])],
    ['ones', () => np.ones([50_000, 50_000])],
    ['full', () => np.full([2 ** 40], 1)],
    ['broadcastTo', () => np.broadcastTo(1, [1e9])],
    ['a list', () => array(sparse(1e9, 0))],
  ])('%s: fails at once', (_, f) => {
    expect(
      milliseconds(() => {
        expect(f).toThrow(
          expect.objectContaining({
            name: 'OutOfMemoryError',
            message: expect.stringMatching(/\d{10} bytes/) as string,
          }),
        )
      }),
    ).toBeLessThan(500)
  })
})

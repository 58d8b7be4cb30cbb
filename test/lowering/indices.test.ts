/** Index expressions: they are worth what is written, whatever simplified them, and machines can compute them with unsigned numbers. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stridesOf } from '../../src/core/shape.ts'
import { Index, linearize, LoopVar, reshapeIndex } from '../../src/lowering/indices.ts'
import { showIndex, valueOfIndex } from './support/indices.ts'

type Environment = ReadonlyMap<LoopVar, number>

const vars = [2, 3, 4, 6, 1].map((extent, i) => new LoopVar(extent, `v${i}`))
const [a, b, c, d] = vars.map((v) => Index.variable(v)) as [Index, Index, Index, Index]

/** All settings of the loops. */
const settings = vars.reduce<readonly Environment[]>(
  (all, v) => all.flatMap((env) => Array.from({ length: v.extent }, (_, i) => new Map(env).set(v, i))),
  [new Map()],
)

/** An expression, and what it is worth by the rules of arithmetic. */
interface Written {
  readonly index: Index
  readonly value: (env: Environment) => number
}

const modulo = (n: number, by: number): number => ((n % by) + by) % by
const by = fc.integer({ min: 1, max: 8 })

const { written } = fc.letrec<{ written: Written }>((tie) => {
  const pair = fc.tuple(tie('written'), tie('written'))
  return {
    written: fc.oneof(
      { maxDepth: 5, depthIdentifier: 'index' },
      fc.integer({ min: -9, max: 9 }).map((n): Written => ({ index: Index.constant(n), value: () => n })),
      fc.constantFrom(...vars).map((v): Written => ({ index: Index.variable(v), value: (env) => env.get(v)! })),
      pair.map(([x, y]): Written => ({ index: x.index.plus(y.index), value: (env) => x.value(env) + y.value(env) })),
      fc
        .tuple(tie('written'), fc.integer({ min: -4, max: 6 }))
        .map(([x, n]): Written => ({ index: x.index.times(n), value: (env) => x.value(env) * n })),
      fc
        .tuple(tie('written'), by)
        .map(([x, n]): Written => ({ index: x.index.quotient(n), value: (env) => Math.floor(x.value(env) / n) })),
      fc
        .tuple(tie('written'), by)
        .map(([x, n]): Written => ({ index: x.index.remainder(n), value: (env) => modulo(x.value(env), n) })),
    ),
  }
})

const forAll = (check: (x: Written, y: Written) => void): void => {
  fc.assert(fc.property(written, written, check), { numRuns: 200 })
}

describe('an expression', () => {
  it('is worth what is written, within its bounds', () => {
    forAll(({ index, value }) => {
      const values = settings.map(value)
      expect(settings.map((env) => valueOfIndex(index, env))).toEqual(values.map((n) => n + 0))
      expect(index.min).toBeLessThanOrEqual(Math.min(...values))
      expect(index.max).toBeGreaterThanOrEqual(Math.max(...values))
    })
  })

  it('divides nothing negative', () => {
    forAll(({ index }) => {
      for (const { of } of index.divisions()) expect(of.min).toBeGreaterThanOrEqual(0)
    })
  })

  it('has one key, in whatever order it is added up', () => {
    forAll(({ index: x }, { index: y }) => {
      expect(x.plus(y).key).toBe(y.plus(x).key)
      expect(x.plus(y).plus(y.times(-1)).key).toBe(x.key)
    })
  })

  it('grows by its strides, and by nothing with what it does not depend on', () => {
    forAll(({ index }) => {
      for (const v of vars) {
        const stride = index.dependsOn(v) ? index.stride(v) : 0
        if (stride === null) continue
        const grows = (env: Environment): number =>
          valueOfIndex(index, new Map(env).set(v, env.get(v)! + 1)) - valueOfIndex(index, env)
        const before = settings.filter((env) => env.get(v)! + 1 < v.extent)
        expect(before.filter((env) => grows(env) !== stride)).toEqual([])
      }
    })
  })

  it('takes other expressions in the place of variables', () => {
    forAll(({ index }) => {
      expect(index.substitute(() => undefined).key).toBe(index.key)
      const [first, , third] = vars as [LoopVar, LoopVar, LoopVar]
      const replaced = index.substitute((v) => (v === third ? a.times(2) : undefined))
      const wanted = (env: Environment): number => valueOfIndex(index, new Map(env).set(third, 2 * env.get(first)!))
      expect(settings.filter((env) => valueOfIndex(replaced, env) !== wanted(env))).toEqual([])
    })
  })
})

describe('simplifies', () => {
  it.each<readonly [string, Index]>([
    ['v0', a.plus(b).plus(b.times(-1))],
    ['0', a.quotient(2)],
    ['v0', a.remainder(2)],
    ['2·v0 + v1', a.times(6).plus(b.times(3)).quotient(3)],
    ['v0', a.times(3).plus(b).quotient(3)],
    ['v1', a.times(3).plus(b).remainder(3)],
    ['(v3 / 4)', d.quotient(2).quotient(2)],
    ['(v3 % 2)', d.remainder(4).remainder(2)],
    ['v3', d.quotient(4).times(4).plus(d.remainder(4))],
    ['(v2 / 2)', c.times(3).quotient(6)],
    // A turn is added where it could be negative, and taken away from what comes out.
    ['((-1·v2 + 4) / 2) + -1', c.times(-1).plus(2).quotient(2)],
    ['0', Index.variable(new LoopVar(1, 'one'))],
  ])('to %s', (text, index) => {
    expect(showIndex(index)).toBe(text)
  })
})

describe('reshapeIndex', () => {
  /** Two shapes with the same elements: the same factors, gathered in two ways, with axes of 1 between. */
  const gathered = (factors: readonly number[]): fc.Arbitrary<readonly number[]> =>
    fc.array(fc.nat({ max: 2 }), { minLength: factors.length, maxLength: factors.length }).map((cuts) =>
      factors.reduce<readonly number[]>((shape, n, i) => {
        if (cuts[i] === 0 && shape.length > 0) return [...shape.slice(0, -1), shape.at(-1)! * n]
        return cuts[i] === 2 ? [...shape, 1, n] : [...shape, n]
      }, []),
    )
  const shapes = fc
    .array(fc.constantFrom(2, 3, 5), { maxLength: 5 })
    .chain((factors) => fc.tuple(gathered(factors), gathered(factors)))

  it('leads to the element at the same place in line', () => {
    fc.assert(
      fc.property(shapes, ([from, to]) => {
        const loops = from.map((n, i) => new LoopVar(n, `v${i}`))
        const at = reshapeIndex(
          loops.map((v) => Index.variable(v)),
          from,
          to,
        )
        expect(at.length).toBe(to.length)
        const place = linearize(at, stridesOf(to))
        const strides = stridesOf(from)
        const size = from.reduce((n, m) => n * m, 1)
        const isRight = (i: number): boolean => {
          const env = new Map(loops.map((v, k) => [v, Math.floor(i / strides[k]!) % v.extent]))
          return valueOfIndex(place, env) === i && at.every((x, k) => valueOfIndex(x, env) < to[k]!)
        }
        expect(Array.from({ length: size }, (_, i) => i).filter((i) => !isRight(i))).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  it('divides only within groups of axes that do not line up', () => {
    const loops = [2, 3, 4].map((n, i) => Index.variable(new LoopVar(n, `v${i}`)))
    expect(reshapeIndex(loops, [2, 3, 4], [6, 4]).map(showIndex)).toEqual(['3·v0 + v1', 'v2'])
    expect(reshapeIndex(loops, [2, 3, 4], [2, 2, 6]).map(showIndex)).toEqual([
      'v0',
      '((4·v1 + v2) / 6)',
      '((4·v1 + v2) % 6)',
    ])
    expect(reshapeIndex(loops, [2, 3, 4], [1, 24]).map(showIndex)).toEqual(['0', '12·v0 + 4·v1 + v2'])
    expect(reshapeIndex(loops, [2, 0, 4], [0]).map(showIndex)).toEqual(['0'])
  })
})

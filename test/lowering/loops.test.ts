/** The loops that kernels end up with. */
import type { NDArray } from 'pullback'
import { np } from 'pullback'
import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { operations, programs } from 'pullback/testing'
import { lower } from '../../src/lowering/fuse.ts'
import { divisorUpTo } from '../../src/lowering/divisor.ts'
import type { Index } from '../../src/lowering/indices.ts'
import { LoopVar } from '../../src/lowering/indices.ts'
import { reachable } from '../../src/lowering/nodes.ts'
import type { Kernel, Step } from '../../src/lowering/steps.ts'
import { plain } from './support/capabilities.ts'
import { loweredOf } from './support/show.ts'

const kernelsOf = (steps: readonly Step[]): readonly Kernel[] =>
  steps.flatMap((s) => (s.kind === 'kernel' ? [s.kernel] : []))

const rootsOf = ({ stages }: Kernel) => stages.flatMap((s) => [...s.stores, ...s.reductions, ...s.rowStores].map((x) => x.node)) // prettier-ignore

const indicesOf = (kernel: Kernel): readonly Index[] => [
  ...kernel.stages.flatMap((s) => [...s.stores, ...s.rowStores].map((x) => x.index)),
  ...reachable(rootsOf(kernel)).flatMap((n) => (n.kind === 'load' || n.kind === 'index' ? [n.index] : [])),
]

describe('random kernels', () => {
  const small = programs({ operations: operations.filter((op) => op !== 'callback'), maxSize: 60 })
  const each = (check: (kernel: Kernel) => void): void => {
    const property = fc.property(small, ({ program }) => {
      kernelsOf(lower(program, plain).steps).forEach(check)
    })
    fc.assert(property, { numRuns: 60 })
  }

  it('have loops of different names, one of which is the innermost', () => {
    each(({ outer, inner }) => {
      const names = [...outer, ...inner].map((v) => v.name)
      expect(new Set(names).size).toBe(names.length)
      expect(inner.length).toBeGreaterThan(0)
    })
  })

  it('name no loop that is not there', () => {
    each((kernel) => {
      const folds = reachable(rootsOf(kernel)).flatMap((n) => (n.kind === 'fold' ? n.vars : []))
      const known = new Set([...kernel.outer, ...kernel.inner, ...folds])
      const check = (index: Index): void => {
        for (const { factor } of index.terms) {
          if (factor instanceof LoopVar) expect(known.has(factor)).toBe(true)
          else check(factor.of)
        }
      }
      indicesOf(kernel).forEach(check)
    })
  })

  it('divide no counter that could be split in two', () => {
    each((kernel) => {
      for (const index of indicesOf(kernel)) {
        for (const { of, by } of index.divisions()) {
          const [term] = of.terms
          const alone = of.terms.length === 1 && of.constant === 0 && term!.times === 1
          if (alone && term!.factor instanceof LoopVar) expect(term!.factor.extent % by).not.toBe(0)
        }
      }
    })
  })
})

describe('loops', () => {
  const add = (x: NDArray): NDArray => np.add(x, 1)

  it('over elements in a line are one', () => {
    expect(loweredOf(add, [np.ones([2, 3, 4])])[0]).toBe('for | v1<24')
    expect(loweredOf((x) => np.reshape(add(x), [3, 2]), [np.ones([2, 3])])[0]).toBe('for | v0<6')
  })

  it('that step through an operand in two ways are two', () => {
    expect(loweredOf((x) => np.sin(np.transpose(x)), [np.ones([2, 3])])).toEqual([
      'for i0<3 | i1<2',
      '  t0[2·i0 + i1] = sin(x0[i0 + 3·i1])',
      'return t0',
    ])
  })

  it('whose counter is divided are split, so that nothing is', () => {
    const f = (x: NDArray): NDArray => np.sin(np.reshape(np.transpose(x), [6]))
    expect(loweredOf(f, [np.ones([2, 3])])).toEqual([
      'for v0<3 | v1<2',
      '  t0[2·v0 + v1] = sin(x0[v0 + 3·v1])',
      'return t0',
    ])
  })

  it('of one round are none, but for one that has to be there', () => {
    expect(loweredOf(add, [np.ones([1, 3, 1])])[0]).toBe('for | v1<3')
    expect(loweredOf(add, [np.ones([])])[0]).toBe('for | v0<1')
  })

  it('along lines that few threads could share are cut', () => {
    const loopsOf = (length: number): string | undefined =>
      loweredOf((x) => np.sin(np.transpose(x)), [np.ones([length, 2])])[0]
    expect(loopsOf(16_384)).toBe('for i0<2 | i1<16384')
    expect(loopsOf(32_770)).toBe('for i0<2 v0<5 | v1<6554')
    // Only into parts that are long enough.
    expect(loopsOf(32_771)).toBe('for i0<2 | i1<32771')
    // What is one line can be cut anywhere.
    expect(loweredOf(add, [np.ones([32_770])])[0]).toBe('for | i0<32770')
  })
})

describe('rows', () => {
  const centred = (x: NDArray): NDArray => {
    const e = np.exp(x)
    return np.subtract(e, np.mean(e, { axis: 1, keepdims: true }))
  }

  it('that are read again are kept while they are', () => {
    expect(loweredOf(centred, [np.ones([4, 16])])[0]).toBe('for i0<4 | i1<16, t0 of one row')
  })

  it('are kept as a whole where others read them', () => {
    const f = (x: NDArray): unknown => [np.exp(x), centred(x), np.cumsum(np.exp(x))]
    expect(loweredOf(f, [np.ones([4, 16])]).some((line) => line.includes('of one row'))).toBe(true)
    const shared = (x: NDArray): unknown => {
      const e = np.exp(x)
      return [e, np.subtract(e, np.mean(e, { axis: 1, keepdims: true }))]
    }
    expect(loweredOf(shared, [np.ones([4, 16])])[0]).toBe('for i0<4 | i1<16')
  })

  it('that are too long for the memory of a thread are kept as a whole', () => {
    expect(loweredOf(centred, [np.ones([2, 40_000])])[0]).toBe('for i0<2 | i1<40000')
  })
})

describe('the largest divisor up to a limit', () => {
  it('divides, is not larger, and no other is between', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 500 }), (n, limit) => {
        const found = divisorUpTo(n, limit)
        const all = Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0 && d <= limit)
        expect(found).toBe(Math.max(...all))
      }),
    )
  })
})

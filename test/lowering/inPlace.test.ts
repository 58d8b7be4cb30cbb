/** Results in the places of operands. That sharing changes no result is said of random programs in fuse.test.ts. */
import type { NDArray } from 'pullback'
import { lax, makeProgram, np } from 'pullback'
import { describe, expect, it } from 'vitest'
import { lower } from '../../src/lowering/fuse.ts'
import { plain } from './support/capabilities.ts'
import { loweredOf } from './support/show.ts'

const v = np.ones([6])
const m = np.ones([2, 2])
const first = { inPlace: () => 0 }

/** Arrays that the program needs besides its inputs. */
const arraysOf = (lines: readonly string[]): number =>
  new Set(lines.flatMap((line) => [...line.matchAll(/\bt\d+/g)].map(([name]) => name))).size

describe('a result takes the place of an operand', () => {
  it('that nothing reads afterwards: a chain of kernels and routines works on one array', () => {
    const f = (x: NDArray): NDArray => np.sin(np.cumsum(np.sin(np.cumsum(np.sin(x)))))
    expect(loweredOf(f, [v], first)).toEqual([
      'for | i0<6',
      '  t0[i0] = sin(x0[i0])',
      't0 = routine cumsum t0',
      'for | i0<6',
      '  t0[i0] = sin(t0[i0])',
      't0 = routine cumsum t0',
      'for | i0<6',
      '  t0[i0] = sin(t0[i0])',
      'return t0',
    ])
  })

  it('only where the routine says so', () => {
    const f = (x: NDArray): NDArray => np.cumsum(np.sin(x))
    expect(arraysOf(loweredOf(f, [v], first))).toBe(1)
    expect(arraysOf(loweredOf(f, [v]))).toBe(2)
  })

  it('not where the operand is read again later', () => {
    const f = (x: NDArray): NDArray => {
      const s = np.cumsum(np.sin(x))
      return np.add(np.cumsum(np.sin(s)), s)
    }
    expect(loweredOf(f, [v], first)).toEqual([
      'for | i0<6',
      '  t0[i0] = sin(x0[i0])',
      't0 = routine cumsum t0',
      'for | i0<6',
      '  t1[i0] = sin(t0[i0])',
      't1 = routine cumsum t1',
      'for | i0<6',
      '  t1[i0] = add(t1[i0], t0[i0])',
      'return t1',
    ])
  })

  it('not where the kernel reads it at other places than it writes at', () => {
    const f = (x: NDArray): NDArray => np.add(np.transpose(np.cumsum(x, { axis: 0 })), 1)
    expect(loweredOf(f, [m], first)).toEqual([
      't0 = routine cumsum x0',
      'for i0<2 | i1<2',
      '  t1[2·i0 + i1] = add(t0[i0 + 2·i1], 1)',
      'return t1',
    ])
  })

  it('not where a later pass over the row reads it', () => {
    const f = (x: NDArray): NDArray => {
      const c = np.cumsum(x, { axis: 1 })
      return np.subtract(c, np.mean(c, { axis: 1, keepdims: true }))
    }
    const [, , , , last] = loweredOf(f, [np.ones([4, 16])], first).filter((line) => !line.startsWith('for'))
    expect(last).toContain('t0[16·i0 + i1] = sub(t0[16·i0 + i1], ')
  })

  it('not where that has another type', () => {
    const f = (x: NDArray): NDArray => np.astype(np.cumsum(x), 'int32')
    expect(arraysOf(loweredOf(f, [v], first))).toBe(2)
  })

  it('and never that of an input or of an output', () => {
    expect(loweredOf((x) => np.cumsum(x), [v], first)).toEqual(['t0 = routine cumsum x0', 'return t0'])
    const f = (x: NDArray): unknown => {
      const s = np.sin(x)
      return [s, np.cumsum(s)]
    }
    expect(loweredOf(f, [v], first).slice(-2)).toEqual(['t1 = routine cumsum t0', 'return t0 t1'])
  })
})

describe('inputs that a caller gives up', () => {
  const replacementsOf = (f: (...xs: NDArray[]) => unknown, ...args: readonly NDArray[]): unknown => {
    const { outputs, replacements } = lower(makeProgram(f)(...args), { ...plain, ...first })
    return outputs.map((v) => replacements.get(v))
  }

  it('are offered to results of their type, those that a result is computed from first', () => {
    expect(replacementsOf((a, b) => np.add(b, 1), v, v)).toEqual([[1, 0]])
    expect(replacementsOf((a, b, c) => np.add(b, np.sum(c)), v, v, np.ones([7]))).toEqual([[1, 0]])
    expect(replacementsOf((a) => np.astype(a, 'int32'), v)).toEqual([[]])
  })

  it('unless they are read at other places, later, or given back', () => {
    expect(replacementsOf((a) => np.add(a, np.flip(a)), v)).toEqual([[]])
    expect(replacementsOf((a) => [a, np.add(a, 1)], v)).toEqual([[], []])
    // The result lives where the first product does, which is written before `a` is read the last time.
    expect(replacementsOf((a) => np.matmul(np.matmul(a, a), a), m)).toEqual([[]])
    const later = (a: NDArray): unknown => {
      const s = np.cumsum(a, { axis: 0 })
      return [s, np.matmul(s, a)]
    }
    expect(replacementsOf(later, m)).toEqual([[], []])
  })

  it('an update of one row is written over the array', () => {
    const f = (x: NDArray, row: NDArray): NDArray => lax.dynamicUpdateSlice(x, row, [0])
    expect(replacementsOf(f, v, np.ones([2]))).toEqual([[0]])
  })
})

/** Control flow as steps within steps. That random programs with loops mean the same is said in fuse.test.ts. */
import type { NDArray } from 'pullback'
import { lax, makeProgram, np } from 'pullback'
import { describe, expect, it } from 'vitest'
import { run as interpret } from '../../src/backends/reference/reference.ts'
import { lower } from '../../src/lowering/fuse.ts'
import { toHost } from '../../src/trace/value.ts'
import { plain } from './support/capabilities.ts'
import { runLowered } from './support/machine.ts'
import { loweredOf } from './support/show.ts'

const v = np.arange(6, undefined, 1, { dtype: 'float32' })
const square = np.reshape(np.arange(4, undefined, 1, { dtype: 'float32' }), [2, 2])

/** The lines, of a program that gives what the interpreter says. */
const checked = (f: (...xs: NDArray[]) => unknown, ...args: readonly NDArray[]): readonly string[] => {
  const program = makeProgram(f)(...args)
  const data = args.map((x) => toHost(x, 'test').data)
  expect(runLowered(lower(program, plain), data).outputs).toEqual(interpret(program, data))
  return loweredOf(f, args)
}

describe('scan', () => {
  const times = { length: 3 }

  it('slices arrays along their first axis, and what goes round stays in its place', () => {
    const f = (c: NDArray, xs: NDArray): unknown =>
      lax.scan((a: NDArray, x: NDArray) => [np.add(a, x), np.multiply(a, x)], c, xs)
    expect(checked(f, np.ones([2]), np.ones([3, 2]))).toEqual([
      'scan 3 times, t3 from x0 in place, t0 of x1, t1 of t2',
      '  for | i0<2',
      '    t3[i0] = add(t3[i0], t0[i0])',
      '    t1[i0] = mul(t3[i0], t0[i0])',
      'copy t3 to t4',
      'return t4 t2',
    ])
  })

  it('backwards', () => {
    const f = (xs: NDArray): unknown =>
      lax.scan((a: NDArray, x: NDArray) => [np.add(a, x), a], np.array(0), xs, { reverse: true })
    expect(checked(f, v).find((line) => line.startsWith('scan'))).toContain('scan 6 times backwards')
  })

  it('an array that is read at other places than it is written at has two places, which are exchanged', () => {
    const f = (c: NDArray): unknown => lax.scan((a: NDArray) => [np.add(np.transpose(a), a), null], c, null, times)[0]
    expect(checked(f, square)).toEqual([
      'scan 3 times, t1 from x0 and t0',
      '  for i0<2 | i1<2',
      '    t0[2·i0 + i1] = add(t1[i0 + 2·i1], t1[2·i0 + i1])',
      'copy t1 to t2',
      'return t2',
    ])
  })

  it('arrays that change places', () => {
    type Pair = readonly [NDArray, NDArray]
    const f = (a: NDArray, b: NDArray): unknown =>
      lax.scan(([p, q]: Pair) => [[q, np.add(p, q)] as Pair, null], [a, b] as Pair, null, times)[0]
    expect(checked(f, v, np.ones([6]))).toEqual([
      'scan 3 times, t0 from x0 in place, t2 from x1 and t1',
      '  for | i0<6',
      '    t1[i0] = add(t0[i0], t2[i0])',
      '  copy t2 to t0',
      'copy t0 to t3',
      'copy t2 to t4',
      'return t3 t4',
    ])
  })

  it('what a body gives twice is written once, and copied', () => {
    const f = (c: NDArray): unknown => {
      const step = (a: NDArray): readonly [NDArray, NDArray] => {
        const next = np.add(a, 1)
        return [next, next]
      }
      return lax.scan(step, c, null, times)
    }
    expect(checked(f, v)).toEqual([
      'scan 3 times, t2 from x0 in place, t0 of t1',
      '  for | i0<6',
      '    t2[i0] = add(t2[i0], 1)',
      '  copy t2 to t0',
      'copy t2 to t3',
      'return t3 t1',
    ])
  })

  it('no step at all', () => {
    const f = (c: NDArray): unknown => lax.scan((a: NDArray) => [np.sin(a), a], c, null, { length: 0 })
    expect(checked(f, v)[0]).toContain('scan 0 times')
  })
})

describe('whileLoop', () => {
  it('has a block for its condition, which reads what goes round', () => {
    const f = (x: NDArray): NDArray =>
      lax.whileLoop(
        (c) => np.less(np.sum(c), 90),
        (c) => np.multiply(c, 2),
        x,
      )
    expect(checked(f, v)).toEqual([
      'while t0, t1 from x0 in place',
      'condition',
      '  for | i0<6',
      '    r0 = sum of t1[i0]',
      '    then t0[0] = lt(r0, 90)',
      'body',
      '  for | i0<6',
      '    t1[i0] = mul(t1[i0], 2)',
      'copy t1 to t2',
      'return t2',
    ])
  })

  it('that is not entered gives what it began with, in memory of its own', () => {
    const f = (x: NDArray): NDArray =>
      lax.whileLoop(
        () => np.array(false),
        (c) => np.sin(c),
        x,
      )
    expect(checked(f, v).at(-1)).not.toBe('return x0')
  })
})

describe('cond', () => {
  it('branches write to the same places; what is given as it is, is copied there', () => {
    const f = (p: NDArray, x: NDArray): NDArray =>
      lax.cond(
        p,
        (y: NDArray) => np.sin(y),
        (y: NDArray) => y,
        x,
      )
    for (const p of [true, false]) {
      expect(checked(f, np.array(p), v)).toEqual([
        'for | v0<1',
        '  t0[0] = cast(x0[0])',
        'cond t0',
        'branch 0',
        '  copy x1 to t1',
        'branch 1',
        '  for | i0<6',
        '    t1[i0] = sin(x1[i0])',
        'return t1',
      ])
    }
  })

  it('an index out of range is clamped', () => {
    const branches = [np.sin, np.cos, np.exp].map((f) => (y: NDArray) => f(y))
    for (const i of [-7, 0, 1, 2, 9]) {
      checked((k, x) => lax.switch(k, branches, x), np.array(i, { dtype: 'int32' }), v)
    }
  })
})

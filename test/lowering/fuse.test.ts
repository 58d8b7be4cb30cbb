/** Lowering as a whole: random programs mean the same, step by step, whatever a back end can do; and what small ones become. */
import * as fc from 'fast-check'
import type { NDArray } from 'pullback'
import { np } from 'pullback'
import type { RandomProgram } from 'pullback/testing'
import { operations, programs } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { run as interpret } from '../../src/backends/reference/reference.ts'
import type { OpName } from '../../src/ir/op.ts'
import type { Capabilities } from '../../src/lowering/analyse.ts'
import { lower } from '../../src/lowering/fuse.ts'
import { toHost } from '../../src/trace/value.ts'
import { expectSameElements } from '../support/elements.ts'
import { capabilities } from './support/capabilities.ts'
import { runLowered } from './support/machine.ts'
import { loweredOf } from './support/show.ts'

// A NaN has many bit patterns, of which any may come out.
const among = operations.filter((op) => op !== 'bitcast' && op !== 'callback')
const small = { operations: among, maxSize: 60, maxEquations: 10 }

/** Bit for bit: what is lowered is what the back end has rewritten, and how that rounds is not the lowering's doing. */
const meansTheSame = ({ program, inputs }: RandomProgram, can: Capabilities, donate: boolean): void => {
  const data = inputs.map((x) => toHost(x, 'test').data)
  const wanted = interpret(can.legalise(program), data)
  expectSameElements(runLowered(lower(program, can), data, donate).outputs, wanted, program.outAvals)
}

describe('random programs', () => {
  it.each([
    ['and inputs are left alone', false],
    ['also where results are written over inputs', true],
  ])('mean the same lowered, whatever the back end can do, %s', (_, donate) => {
    const property = fc.property(programs(small), capabilities, (p, can) => {
      meansTheSame(p, can, donate)
    })
    fc.assert(property, { numRuns: 120 })
  })

  // What the steps of lowering are about, oftener than chance has it.
  it.each<readonly [string, readonly OpName[]]>([
    ['rows', ['reduceSum', 'reduceMax', 'broadcast', 'reshape', 'sub', 'exp', 'concatenate']],
    ['views', ['transpose', 'reshape', 'slice', 'rev', 'broadcast', 'iota', 'add', 'reduceSum', 'pad']],
    ['loops', ['scan', 'while', 'cond', 'dynamicUpdateSlice', 'scatterAdd', 'mul', 'transpose']],
  ])('mean the same where they are made of %s', (_, chosen) => {
    const many = programs({ operations: chosen, maxSize: 60, maxEquations: 16 })
    fc.assert(fc.property(many, capabilities, fc.boolean(), meansTheSame), { numRuns: 100 })
  })

  it('write each element of a result once', () => {
    // Padding is written over a filling, bodies of loops again and again.
    const once = among.filter((op) => !['pad', 'scan', 'while', 'cond'].includes(op))
    const property = fc.property(programs({ ...small, operations: once }), capabilities, ({ program, inputs }, can) => {
      const lowered = lower(program, { ...can, legalise: (p) => p })
      const data = inputs.map((x) => toHost(x, 'test').data)
      const { writes } = runLowered(lowered, data)
      for (const v of lowered.outputs) for (const n of writes.get(v) ?? []) expect(n).toBe(1)
    })
    fc.assert(property, { numRuns: 60 })
  })
})

describe('kernels', () => {
  const v = np.ones([6])

  it('a chain of elementwise operations is one loop, and nothing between is in memory', () => {
    const f = (x: NDArray): NDArray => np.exp(np.add(np.sin(x), 1))
    expect(loweredOf(f, [v])).toEqual(['for | i0<6', '  t0[i0] = exp(add(sin(x0[i0]), 1))', 'return t0'])
  })

  it('what is computed of the same elements shares a loop', () => {
    const f = (x: NDArray): unknown => {
      const s = np.sin(np.cos(x))
      return [np.add(s, 1), np.multiply(s, 2)]
    }
    expect(loweredOf(f, [v])).toEqual([
      'for | i0<6',
      '  t0[i0] = add(sin(cos(x0[i0])), 1)',
      '  t1[i0] = mul(sin(cos(x0[i0])), 2)',
      'return t0 t1',
    ])
  })

  it('what reads elements at other places than they are computed at has a loop of its own', () => {
    const f = (x: NDArray): unknown => {
      const s = np.sin(x)
      return [s, np.add(s, np.flip(s))]
    }
    expect(loweredOf(f, [v])).toEqual([
      'for | i0<6',
      '  t0[i0] = sin(x0[i0])',
      'for | i0<6',
      '  t1[i0] = add(t0[i0], t0[-1·i0 + 5])',
      'return t0 t1',
    ])
  })

  it('rows are swept as often as what is reduced asks for, and what only they read is kept for one row', () => {
    const softmax = (x: NDArray): NDArray => {
      const e = np.exp(np.subtract(x, np.max(x, { axis: 1, keepdims: true })))
      return np.divide(e, np.sum(e, { axis: 1, keepdims: true }))
    }
    expect(loweredOf(softmax, [np.ones([4, 16])])).toEqual([
      'for i0<4 | i1<16, t0 of one row',
      '  pass 0',
      '    r0 = max of x0[16·i0 + i1]',
      '  pass 1',
      '    t0[i1] = exp(sub(x0[16·i0 + i1], r0))',
      '    r1 = sum of exp(sub(x0[16·i0 + i1], r0))',
      '  pass 2',
      '    t1[16·i0 + i1] = div(t0[i1], r1)',
      'return t1',
    ])
  })

  it('what is computed of a reduced row follows the pass', () => {
    const norm = (x: NDArray): NDArray => np.sqrt(np.sum(np.square(x)))
    expect(loweredOf(norm, [v])).toEqual([
      'for | i0<6',
      '  r0 = sum of mul(x0[i0], x0[i0])',
      '  then t0[0] = sqrt(r0)',
      'return t0',
    ])
  })

  it.each([
    ['down columns', 0, [4, 16], '  t0[i0] = sum(i1<4: sin(x0[i0 + 16·i1]))'],
    ['along short rows', 1, [4, 3], '  t0[i0] = sum(i1<3: sin(x0[3·i0 + i1]))'],
  ])('a reduction %s is a loop for each result', (_, axis, shape, line) => {
    const f = (x: NDArray): NDArray => np.sum(np.sin(x), { axis })
    expect(loweredOf(f, [np.ones(shape)])[1]).toBe(line)
  })

  it('pieces of an array are written to their places at once', () => {
    const f = (x: NDArray, y: NDArray): NDArray => np.concatenate([x, np.sin(y)], { axis: 1 })
    expect(loweredOf(f, [np.ones([2, 3]), np.ones([2, 3])])).toEqual([
      'for i0<2 | i1<3',
      '  t0[6·i0 + i1] = x0[3·i0 + i1]',
      'for i0<2 | i1<3',
      '  t0[6·i0 + i1 + 3] = sin(x1[3·i0 + i1])',
      'return t0',
    ])
  })
})

describe('routines', () => {
  const [x, y] = [np.ones([2, 3]), np.ones([2, 4])]
  const f = (a: NDArray, b: NDArray): NDArray => np.matmul(np.transpose(a), b)

  it('read views through strides where they can', () => {
    const can = { takesViews: () => true }
    expect(loweredOf(f, [x, y], can)).toEqual(['t0 = routine dotGeneral x0[0+1+3] x1', 'return t0'])
  })

  it('and copies of them where they cannot', () => {
    expect(loweredOf(f, [x, y])).toEqual([
      'for i0<3 | i1<2',
      '  t0[2·i0 + i1] = x0[i0 + 3·i1]',
      't1 = routine dotGeneral t0 x1',
      'return t1',
    ])
  })

  it('what there is no routine for is left to the host', () => {
    const lines = loweredOf((a) => np.cumsum(np.sin(a)), [np.ones([6])], { hasRoutine: () => false })
    expect(lines).toEqual(['for | i0<6', '  t0[i0] = sin(x0[i0])', 't1 = host cumsum t0', 'return t1'])
  })
})

describe('outputs', () => {
  it('that are inputs, literals or another output', () => {
    const f = (a: NDArray): unknown => {
      const s = np.sin(a)
      return [a, np.array(1), s, s]
    }
    expect(loweredOf(f, [np.ones([6])])).toEqual([
      'for | i0<6',
      '  t0[i0] = sin(x0[i0])',
      'for | v0<1',
      '  t1[0] = 1',
      'copy t0 to t2',
      'return x0 t1 t0 t2',
    ])
  })
})

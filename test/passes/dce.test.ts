import {
  checkProgram,
  checkpoint,
  debug,
  evalProgram,
  grad,
  jit,
  lax,
  makeProgram,
  np,
  optimize,
  valueAndGrad,
  vmap,
} from 'pullback'
import type { NDArray, Program } from 'pullback'
import * as fc from 'fast-check'
import { assertAllClose, programs } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import type { OpName } from '../../src/ir/op.ts'
import { dce } from '../../src/passes/dce.ts'
import { subprograms } from '../../src/ir/walk.ts'
import { addsNothing, isIdempotent, keepsMeaning } from './support/passes.ts'

type Equation = Program['equations'][number]

/** The one equation with this operation, and the programs that it holds. */
const only = (program: Program, op: OpName): { readonly eqn: Equation; readonly parts: readonly Program[] } => {
  const found = program.equations.filter((eqn) => eqn.op === op)
  expect(found.length).toBe(1)
  return { eqn: found[0]!, parts: subprograms(found[0]!).map(([, part]) => part) }
}

const opsOf = (program: Program): readonly string[] => program.equations.map((eqn) => eqn.op)
const sizes = ({ inputs, outputs }: Pick<Program, 'inputs' | 'outputs'>): readonly [number, number] => [
  inputs.length,
  outputs.length,
]

/** The optimised program, checked to be well-typed and to give what the program gives. */
const better = (f: (...xs: NDArray[]) => unknown, ...args: NDArray[]): Program => {
  const program = makeProgram(f)(...args)
  const optimized = optimize(program)
  checkProgram(optimized)
  assertAllClose('optimised', evalProgram(optimized, args), evalProgram(program, args))
  return optimized
}

const x = np.array([0.5, -1, 2])

describe('in scan', () => {
  it('stacked results that are not used go, with what only they need', () => {
    const f = (xs: NDArray, ys: NDArray): NDArray => {
      const step = (c: NDArray, [a, b]: readonly [NDArray, NDArray]) =>
        [np.add(c, np.sin(a)), [np.exp(b), np.cos(c)]] as const
      const [last, [, cosines]] = lax.scan(step, np.array(0), [xs, ys] as const)
      return np.multiply(last, cosines)
    }
    const { eqn, parts } = only(better(f, x, x), 'scan')
    expect(sizes(eqn)).toEqual([2, 2])
    expect(opsOf(parts[0]!)).toEqual(['sin', 'add', 'cos'])
  })

  it('carries that feed only themselves and unused results go', () => {
    const f = (xs: NDArray): NDArray => {
      const step = ([a, b, c, d]: readonly NDArray[], v: NDArray) =>
        [[np.add(a!, v), np.multiply(b!, a!), np.add(np.sin(c!), d!), np.cos(c!)], np.exp(d!)] as const
      const [carry] = lax.scan(step, [np.array(0), np.array(1), np.array(2), np.array(3)], xs)
      return carry[1]
    }
    const { eqn, parts } = only(better(f, x), 'scan')
    expect(sizes(eqn)).toEqual([3, 2])
    expect(opsOf(parts[0]!)).toEqual(['add', 'mul'])
  })

  it('a carry that another one needs only some steps later stays', () => {
    const shift = ([, b, c, d]: readonly NDArray[], v: NDArray) => [[b!, c!, d!, v], null] as const
    const f = (xs: NDArray): NDArray =>
      lax.scan(
        shift,
        [1, 2, 3, 4].map((k) => np.array(k)),
        xs,
      )[0][0]!
    expect(sizes(only(better(f, x), 'scan').eqn)).toEqual([5, 4])
  })

  it('whatever the direction, and without any step', () => {
    for (const reverse of [false, true]) {
      for (const n of [0, 1, 3]) {
        const f = (xs: NDArray): readonly NDArray[] => {
          const step = ([a, b]: readonly NDArray[], v: NDArray) =>
            [
              [np.add(a!, v), np.sin(b!)],
              [np.multiply(a!, v), np.cos(b!)],
            ] as const
          const [[last], [products]] = lax.scan(step, [np.array(0), np.array(1)], xs, { reverse }) as never as [[NDArray], [NDArray]] // prettier-ignore
          return [last, products]
        }
        expect(sizes(only(better(f, np.ones([n])), 'scan').eqn)).toEqual([2, 2])
      }
    }
  })

  it('reaches into loops in loops', () => {
    const f = (xs: NDArray): NDArray => {
      const inner = (c: readonly NDArray[], v: NDArray) =>
        lax.scan((d, u: NDArray) => [[np.add(d[0], u), np.sin(d[1])], np.exp(u)], [c[0]!, c[1]!], np.multiply(xs, v))
      return lax.scan((c: readonly NDArray[], v: NDArray) => [inner(c, v)[0], c[1]!], [np.array(0), np.array(1)], xs)[0][0] // prettier-ignore
    }
    const { eqn, parts } = only(better(f, x), 'scan')
    expect(eqn.outputs.length).toBe(1)
    const nested = only(parts[0]!, 'scan')
    expect(sizes(nested.eqn)).toEqual([2, 1])
    expect(opsOf(nested.parts[0]!)).toEqual(['add'])
  })

  it('what has an effect stays, with what it reads', () => {
    const seen: number[] = []
    const f = (xs: NDArray): NDArray => {
      const step = ([a, b]: readonly NDArray[], v: NDArray) => {
        debug.callback((y: NDArray) => seen.push(y.item()), b!)
        return [[np.add(a!, v), np.add(b!, 1)], np.exp(v)] as const
      }
      lax.scan(step, [np.array(0), np.array(1)], xs)
      return np.sin(xs)
    }
    const { eqn, parts } = only(optimize(makeProgram(f)(x)), 'scan')
    expect(sizes(eqn)).toEqual([1, 1])
    expect(opsOf(parts[0]!)).toEqual(['callback', 'add'])
    jit(f)(x)
    expect(seen).toEqual([1, 2, 3])
  })

  it('residuals that no pullback reads go from the forward loop of a gradient', () => {
    const f = (xs: NDArray): NDArray => lax.scan((c: NDArray, v: NDArray) => [np.add(c, v), np.sin(c)], np.array(0), xs)[0] // prettier-ignore
    expect(opsOf(better(grad(f), x))).not.toContain('sin')
    const both = better(valueAndGrad(f), x)
    const loops = both.equations.filter((eqn) => eqn.op === 'scan')
    for (const eqn of loops) for (const [, body] of subprograms(eqn)) expect(opsOf(body)).not.toContain('sin')
  })
})

describe('in whileLoop', () => {
  it('carries go that neither the condition nor a carry in use reads', () => {
    const f = (a: NDArray, limit: NDArray): NDArray => {
      const start = [np.array(0), a, np.array(1), np.array(2)] as const
      const out = lax.whileLoop(
        ([i]) => np.less(i, limit),
        ([i, b, c, d]) => [np.add(i, 1), np.multiply(b, a), np.add(np.sin(c), d), np.cos(c)],
        start,
      )
      return out[1]
    }
    const { eqn, parts } = only(better(f, np.array(1.5), np.array(4)), 'while')
    expect(eqn.outputs.length).toBe(2)
    expect(parts.map(opsOf)).toEqual([['lt'], ['add', 'mul']])
    expect(parts.map((p) => p.inputs.length)).toEqual([3, 3])
  })

  it('and with them constants of the condition and of the body', () => {
    const f = (a: NDArray, b: NDArray): NDArray =>
      lax.whileLoop(([i]) => np.less(i, 4), ([i, c]) => [np.add(i, 1), np.multiply(c, np.exp(b))], [a, b] as const)[0] // prettier-ignore
    const { eqn, parts } = only(better(f, np.array(0), np.array(2)), 'while')
    expect(sizes(eqn)).toEqual([1, 1])
    expect(opsOf(parts[1]!)).toEqual(['add'])
  })

  it('bounded ones too, whose derivatives stay', () => {
    const f = (a: NDArray): NDArray =>
      lax.whileLoop(([b]) => np.less(b, 9), ([b, c]) => [np.multiply(b, a), np.sin(c)], [a, a] as const, { maxSteps: 7 })[0] // prettier-ignore
    expect(only(better(f, np.array(2)), 'while').eqn.outputs.length).toBe(1)
    expect(grad(jit(f))(np.array(2)).item()).toBe(grad(f)(np.array(2)).item())
    const [batch, each] = [vmap(jit(f))(np.array([2, 3])), vmap(f)(np.array([2, 3]))]
    expect(batch.toArray()).toEqual(each.toArray())
  })
})

describe('in branches, calls and checkpoints', () => {
  it('results that no one uses go from all branches, with operands that none reads', () => {
    const f = (p: NDArray, a: NDArray, b: NDArray): NDArray => {
      const on = (u: NDArray, v: NDArray) => [np.sin(u), np.exp(v)] as const
      const off = (u: NDArray, v: NDArray) => [np.cos(u), np.add(v, u)] as const
      return lax.cond(np.greater(p, 0), on, off, a, b)[0]
    }
    const { eqn, parts } = only(better(f, np.array(1), x, x), 'cond')
    expect(sizes(eqn)).toEqual([2, 1])
    expect(parts.map(opsOf)).toEqual([['cos'], ['sin']])
  })

  it('an operand that one branch reads stays in all', () => {
    const f = (i: NDArray, a: NDArray, b: NDArray): NDArray => {
      const branches = [0, 1, 2].map((k) => (u: NDArray, v: NDArray) => [k === 1 ? v : u, np.exp(v)] as const)
      return lax.switch(i, branches, a, b)[0]
    }
    const { eqn, parts } = only(better(f, np.array(1, { dtype: 'int32' }), x, x), 'cond')
    expect(sizes(eqn)).toEqual([3, 1])
    expect(parts.map(opsOf)).toEqual([[], [], []])
  })

  it('results of calls that are too long to be written out', () => {
    const chain = (v: NDArray, n: number): NDArray => (n === 0 ? v : chain(np.sin(v), n - 1))
    const g = jit((u: NDArray, v: NDArray) => [chain(u, 40), chain(v, 50)] as const)
    const f = (u: NDArray, v: NDArray): NDArray => np.add(g(u, v)[0], g(v, u)[0])
    const calls = better(f, x, x).equations.filter((eqn) => eqn.op === 'call')
    expect(calls.map(sizes)).toEqual([[1, 1], [1, 1]]) // prettier-ignore
    const bodies = calls.flatMap((eqn) => subprograms(eqn).map(([, body]) => body))
    expect(bodies[0]).toBe(bodies[1])
    expect(bodies[0]!.equations.length).toBe(40)
  })

  it('results of checkpoints', () => {
    const g = checkpoint((u: NDArray, v: NDArray) => [np.sin(u), np.exp(v)] as const)
    const { eqn, parts } = only(
      better((a: NDArray, b: NDArray) => g(a, b)[0], x, x),
      'checkpoint',
    )
    expect(sizes(eqn)).toEqual([1, 1])
    expect(opsOf(parts[0]!)).toEqual(['sin'])
  })

  it('an equation of which everything is used is left as it is', () => {
    const f = (xs: NDArray): unknown => lax.scan((c: NDArray, v: NDArray) => [np.add(c, v), np.sin(c)], np.array(0), xs)
    const once = optimize(makeProgram(f)(x))
    expect(dce(once)).toBe(once)
  })
})

describe('random programs', () => {
  it('mean the same, get no longer, and have nothing left to remove', () => {
    keepsMeaning(dce)
    addsNothing(dce)
    isIdempotent(dce)
  })

  it('give what they gave, any of their results alone too', () => {
    const operations = ['scan', 'while', 'cond', 'checkpoint', 'call', 'mul', 'sin'] as const
    fc.assert(
      fc.property(programs({ operations, maxEquations: 6 }), fc.nat(), ({ program, inputs }, pick) => {
        const k = pick % program.outputs.length
        const one = program.with({ outputs: [program.outputs[k]!] })
        const optimized = optimize(one)
        checkProgram(optimized)
        assertAllClose('one result', evalProgram(optimized, inputs), [evalProgram(program, inputs)[k]!])
      }),
      { numRuns: 100 },
    )
  })
})

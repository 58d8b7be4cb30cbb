import * as fc from 'fast-check'
import type { NDArray } from 'pullback'
import {
  checkProgram,
  equalPrograms,
  evalProgram,
  jit,
  jvp,
  makeProgram,
  np,
  optimize,
  parseProgram,
  printProgram,
  toDot,
  toMermaid,
  withDevice,
  vjp,
  vmap,
} from 'pullback'
import type { RandomProgram } from 'pullback/testing'
import { assertAllClose, operations, programs, vjpIsAdjoint } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const options = { numRuns: 300 }

/** These are laws of programs, not of a back end: one that compiles rounds a call of `sin` otherwise than a lone `sin`. */
const law = (name: string, check: () => void): void => {
  it(name, () => {
    withDevice('interpreter', check)
  })
}

const results = ({ program, inputs }: RandomProgram): readonly NDArray[] => evalProgram(program, inputs)

const exact = { rtol: 0 }

/** Elements in which a rounding may come out otherwise than in its neighbour: not where everything blows up. */
const tame = (xs: readonly NDArray[]): boolean =>
  xs.every((x) => !['float32', 'float64'].includes(x.dtype) || np.all(np.less(np.abs(x), 1e6)).bool())

describe('random programs', () => {
  law('are well typed', () => {
    fc.assert(
      fc.property(programs(), ({ program }) => {
        checkProgram(program)
      }),
      options,
    )
  })

  law('come upon every operation', () => {
    const seen = new Set<string>()
    for (const { program } of fc.sample(programs({ maxEquations: 30 }), { numRuns: 400, seed: 1 })) {
      for (const { op } of program.equations) seen.add(op)
    }
    // A function on the host is not plain data.
    expect(operations.filter((op) => !seen.has(op))).toEqual(['callback'])
  })

  law('print and parse to equal programs', () => {
    fc.assert(
      fc.property(programs(), ({ program }) => {
        const text = printProgram(program)
        const parsed = parseProgram(text)
        expect(parsed).toMatchObject({ _tag: 'Right' })
        if (parsed._tag === 'Left') return
        expect(equalPrograms(parsed.right, program)).toBe(true)
        expect(printProgram(parsed.right)).toBe(text)
      }),
      options,
    )
  })

  law('draw as Mermaid and DOT', () => {
    fc.assert(
      fc.property(programs(), ({ program }) => {
        expect(toMermaid(program)).toMatch(/^flowchart/)
        expect(toDot(program)).toMatch(/^digraph/)
      }),
      { numRuns: 50 },
    )
  })

  law('mean the same optimised', () => {
    fc.assert(
      fc.property(programs(), (p) => {
        const optimized = optimize(p.program)
        checkProgram(optimized)
        assertAllClose('optimized', evalProgram(optimized, p.inputs), results(p), exact)
      }),
      options,
    )
  })

  law('mean the same compiled', () => {
    fc.assert(
      fc.property(programs(), (p) => {
        const compiled = jit((...xs: NDArray[]) => evalProgram(p.program, xs))
        assertAllClose('jit', compiled(...p.inputs), results(p), exact)
      }),
      options,
    )
  })

  law('trace to programs that mean the same', () => {
    fc.assert(
      fc.property(programs(), (p) => {
        const traced = makeProgram((...xs: NDArray[]) => evalProgram(p.program, xs))(...p.inputs)
        checkProgram(traced)
        assertAllClose('traced', evalProgram(traced, p.inputs), results(p), exact)
      }),
      { numRuns: 100 },
    )
  })

  law('map over batches as loops do', () => {
    fc.assert(
      fc.property(programs({ maxEquations: 8 }), ({ program, inputs }) => {
        const rows = [0, 1, 2].map((i) => inputs.map((x) => np.roll(x, i)))
        const stacked = inputs.map((_, i) => np.stack(rows.map((xs) => xs[i]!)))
        const outputs = rows.map((xs) => evalProgram(program, xs))
        fc.pre(outputs.every(tame))
        const wanted = outputs[0]!.map((_, o) => np.stack(outputs.map((ys) => ys[o]!)))
        const got = vmap((...xs: NDArray[]) => evalProgram(program, xs))(...stacked)
        assertAllClose('vmap', got, wanted, { rtol: 1e-5 })
      }),
      options,
    )
  })

  const floats = programs({ dtypes: ['float64'], maxEquations: 8 })

  law('have pullbacks adjoint to their pushforwards', () => {
    fc.assert(
      fc.property(floats, fc.nat({ max: 99 }), (p, seed) => {
        fc.pre(tame(results(p)))
        const f = (...xs: NDArray[]): readonly NDArray[] =>
          evalProgram(p.program, xs).filter((y) => y.dtype === 'float64')
        const [ys, pullback] = vjp(f, ...(p.inputs as NDArray[]))
        const ones = ys.map((y) => np.onesLike(y))
        // A NaN that a later operation overwrites still reaches the derivative.
        fc.pre(tame(pullback(ones)))
        fc.pre(tame(jvp(f, p.inputs as NDArray[], p.inputs as NDArray[])[1]))
        vjpIsAdjoint(f, p.inputs as NDArray[], { seed, rtol: 1e-6 })
      }),
      options,
    )
  })

  law('have the same derivatives compiled', () => {
    fc.assert(
      fc.property(floats, (p) => {
        const pull = (...xs: NDArray[]): readonly NDArray[] => {
          const [ys, pullback] = vjp(
            (...a: NDArray[]) => evalProgram(p.program, a).filter((y) => y.dtype === 'float64'),
            ...xs,
          )
          return pullback((ys as readonly NDArray[]).map((y) => np.onesLike(y)))
        }
        const wanted = pull(...(p.inputs as NDArray[]))
        fc.pre(tame(wanted))
        assertAllClose('jit of vjp', jit(pull)(...(p.inputs as NDArray[])), wanted, { rtol: 1e-9 })
      }),
      options,
    )
  })
})

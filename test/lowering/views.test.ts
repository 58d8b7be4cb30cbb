/** Operations that only move elements, as places in their operands. */
import * as fc from 'fast-check'
import { parseProgram } from 'pullback'
import { programs, samples } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { run as interpret } from '../../src/backends/reference/reference.ts'
import type { Aval } from '../../src/core/aval.ts'
import { stridesOf } from '../../src/core/shape.ts'
import type { Equation, Program, Variable } from '../../src/ir/program.ts'
import { stridedView } from '../../src/lowering/analyse.ts'
import { Index, linearize, LoopVar } from '../../src/lowering/indices.ts'
import { isView, keepsOrder, throughView } from '../../src/lowering/views.ts'
import { programOf } from '../backends/wasm/support/samples.ts'
import { showIndex, valueOfIndex } from './support/indices.ts'

const views = ['broadcast', 'reshape', 'transpose', 'rev', 'slice'] as const

/** The same moves of float64s. */
const onDoubles = (program: Program): Program => {
  const text = String(program).replace(/~?\b(f16|bf16|f32|[iu]\d+|bool)\[/g, 'f64[')
  const parsed = parseProgram(text)
  if (parsed._tag === 'Left') throw new Error(parsed.left.message)
  return parsed.right
}

/** What a program gives of elements that can be told apart: their places. */
const moved = (program: Program): readonly (readonly number[])[] => {
  const places = program.inAvals.map(({ size }) => Float64Array.from({ length: size }, (_, i) => i))
  return interpret(program, places).map((data) => Array.from(data, Number))
}

/** A loop for each axis of a shape, and what an index comes to at each element. */
const loopsOver = ({ shape, size }: Aval) => {
  const loops = shape.map((n, i) => new LoopVar(n, `v${i}`))
  const strides = stridesOf(shape)
  const env = (i: number) => new Map(loops.map((v, k) => [v, Math.floor(i / strides[k]!) % v.extent]))
  return {
    coordinates: loops.map((v) => Index.variable(v)),
    everywhere: (index: Index) => Array.from({ length: size }, (_, i) => valueOfIndex(index, env(i))),
  }
}

describe.each(views)('%s', (op) => {
  const eachSample = (check: (program: Program, eqn: Equation) => void): void => {
    const property = fc.property(samples(op), (sample) => {
      const program = onDoubles(programOf(sample))
      check(program, program.equations[0]!)
    })
    fc.assert(property, { numRuns: 60 })
  }

  it('leads from an element of the result to that of the operand', () => {
    eachSample((program, eqn) => {
      expect(isView(eqn)).toBe(true)
      const { coordinates, everywhere } = loopsOver(eqn.outputs[0]!.aval)
      const operand = eqn.inputs[0]!.aval
      const place = linearize(throughView(eqn, coordinates), stridesOf(operand.shape))
      expect(everywhere(place)).toEqual(moved(program)[0])
    })
  })

  it('names the same memory only where it has the same elements in the same order', () => {
    eachSample((program, eqn) => {
      const [result] = moved(program)
      if (keepsOrder(eqn)) expect(result).toEqual(Array.from({ length: eqn.inputs[0]!.aval.size }, (_, i) => i))
    })
  })
})

describe('what keeps the order of elements', () => {
  const first = (text: string): Equation => {
    const parsed = parseProgram(text)
    if (parsed._tag === 'Left') throw new Error(parsed.left.message)
    return parsed.right.equations[0]!
  }
  it.each([
    ['reshape[shape=[3, 2]]', '[2,3]', '[3,2]', true],
    ['broadcast[shape=[2, 1, 3], dims=[0, 2]]', '[2,3]', '[2,1,3]', true],
    ['broadcast[shape=[2, 3], dims=[1]]', '[3]', '[2,3]', false],
    ['transpose[permutation=[1, 0]]', '[2,3]', '[3,2]', false],
    ['transpose[permutation=[1, 0]]', '[1,3]', '[3,1]', true],
    ['transpose[permutation=[1, 2, 0]]', '[1,2,3]', '[2,3,1]', true],
    ['rev[axes=[0]]', '[3]', '[3]', false],
  ])('%s of %s', (op, from, to, keeps) => {
    expect(keepsOrder(first(`program(a: f32${from}) {\n  b: f32${to} = ${op} a\n  return b\n}`))).toBe(keeps)
  })
})

describe('chains of views', () => {
  it('are offsets and strides where one stride for each axis says it', () => {
    const chains = programs({ operations: views, dtypes: ['float64'], maxEquations: 6, maxSize: 60 })
    const property = fc.property(chains, ({ program }) => {
      const definitions = new Map<Variable, Equation>(program.equations.flatMap((e) => e.outputs.map((v) => [v, e])))
      for (const v of definitions.keys()) {
        const view = stridedView(v, (x) => definitions.get(x))
        if (view === null || !program.inputs.includes(view.source)) continue
        const { coordinates, everywhere } = loopsOver(v.aval)
        const [result] = moved(program.with({ outputs: [v] }))
        expect(everywhere(linearize(coordinates, view.strides).plus(view.offset))).toEqual(result)
      }
    })
    fc.assert(property, { numRuns: 100 })
  })

  it('is what they are read through', () => {
    const at = ['i', 'j'].map((name) => Index.variable(new LoopVar(6, name)))
    const view = (text: string, from: string, to: string): Equation => {
      const parsed = parseProgram(`program(a: f32${from}) {\n  b: f32${to} = ${text} a\n  return b\n}`)
      if (parsed._tag === 'Left') throw new Error(parsed.left.message)
      return parsed.right.equations[0]!
    }
    const through = (eqn: Equation): readonly string[] => throughView(eqn, at).map(showIndex)
    expect(through(view('transpose[permutation=[1, 0]]', '[6,6]', '[6,6]'))).toEqual(['j', 'i'])
    expect(through(view('rev[axes=[1]]', '[6,6]', '[6,6]'))).toEqual(['i', '-1·j + 5'])
    expect(through(view('slice[start=[1, 0], limit=[13, 6], strides=[2, 1]]', '[20,6]', '[6,6]'))).toEqual(['2·i + 1', 'j']) // prettier-ignore
    expect(through(view('broadcast[shape=[6, 6], dims=[1]]', '[6]', '[6,6]'))).toEqual(['j'])
    expect(through(view('broadcast[shape=[6, 6], dims=[0, 1]]', '[1,6]', '[6,6]'))).toEqual(['0', 'j'])
    expect(through(view('reshape[shape=[6, 6]]', '[36]', '[6,6]'))).toEqual(['6·i + j'])
  })
})

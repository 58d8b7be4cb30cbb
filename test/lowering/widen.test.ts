/** Equations on narrow elements, written out on wider ones. */
import * as fc from 'fast-check'
import { checkProgram, parseProgram } from 'pullback'
import type { DType } from 'pullback'
import { operations, programs } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { run as interpret } from '../../src/backends/reference/reference.ts'
import { isLong, isNarrow } from '../../src/core/dtype.ts'
import type { Program } from '../../src/ir/program.ts'
import { widen } from '../../src/lowering/widen.ts'
import { primitiveOf } from '../../src/primitives/all.ts'
import { wideningOf } from '../../src/primitives/widening.ts'
import { toHost } from '../../src/trace/value.ts'
import { expectSameElements } from '../support/elements.ts'

const widened = (program: Program): Program => program.with({ equations: program.equations.flatMap(widen) })

const narrow: readonly DType[] = ['float16', 'bfloat16', 'int8', 'uint8', 'int16', 'uint16', 'int64', 'uint64', 'bool']
const each = (check: (program: Program, inputs: readonly ReturnType<typeof toHost>[]) => void): void => {
  const among = operations.filter((op) => op !== 'callback' && op !== 'bitcast')
  const property = fc.property(programs({ operations: among, dtypes: narrow, maxSize: 60 }), ({ program, inputs }) => {
    check(program, inputs.map((x) => toHost(x, 'test'))) // prettier-ignore
  })
  fc.assert(property, { numRuns: 250 })
}

describe('random programs', () => {
  it('mean the same widened, bit for bit', () => {
    each((program, inputs) => {
      const wide = widened(program)
      checkProgram(wide)
      const data = inputs.map((x) => x.data)
      expectSameElements(interpret(wide, data), interpret(program, data), program.outAvals)
    })
  })

  it('compute on nothing narrow then, and are not widened twice', () => {
    each((program) => {
      for (const eqn of widened(program).equations) {
        const { facts } = primitiveOf(eqn.op)
        for (const a of eqn.op === 'cast' ? [] : eqn.inputs) expect(wideningOf(facts, a.aval.dtype)).toEqual([])
        expect(widen(eqn)).toEqual([eqn])
      }
    })
  })

  it('look for places in 32 bits', () => {
    each((program) => {
      for (const eqn of widened(program).equations) {
        if (eqn.op !== 'gather') continue
        const { dtype } = eqn.inputs[1]!.aval
        expect(isLong(dtype) || isNarrow(dtype)).toBe(false)
      }
    })
  })
})

describe('what is written', () => {
  const of = (text: string, inputs: string, result: string): readonly string[] => {
    const parsed = parseProgram(`program(${inputs}) {\n  z: ${result} = ${text}\n  return z\n}`)
    if (parsed._tag === 'Left') throw new Error(parsed.left.message)
    const lines = String(widened(parsed.right)).split('\n').slice(1, -2)
    return lines.map((line) => line.trim())
  }

  it('operands of 16 bits are widened, and the result is rounded', () => {
    expect(of('exp a', 'a: bf16[2]', 'bf16[2]')).toEqual([
      'b: f32[2] = cast[dtype="float32", weak=false] a',
      'c: f32[2] = exp b',
      'd: bf16[2] = cast[dtype="bfloat16", weak=false] c',
    ])
  })

  it('integers wrap around', () => {
    expect(of('mul a b', 'a: i8[2], b: i8[2]', 'i8[2]')).toEqual([
      'c: i32[2] = cast[dtype="int32", weak=false] a',
      'd: i32[2] = cast[dtype="int32", weak=false] b',
      'e: i32[2] = mul c d',
      'f: i8[2] = cast[dtype="int8", weak=false] e',
    ])
  })

  it('what is only moved, or has 32 bits, stays', () => {
    expect(of('transpose[permutation=[1, 0]] a', 'a: f16[2,3]', 'f16[3,2]').length).toBe(1)
    expect(of('add a b', 'a: f32[2], b: f32[2]', 'f32[2]').length).toBe(1)
  })

  it('long places are bounded before they are shortened', () => {
    const lines = of('dynamicSlice[sizes=[2]] a b', 'a: f32[5], b: i64[]', 'f32[2]')
    expect(lines.some((line) => line.includes('clamp'))).toBe(true)
    expect(lines.at(-2)).toContain('cast[dtype="int32", weak=false]')
    expect(lines.at(-1)).toContain('dynamicSlice')
  })
})

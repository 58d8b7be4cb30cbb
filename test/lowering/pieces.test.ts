/** Arrays that are written piece by piece. */
import * as fc from 'fast-check'
import { parseProgram } from 'pullback'
import { operations, samples } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { run as interpret } from '../../src/backends/reference/reference.ts'
import { allocate } from '../../src/core/dtype.ts'
import type { TypedArray } from '../../src/core/dtype.ts'
import { sizeOf, stridesOf } from '../../src/core/shape.ts'
import type { Program } from '../../src/ir/program.ts'
import { Index, linearize, LoopVar } from '../../src/lowering/indices.ts'
import { hasPieces, piecesOf } from '../../src/lowering/pieces.ts'
import { dataOf, programOf } from '../backends/wasm/support/samples.ts'
import { showIndex, valueOfIndex } from './support/indices.ts'

/** The result, written as the pieces say; and how often each element was. */
const written = ({ inputs, equations: [eqn] }: Program, data: readonly TypedArray[]) => {
  const { dtype, size } = eqn!.outputs[0]!.aval
  const [result, counts] = [allocate(dtype, size), new Array<number>(size).fill(0)]
  for (const { source, shape, from, to } of piecesOf(eqn!)) {
    const loops = shape.map((n, i) => new LoopVar(n, `v${i}`))
    const at = loops.map((v) => Index.variable(v))
    const [strides, elements] = [stridesOf(shape), data[inputs.indexOf(source)]!]
    const read = linearize(from(at), stridesOf(source.aval.shape))
    for (let i = 0; i < sizeOf(shape); i++) {
      const env = new Map(loops.map((v, k) => [v, Math.floor(i / strides[k]!) % v.extent]))
      const place = valueOfIndex(to(at), env)
      result[place] = elements[valueOfIndex(read, env)]!
      counts[place]!++
    }
  }
  return { result, counts }
}

describe.each(['concatenate', 'pad'] as const)('%s', (op) => {
  it('is what its pieces make up', () => {
    const property = fc.property(samples(op), (sample) => {
      const [program, data] = [programOf(sample), dataOf(sample.operands)]
      const { result, counts } = written(program, data)
      expect(result).toEqual(interpret(program, data)[0])
      expect(counts.length).toBe(result.length)
      // Padding is written over a filling.
      expect(counts.filter((n) => n < 1 || n > (op === 'pad' ? 2 : 1))).toEqual([])
    })
    fc.assert(property, { numRuns: 100 })
  })
})

describe('pieces', () => {
  const shown = (text: string): readonly string[] => {
    const parsed = parseProgram(text)
    if (parsed._tag === 'Left') throw new Error(parsed.left.message)
    return piecesOf(parsed.right.equations[0]!).map(({ shape, from, to }) => {
      const at = shape.map((n, i) => Index.variable(new LoopVar(n, 'ijk'[i]!)))
      return `[${shape.join()}] from ${from(at).map(showIndex).join(', ')} to ${showIndex(to(at))}`
    })
  }

  it('of a concatenation stand beside each other', () => {
    const text = 'program(a: f32[2,3], b: f32[2,4]) {\n  c: f32[2,7] = concatenate[axis=1] a b\n  return c\n}'
    expect(shown(text)).toEqual(['[2,3] from i, j to 7·i + j', '[2,4] from i, j to 7·i + j + 3'])
  })

  it('of a padded array are a filling, and what is inside', () => {
    const pad = (config: string, size: number): readonly string[] =>
      shown(`program(a: f32[5]) {\n  b: f32[${size}] = pad[${config}] a 0:f32[]\n  return b\n}`)
    expect(pad('low=[1], high=[2], interior=[0]', 8)).toEqual(['[8] from  to i', '[5] from i to i + 1'])
    // Two elements are cut off at the front, one at the back.
    expect(pad('low=[-2], high=[-1], interior=[0]', 2)).toEqual(['[2] from  to i', '[2] from i + 2 to i'])
    expect(pad('low=[0], high=[0], interior=[2]', 13)).toEqual(['[13] from  to i', '[5] from i to 3·i'])
    // The first of those that stay is at place 1.
    expect(pad('low=[-2], high=[0], interior=[2]', 11)).toEqual(['[11] from  to i', '[4] from i + 1 to 3·i + 1'])
  })

  it.each(operations)('%s: only concatenations and paddings are written in pieces', (op) => {
    const [sample] = fc.sample(samples(op), 1)
    expect(hasPieces(programOf(sample!).equations[0]!)).toBe(op === 'concatenate' || op === 'pad')
  })
})

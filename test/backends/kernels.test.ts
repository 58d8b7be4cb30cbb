import * as fc from 'fast-check'
import type { Sample } from 'pullback/testing'
import { samples } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { Aval } from '../../src/core/aval.ts'
import type { DType, TypedArray } from '../../src/core/dtype.ts'
import { allocate, dtypes, isFloat } from '../../src/core/dtype.ts'
import type { HostArray } from '../../src/core/host.ts'
import type { OpName, OpParams } from '../../src/ir/op.ts'
import { primitives } from '../../src/primitives/registry.ts'
import type { Primitive } from '../../src/primitives/primitive.ts'
import { routines } from '../../src/backends/wasm/kernels/index.ts'
import type { Routine, RoutineFor } from '../../src/backends/wasm/kernels/routine.ts'
import { randomCuts, runRoutine, whole } from './support/routine.ts'

/** An operation on arrays of the host: samples of the laws, and larger ones. */
interface Case<N extends OpName = OpName> {
  readonly op: N
  readonly params: OpParams[N]
  readonly operands: readonly HostArray[]
}

const ofSample = <N extends OpName>({ op, params, operands }: Sample<N>): Case<N> => ({
  op,
  params,
  operands: operands.map((x) => ({ aval: x.aval, data: x.dataSync() })),
})

const typesOf = ({ op, params, operands }: Case): readonly [readonly Aval[], readonly Aval[]] => {
  const avals = operands.map((x) => x.aval)
  return [avals, (primitives[op] as Primitive<OpName>).type(params, avals)]
}

const routineOf = (c: Case): Routine | null => {
  const [avals, outputs] = typesOf(c)
  return (routines[c.op] as RoutineFor<OpName>)(c.params, avals, outputs)
}

const interpreted = (c: Case): readonly TypedArray[] => {
  const [avals, outputs] = typesOf(c)
  const datas = c.operands.map((x) => x.data)
  const none = (): never => {
    throw new Error('no programs here')
  }
  return (primitives[c.op] as Primitive<OpName>).evaluate(c.params, datas, avals, outputs, none)
}

/** Equal elements, zeros with their signs; NaN equals NaN. */
const expectSame = (actual: readonly TypedArray[], expected: readonly TypedArray[]): void => {
  expect(actual).toEqual(expected)
}

/** The routine gives what the interpreter gives, wherever its ranges are cut, and in place where it says so. */
const agrees = (c: Case, seed: number, same = expectSame): void => {
  const routine = routineOf(c)
  expect(routine).not.toBeNull()
  const [, outputs] = typesOf(c)
  const once = runRoutine(routine!, c.operands, outputs, { cuts: whole })
  same(once, interpreted(c))
  expectSame(runRoutine(routine!, c.operands, outputs, { cuts: randomCuts(seed) }), once)
  const { inPlace } = routine!
  if (inPlace !== undefined) expectSame(runRoutine(routine!, c.operands, outputs, { inPlace }), once)
}

const seeds = fc.nat({ max: 10_000 })

const exact: readonly OpName[] = [
  'gather',
  'scatter',
  'scatterAdd',
  'scatterMul',
  'scatterMin',
  'scatterMax',
  'dynamicSlice',
  'dynamicUpdateSlice',
]

describe.each(exact)('%s', (op) => {
  it.each(['float32', 'float64'] as const)('is what the interpreter gives, bit by bit (%s)', (float) => {
    fc.assert(
      fc.property(samples(op, { float }), seeds, (sample, seed) => {
        agrees(ofSample(sample), seed)
      }),
      { numRuns: 150 },
    )
  })
})

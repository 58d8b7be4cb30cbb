import * as fc from 'fast-check'
import type { Sample } from 'pullback/testing'
import { samples } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { Aval } from '../../../../src/core/aval.ts'
import type { TypedArray } from '../../../../src/core/dtype.ts'
import { allocate } from '../../../../src/core/dtype.ts'
import type { HostArray } from '../../../../src/core/host.ts'
import type { ConvParams, OpName, OpParams, WindowParams } from '../../../../src/ir/op.ts'
import { primitives } from '../../../../src/primitives/all.ts'
import type { Primitive } from '../../../../src/primitives/primitive.ts'
import { convLibrary, convRoutine } from '../../../../src/backends/wasm/kernels/convolution.ts'
import { matmulLibrary } from '../../../../src/backends/wasm/kernels/matmul.ts'
import { windowRoutines } from '../../../../src/backends/wasm/kernels/window.ts'
import type { RoutineFor } from '../../../../src/backends/wasm/kernels/routine.ts'
import { randomCuts, runRoutine, whole } from '../support/routine.ts'

const library = [...convLibrary, ...matmulLibrary]
const routines: { readonly [N in OpName]?: RoutineFor<N> } = { conv: convRoutine, ...windowRoutines }

/** Small multiples of a quarter: their products and sums are exact, in whatever order. */
const exact = (aval: Aval, seed: number): HostArray => {
  const data = allocate(aval.dtype, aval.size) as Float64Array
  let state = (seed * 2654435761 + 1) >>> 0
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[i] = ((state >>> 8) % 41) / 4 - 5
  }
  return { aval, data }
}

interface Case<N extends OpName> {
  readonly op: N
  readonly params: OpParams[N]
  readonly avals: readonly Aval[]
}

const check = <N extends OpName>({ op, params, avals }: Case<N>, seed: number): void => {
  const primitive = primitives[op] as Primitive<N>
  const outputs = primitive.type(params, avals)
  const operands = avals.map((aval, i) => exact(aval, seed + i))
  const datas = operands.map((x) => x.data)
  const none = (): never => {
    throw new Error('no programs here')
  }
  const wanted = primitive.evaluate(params, datas, avals, outputs, none)
  const routine = routines[op]?.(params, avals, outputs)
  for (const cuts of [whole, randomCuts(seed)]) {
    const got: readonly TypedArray[] = runRoutine(routine!, operands, outputs, { library, cuts })
    const wrong = Array.from(wanted[0]!.keys()).filter(
      (i) => !Object.is(Number(got[0]![i]) + 0, Number(wanted[0]![i]) + 0),
    )
    expect(wrong.slice(0, 4).map((i) => `[${i}]: ${got[0]![i]} for ${wanted[0]![i]}`)).toEqual([])
  }
}

const ofSample = <N extends OpName>({ op, params, operands }: Sample<N>): Case<N> => ({
  op,
  params,
  avals: operands.map((x) => x.aval),
})

const seeds = fc.nat({ max: 10_000 })
const floats = ['float32', 'float64'] as const

const operations = [
  'conv',
  'reduceWindowSum',
  'reduceWindowMax',
  'reduceWindowMin',
  'selectAndGatherAdd',
  'selectAndScatterAdd',
] as const

describe.each(operations)('%s', (operation) => {
  it.each(floats)('gives what the interpreter gives, wherever its ranges are cut (%s)', (float) => {
    const sample = samples(operation, { float, smooth: true })
    fc.assert(
      fc.property(sample, seeds, (s, seed) => {
        check(ofSample(s), seed)
      }),
      { numRuns: 120 },
    )
  })
})

const layouts: { readonly [name: string]: Pick<ConvParams, 'lhsSpec' | 'rhsSpec' | 'outSpec'> } = {
  'features last': { lhsSpec: [0, 3, 1, 2], rhsSpec: [3, 2, 0, 1], outSpec: [0, 3, 1, 2] },
  'features first': { lhsSpec: [0, 1, 2, 3], rhsSpec: [0, 1, 2, 3], outSpec: [0, 1, 2, 3] },
  'as in the gradient of images': { lhsSpec: [0, 3, 1, 2], rhsSpec: [2, 3, 0, 1], outSpec: [0, 3, 1, 2] },
  'as in the gradient of kernels': { lhsSpec: [3, 0, 1, 2], rhsSpec: [3, 0, 1, 2], outSpec: [2, 3, 0, 1] },
}

const plain = {
  windowStrides: [1, 1],
  padding: [[1, 1], [1, 1]],
  lhsDilation: [1, 1],
  rhsDilation: [1, 1],
  featureGroupCount: 1,
  batchGroupCount: 1,
} as const // prettier-ignore

const placed = (spec: readonly number[], extents: readonly number[]): number[] =>
  spec.map((_, d) => extents[spec.indexOf(d)]!)

describe.each(Object.keys(layouts))('larger convolutions, %s', (layout) => {
  const specs = layouts[layout]!
  const conv = (lhs: readonly number[], rhs: readonly number[], more: Partial<ConvParams> = {}): Case<'conv'> => ({
    op: 'conv',
    params: { ...plain, ...specs, ...more },
    avals: [new Aval('float32', placed(specs.lhsSpec, lhs)), new Aval('float32', placed(specs.rhsSpec, rhs))],
  })

  it.each([
    ['of many features', conv([3, 16, 9, 7], [24, 16, 3, 3])],
    ['of features that fill no vector', conv([2, 5, 8, 13], [11, 5, 3, 2])],
    ['of one feature', conv([4, 1, 12, 12], [1, 1, 3, 3])],
    ['with strides', conv([2, 6, 11, 12], [8, 6, 3, 3], { windowStrides: [2, 3] })],
    ['with dilations', conv([2, 6, 6, 5], [8, 6, 3, 2], { lhsDilation: [2, 1], rhsDilation: [1, 3] })],
    ['of feature groups', conv([2, 6, 7, 6], [15, 2, 3, 3], { featureGroupCount: 3 })],
    ['of batch groups', conv([6, 4, 7, 6], [20, 4, 3, 3], { batchGroupCount: 2 })],
    ['depthwise', conv([2, 12, 7, 6], [12, 1, 3, 3], { featureGroupCount: 12 })],
    ['depthwise, with strides', conv([2, 8, 9, 8], [8, 1, 3, 3], { featureGroupCount: 8, windowStrides: [2, 2] })],
    ['depthwise, of batches', conv([8, 40, 14, 13], [8, 40, 13, 12], { batchGroupCount: 8 })],
    ['of long lines', conv([1, 3, 2, 150], [16, 3, 1, 1], { padding: [[0, 0], [0, 0]] })], // prettier-ignore
    ['of long sums', conv([3, 40, 14, 13], [10, 40, 14, 13])],
    ['of long sums in groups', conv([2, 80, 12, 12], [16, 40, 11, 12], { featureGroupCount: 2 })],
    ['of wide rows', conv([9, 4, 6, 6], [160, 4, 2, 2])],
    ['of few rows', conv([1, 4, 4, 3], [64, 4, 3, 3])],
  ] as const)('%s', (_, c) => {
    check(c, 5)
  })
})

describe('larger windows', () => {
  const window = (shape: readonly number[], windowDimensions: readonly number[], more: Partial<WindowParams> = {}) => {
    const ones = shape.map(() => 1)
    const params = {
      windowDimensions,
      windowStrides: ones,
      padding: shape.map(() => [0, 0] as const),
      baseDilation: ones,
      windowDilation: ones,
      select: 'max' as const,
      ...more,
    }
    return { params, x: new Aval('float32', shape) }
  }

  it.each([
    ['features last', window([2, 8, 6, 13], [1, 2, 2, 1], { windowStrides: [1, 2, 2, 1] })],
    ['features first', window([2, 3, 8, 6], [1, 1, 2, 3], { windowStrides: [1, 1, 2, 2] })],
    ['overlapping', window([2, 7, 9, 5], [1, 3, 3, 1], { windowStrides: [1, 2, 1, 1] })],
    ['sliding along lines', window([3, 5, 21], [1, 2, 3])],
    ['of many elements', window([2, 9, 8, 6], [1, 5, 4, 1], { windowStrides: [1, 2, 2, 1] })],
    [
      'padded',
      window([2, 7, 7, 6], [1, 3, 3, 1], {
        padding: [
          [0, 0],
          [1, 1],
          [2, 0],
          [0, 0],
        ],
        windowStrides: [1, 2, 2, 1],
      }),
    ],
    ['over the batch', window([5, 3, 8], [2, 1, 1], { windowStrides: [2, 1, 1] })],
  ] as const)('%s', (_, { params, x }) => {
    const out = primitives.reduceWindowMax.type(params, [x])
    check({ op: 'reduceWindowSum', params, avals: [x] }, 1)
    check({ op: 'reduceWindowMax', params, avals: [x] }, 2)
    check({ op: 'reduceWindowMin', params, avals: [x] }, 3)
    for (const select of ['max', 'min'] as const) {
      check({ op: 'selectAndGatherAdd', params: { ...params, select }, avals: [x, x] }, 4)
      check({ op: 'selectAndScatterAdd', params: { ...params, select }, avals: [...out, x] }, 5)
    }
  })

  it('passes NaN on, and takes the first one', () => {
    const { params } = window([7], [3])
    const x = [1, NaN, 2, 0, NaN, NaN, 4]
    const values = [1, 2, 3, 4, 5, 6, 7]
    const run = <N extends OpName>(op: N, given: OpParams[N], operands: readonly (readonly number[])[]): number[] => {
      const arrays = operands.map((data) => ({
        aval: new Aval('float32', [data.length]),
        data: Float32Array.from(data),
      }))
      const avals = arrays.map(({ aval }) => aval)
      const outputs = (primitives[op] as Primitive<N>).type(given, avals)
      return Array.from(runRoutine(routines[op]!(given, avals, outputs)!, arrays, outputs)[0] as Float32Array)
    }
    expect(run('reduceWindowMax', params, [x])).toEqual([NaN, NaN, NaN, NaN, NaN])
    expect(run('selectAndGatherAdd', params, [values, x])).toEqual([2, 2, 5, 5, 5])
    expect(run('selectAndScatterAdd', params, [[1, 10, 100, 1000, 10000], x])).toEqual([0, 11, 0, 0, 11100, 0, 0])
  })
})

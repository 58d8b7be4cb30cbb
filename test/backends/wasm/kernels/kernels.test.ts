import * as fc from 'fast-check'
import type { Sample } from 'pullback/testing'
import { samples } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { Aval } from '../../../../src/core/aval.ts'
import { convert, decode } from '../../../../src/core/convert.ts'
import type { DType, TypedArray } from '../../../../src/core/dtype.ts'
import { dtypes, isFloat, kindOf } from '../../../../src/core/dtype.ts'
import type { HostArray } from '../../../../src/core/host.ts'
import { range } from '../../../../src/core/shape.ts'
import type { GatherParams, IndexMode, OpName, OpParams, ScatterParams } from '../../../../src/ir/op.ts'
import { Variable, equation } from '../../../../src/ir/program.ts'
import { widen } from '../../../../src/lowering/widen.ts'
import { toHost } from '../../../../src/trace/value.ts'
import { primitives } from '../../../../src/primitives/all.ts'
import type { Primitive } from '../../../../src/primitives/primitive.ts'
import type { Expr } from '../../../../src/backends/wasm/asm/index.ts'
import { i32, op } from '../../../../src/backends/wasm/asm/index.ts'
import { kernelLibrary as library, routines } from '../../../../src/backends/wasm/kernels/index.ts'
import type { Places, Routine, RoutineFor } from '../../../../src/backends/wasm/kernels/routine.ts'
import { randomCuts, runRoutine, whole } from '../support/routine.ts'

/** An operation on arrays of the host: samples of the laws, and larger ones. */
interface Case<N extends OpName = OpName> {
  readonly op: N
  readonly params: OpParams[N]
  readonly operands: readonly HostArray[]
}

const ofSample = <N extends OpName>({ op, params, operands }: Sample<N>): Case<N> => ({
  op,
  params,
  operands: operands.map((x) => toHost(x, 'test')),
})

const typesOf = ({ op, params, operands }: Case): readonly [readonly Aval[], readonly Aval[]] => {
  const avals = operands.map((x) => x.aval)
  return [avals, (primitives[op] as Primitive<OpName>).type(params, avals)]
}

const routineOf = (c: Case): Routine | null => {
  const [avals, outputs] = typesOf(c)
  return (routines[c.op] as RoutineFor<OpName>)(c.params, avals, outputs)
}

/** Whether kernels meet these dtypes: others are widened before. */
const isLoweredAsItIs = (c: Case): boolean => {
  const [avals, outputs] = typesOf(c)
  const variables = (of: readonly Aval[]): readonly Variable[] => of.map((aval) => new Variable(aval))
  return widen(equation(c.op, c.params, variables(avals), variables(outputs))).length === 1
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
const expectSame = (actual: readonly TypedArray[], expected: readonly TypedArray[], avals: readonly Aval[]): void => {
  avals.forEach((aval, k) => {
    const [xs, ys] = [decode(aval.dtype, actual[k]!), decode(aval.dtype, expected[k]!)]
    const wrong = range(aval.size).filter((i) => !Object.is(xs[i], ys[i]))
    expect(wrong.slice(0, 5).map((i) => `${k}[${i}]: ${xs[i]} for ${ys[i]}`)).toEqual([])
  })
}

/** The routine gives what the interpreter gives, wherever its ranges are cut, and in place where it says so. */
const agrees = (c: Case, seed: number, same = expectSame): void => {
  const routine = routineOf(c)
  expect(routine).not.toBeNull()
  const [, outputs] = typesOf(c)
  const once = runRoutine(routine!, c.operands, outputs, { library, cuts: whole })
  same(once, interpreted(c), outputs)
  expectSame(runRoutine(routine!, c.operands, outputs, { library, cuts: randomCuts(seed) }), once, outputs)
  const { inPlace } = routine!
  if (inPlace !== undefined) expectSame(runRoutine(routine!, c.operands, outputs, { library, inPlace }), once, outputs)
}

/** Elements from a seed: small whole numbers, so that there are ties; floats may have a zero of either sign, or NaN, now and then. */
const fresh = (dtype: DType, shape: readonly number[], seed: number, special = false): HostArray => {
  const aval = new Aval(dtype, shape)
  let state = (seed * 2654435761 + 1) >>> 0
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 8
  }
  const elements = Array.from({ length: aval.size }, () => {
    const n = (next() % 41) - 20
    if (isFloat(dtype) && special && next() % 50 === 0) return n > 0 ? NaN : -0
    return dtype === 'bool' ? n & 1 : isFloat(dtype) ? n / 4 : kindOf(dtype) === 'unsigned' ? Math.abs(n) : n
  })
  return { aval, data: convert(Float64Array.from(elements), 'float64', dtype) }
}

/** Indices from -2 to beyond the limit. */
const places = (shape: readonly number[], limit: number, seed: number, dtype: DType = 'int32'): HostArray => {
  const { aval, data } = fresh('int32', shape, seed)
  const moved = Array.from(data as Int32Array, (x, i) => (((x + 20) * 31 + i * 17) % (limit + 4)) - 2)
  return {
    aval: new Aval(dtype, aval.shape),
    data: dtype === 'uint32' ? Uint32Array.from(moved) : Int32Array.from(moved),
  }
}

const seeds = fc.nat({ max: 10_000 })

const exact = [
  'gather',
  'scatter',
  'scatterAdd',
  'scatterMul',
  'scatterMin',
  'scatterMax',
  'dynamicSlice',
  'dynamicUpdateSlice',
  'concatenate',
  'pad',
  'transpose',
  'cumsum',
  'cumprod',
  'cummax',
  'cummin',
  'argmax',
  'argmin',
  'sort',
  'cholesky',
  'triangularSolve',
  'lu',
] as const satisfies readonly OpName[]

describe.each(exact)('%s', (op) => {
  it.each(['float32', 'float64'] as const)(
    'is what the interpreter gives, bit by bit, wherever ranges are cut (%s)',
    (float) => {
      fc.assert(
        fc.property(samples(op, { float }), seeds, (sample, seed) => {
          const c = ofSample(sample)
          fc.pre(isLoweredAsItIs(c))
          agrees(c, seed)
        }),
        { numRuns: 40 },
      )
    },
  )
})

describe('the harness', () => {
  const aval = new Aval('int32', [5])
  const operand: HostArray = { aval, data: Int32Array.of(1, 2, 3, 4, 5) }
  const writing = (address: (places: Places) => Expr<'i32'>): Routine => ({
    scratch: 0,
    imports: [],
    phases: [
      {
        count: 5,
        grain: 1,
        emit: (code, places, lo, hi) => {
          code.for(lo, hi, 1, (i) => {
            code.store('i32.store', op('i32.add', address(places), op('i32.shl', i, i32(2))), i)
          })
        },
      },
    ],
  })

  it('runs all pieces of a range', () => {
    const inOrder = writing(({ outputs }) => outputs[0]!)
    const results = range(50).map((seed) => runRoutine(inOrder, [operand], [aval], { cuts: randomCuts(seed) }))
    for (const [result] of results) expect(result).toEqual(Int32Array.of(0, 1, 2, 3, 4))
  })

  it('sees writing before and behind a result, and to an operand', () => {
    const run = (address: (places: Places) => Expr<'i32'>) => () => runRoutine(writing(address), [operand], [aval])
    expect(run(({ outputs }) => op('i32.sub', outputs[0]!, i32(1)))).toThrow('outside')
    expect(run(({ outputs }) => op('i32.add', outputs[0]!, i32(1)))).toThrow('outside')
    expect(run(({ inputs }) => inputs[0]!)).toThrow('operand 0')
  })
})

// ---- larger shapes ----

const of = <N extends OpName>(op: N, params: OpParams[N], ...operands: readonly HostArray[]): Case<N> => ({
  op,
  params,
  operands,
})

const slicesOfRows: GatherParams = {
  offsetDims: [1],
  collapsedSliceDims: [0],
  operandBatchingDims: [],
  startIndicesBatchingDims: [],
  startIndexMap: [0],
  sliceSizes: [1, 0],
  mode: 'fill',
}

const rowsGathered = (dtype: DType, columns: number, mode: IndexMode, indices: DType = 'int32'): Case =>
  of(
    'gather',
    { ...slicesOfRows, sliceSizes: [1, columns], mode },
    fresh(dtype, [50, columns], 1),
    places([150, 1], 50, 2, indices),
  )

const modes = ['fill', 'clip'] as const

const gathers = (): Case[] => [
  ...dtypes.flatMap((dtype) => [1, 3, 33].map((columns) => rowsGathered(dtype, columns, 'fill', 'uint32'))),
  ...modes.flatMap((mode) => [1, 40, 300].map((columns) => rowsGathered('float32', columns, mode))),
  // One large window at a computed place.
  of(
    'gather',
    { ...slicesOfRows, offsetDims: [0, 1], collapsedSliceDims: [], sliceSizes: [40, 50], mode: 'clip' },
    fresh('float32', [64, 50], 3),
    places([1], 24, 4),
  ),
  of(
    'gather',
    { ...slicesOfRows, offsetDims: [0, 1, 2], collapsedSliceDims: [], startIndexMap: [2, 0], sliceSizes: [5, 9, 7] },
    fresh('int32', [8, 9, 11], 3),
    places([2], 6, 1),
  ),
  // The window's axis before that of the starts: columns.
  of(
    'gather',
    { ...slicesOfRows, offsetDims: [0], collapsedSliceDims: [1], startIndexMap: [1], sliceSizes: [30, 1] },
    fresh('float32', [30, 20], 3),
    places([70, 1], 20, 4),
  ),
  // Along an axis, as sorting's derivative takes it.
  of(
    'gather',
    {
      ...slicesOfRows,
      offsetDims: [],
      collapsedSliceDims: [1],
      operandBatchingDims: [0, 2],
      startIndicesBatchingDims: [0, 2],
      startIndexMap: [1],
      sliceSizes: [1, 1, 1],
      mode: 'promiseInBounds',
    },
    fresh('float64', [5, 12, 7], 3),
    { ...places([5, 9, 7, 1], 12, 4), data: Int32Array.from(range(315), (i) => (i * 7) % 12) },
  ),
]

const scattersOfRows: ScatterParams = {
  updateWindowDims: [1],
  insertedWindowDims: [0],
  operandBatchingDims: [],
  scatterIndicesBatchingDims: [],
  scatterDimsToOperandDims: [0],
  mode: 'fill',
  uniqueIndices: false,
}

const scatterNames = ['scatter', 'scatterAdd', 'scatterMul', 'scatterMin', 'scatterMax'] as const

const scatters = (): Case[] =>
  scatterNames.flatMap((name) => [
    ...(['float32', 'float64', 'int32', 'uint32'] as const).flatMap((dtype) =>
      [1, 5, 33, 200].map((columns) =>
        of(
          name,
          scattersOfRows,
          fresh(dtype, [30, columns], 1, true),
          places([90, 1], 30, 2),
          fresh(dtype, [90, columns], 3, true),
        ),
      ),
    ),
    // Single elements; windows across rows; a free axis that is not the last; batches.
    of(
      name,
      { ...scattersOfRows, updateWindowDims: [] },
      fresh('float32', [40], 1),
      places([300, 1], 40, 2, 'uint32'),
      fresh('float32', [300], 3),
    ),
    of(
      name,
      { ...scattersOfRows, updateWindowDims: [1, 2], insertedWindowDims: [], mode: 'clip' },
      fresh('float32', [40, 21], 1),
      places([30, 1], 38, 2),
      fresh('float32', [30, 2, 21], 3),
    ),
    of(
      name,
      { ...scattersOfRows, updateWindowDims: [0, 1], insertedWindowDims: [2], scatterDimsToOperandDims: [2] },
      fresh('float32', [3, 40, 8], 1),
      places([50, 1], 8, 2),
      fresh('float32', [3, 40, 50], 3),
    ),
    of(
      name,
      {
        ...scattersOfRows,
        updateWindowDims: [2],
        insertedWindowDims: [1],
        operandBatchingDims: [0],
        scatterIndicesBatchingDims: [0],
        scatterDimsToOperandDims: [1],
      },
      fresh('int32', [9, 10, 6], 1),
      places([9, 20, 1], 10, 2),
      fresh('int32', [9, 20, 6], 3),
    ),
  ])

const at = (...starts: readonly number[]): HostArray[] =>
  starts.map((s) => ({ aval: new Aval('int32', []), data: Int32Array.of(s) }))

const dynamics = (): Case[] => [
  of('dynamicSlice', { sizes: [50, 60] }, fresh('float32', [100, 120], 1), ...at(13, -4)),
  of('dynamicSlice', { sizes: [30, 1000] }, fresh('float32', [100, 1000], 1), ...at(99, 5)),
  of('dynamicSlice', { sizes: [3, 70, 2] }, fresh('float64', [5, 80, 3], 1), ...at(1, 7, 1)),
  of('dynamicUpdateSlice', {}, fresh('float32', [100, 120], 1), fresh('float32', [50, 60], 2), ...at(13, 70)),
  of('dynamicUpdateSlice', {}, fresh('uint8', [300, 100], 1), fresh('uint8', [200, 100], 2), ...at(13, 70)),
]

const moved = (): Case[] => [
  of('concatenate', { axis: 0 }, ...[1, 40, 7].map((n) => fresh('float32', [n, 1000], n))),
  of('concatenate', { axis: 1 }, ...[1, 40, 0, 200].map((n) => fresh('float64', [33, n], n))),
  of('concatenate', { axis: 2 }, ...[1, 1, 1].map((n, i) => fresh('bfloat16', [9, 8, n], i))),
  of('pad', { low: [1, 2], high: [3, 4], interior: [0, 0] }, fresh('float32', [30, 50], 1), fresh('float32', [], 9)),
  of(
    'pad',
    { low: [0, 2, 0], high: [0, -4, 0], interior: [0, 0, 0] },
    fresh('float32', [6, 50, 33], 1),
    fresh('float32', [], 9),
  ),
  of(
    'pad',
    { low: [1, -3, 0], high: [-2, 5, 0], interior: [2, 1, 0] },
    fresh('int8', [6, 20, 35], 1),
    fresh('int8', [], 9),
  ),
  of('pad', { low: [2, -3], high: [2, 300], interior: [1, 3] }, fresh('float64', [6, 90], 1), fresh('float64', [], 9)),
  ...dtypes.flatMap((dtype) => [
    of('transpose', { permutation: [1, 0] }, fresh(dtype, [37, 70], 1)),
    of('transpose', { permutation: [2, 0, 1] }, fresh(dtype, [3, 21, 34], 1)),
  ]),
  of('transpose', { permutation: [0, 2, 1, 3] }, fresh('float32', [2, 33, 7, 18], 1)),
  of('transpose', { permutation: [3, 1, 0, 2] }, fresh('float32', [6, 5, 16, 32], 1)),
  of('transpose', { permutation: [2, 1, 0] }, fresh('float64', [65, 2, 3], 1)),
]

const lines = (): Case[] => [
  ...(['cumsum', 'cumprod', 'cummax', 'cummin'] as const).flatMap((name) =>
    (['float32', 'float64', 'int32', 'uint32'] as const).flatMap((dtype) =>
      [0, 1, 2].flatMap((axis) => [
        of(name, { axis, reverse: false }, fresh(dtype, [5, 11, 21], 1, true)),
        of(name, { axis, reverse: true }, fresh(dtype, [5, 12, 16], 2, true)),
      ]),
    ),
  ),
  ...(['argmax', 'argmin'] as const).flatMap((name) =>
    (['float32', 'float64', 'int32', 'uint32', 'bool'] as const).flatMap((dtype) =>
      [0, 1, 2].flatMap((axis) => [
        of(name, { axis }, fresh(dtype, [20, 12, 37], 1)),
        of(name, { axis }, fresh(dtype, [9, 16, 50], 2, true)),
        of(name, { axis }, fresh(dtype, [9, 3, 10], 2, true)),
      ]),
    ),
  ),
]

const sorts = (): Case[] => [
  ...(['float32', 'float64', 'int32', 'uint32', 'bool'] as const).flatMap((dtype) =>
    [3, 40, 333].map((n) =>
      of('sort', { axis: 0, numKeys: 1, stable: true }, fresh(dtype, [n], n, true), fresh('int32', [n], 7)),
    ),
  ),
  of(
    'sort',
    { axis: 1, numKeys: 1, stable: true },
    fresh('float32', [5, 40, 3], 1, true),
    fresh('int8', [5, 40, 3], 7),
  ),
  of('sort', { axis: 1, numKeys: 1, stable: true }, fresh('float32', [200, 19], 1, true)),
  of('sort', { axis: 0, numKeys: 1, stable: true }, fresh('float64', [2500, 2], 1, true)),
  of('sort', { axis: 0, numKeys: 1, stable: false }, fresh('int32', [5000], 1, true), fresh('float64', [5000], 2)),
  of(
    'sort',
    { axis: 0, numKeys: 3, stable: true },
    ...(['bool', 'float64', 'uint32', 'float32'] as const).map((dtype, i) => fresh(dtype, [700, 2], i, true)),
  ),
]

/** A Aᵀ plus a multiple of the identity, of a matrix of small numbers. */
const positive = (dtype: DType, n: number): HostArray => {
  const { data } = fresh('float64', [n, n], n)
  const a = data as Float64Array
  const product = Float64Array.from(range(n * n), (e) => {
    const [i, j] = [Math.floor(e / n), e % n]
    return range(n).reduce((sum, k) => sum + a[i * n + k]! * a[j * n + k]!, i === j ? n : 0)
  })
  return { aval: new Aval(dtype, [n, n]), data: convert(product, 'float64', dtype) }
}

const flags = [false, true] as const

const linalg = (): Case[] =>
  (['float32', 'float64'] as const).flatMap((dtype) => [
    ...[1, 17, 60].map((n) => of('cholesky', {}, positive(dtype, n))),
    of('cholesky', {}, fresh(dtype, [3, 9, 9], 1)),
    ...['40,40', '25,60', '61,26', '3,7,7'].map((shape) => of('lu', {}, fresh(dtype, shape.split(',').map(Number), 1))),
    ...flags.flatMap((leftSide) =>
      flags.flatMap((lower) =>
        flags.flatMap((transposeA) =>
          [1, 5, 19].map((count) =>
            of(
              'triangularSolve',
              { leftSide, lower, transposeA, unitDiagonal: count === 5 },
              fresh(dtype, [2, 23, 23], 1),
              fresh(dtype, [2, ...(leftSide ? [23, count] : [count, 23])], 2),
            ),
          ),
        ),
      ),
    ),
  ])

const families = { gathers, scatters, dynamics, moved, lines, sorts, linalg }

describe.each(Object.keys(families) as (keyof typeof families)[])('larger shapes: %s', (family) => {
  it('are what the interpreter gives, bit by bit, wherever ranges are cut', () => {
    families[family]().forEach((c, i) => {
      agrees(c, i)
    })
  })
})

// ---- random shapes, larger than those of the samples ----

type Drawn = (dtype: DType, shape: readonly number[], seed: number) => Case

const rotated = <T>(xs: readonly T[], by: number): T[] => [...xs.slice(by % xs.length), ...xs.slice(0, by % xs.length)]

const moving: { readonly [name: string]: Drawn } = {
  transpose: (dtype, shape, seed) => {
    const axes = rotated(range(shape.length), seed)
    return of('transpose', { permutation: seed % 2 === 0 ? axes : axes.reverse() }, fresh(dtype, shape, seed))
  },
  concatenate: (dtype, shape, seed) => {
    const axis = seed % shape.length
    const others = [seed % 7, seed % 31].map((n) => fresh(dtype, shape.with(axis, n), n))
    return of('concatenate', { axis }, fresh(dtype, shape, seed), ...others)
  },
  pad: (dtype, shape, seed) => {
    const draw = (n: number, d: number): number => Math.floor(seed / 3 ** d) % n
    const ends = shape.map((n, d) => (n > 3 ? draw(5, d) - 2 : draw(3, d)))
    const interior = shape.map((_, d) => draw(3, d + 2))
    return of(
      'pad',
      { low: ends, high: ends.toReversed().map(Math.abs), interior },
      fresh(dtype, shape, seed),
      fresh(dtype, [], 9),
    )
  },
  dynamicSlice: (dtype, shape, seed) => {
    const sizes = shape.map((n, d) => n - (Math.floor(seed / 2 ** d) % (n + 1)))
    return of('dynamicSlice', { sizes }, fresh(dtype, shape, seed), ...at(...shape.map((_, d) => (seed % (7 + d)) - 2)))
  },
}

const ordering: { readonly [name: string]: Drawn } = {
  cumsum: (dtype, shape, seed) =>
    of('cumsum', { axis: seed % shape.length, reverse: seed % 2 === 0 }, fresh(dtype, shape, seed)),
  cummin: (dtype, shape, seed) =>
    of('cummin', { axis: seed % shape.length, reverse: seed % 2 === 0 }, fresh(dtype, shape, seed, true)),
  argmin: (dtype, shape, seed) =>
    of(
      'argmin',
      { axis: seed % shape.length },
      fresh(dtype, shape.with(seed % shape.length, 1 + (seed % 40)), seed, true),
    ),
  sort: (dtype, shape, seed) => {
    const params = { axis: seed % shape.length, numKeys: 1 + (seed % 2), stable: true }
    return of('sort', params, fresh(dtype, shape, seed, true), fresh('uint32', shape, seed + 1))
  },
}

describe('random shapes', () => {
  const shapes = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 3 })

  it.each(Object.keys(moving))('%s of any dtype', (name) => {
    const property = fc.property(fc.constantFrom(...dtypes), shapes, seeds, (dtype, shape, seed) => {
      agrees(moving[name]!(dtype, shape, seed), seed)
    })
    fc.assert(property, { numRuns: 20 })
  })

  it.each(Object.keys(ordering))('%s of numbers', (name) => {
    const numeric = fc.constantFrom('float32', 'float64', 'int32', 'uint32', 'int64', 'uint64')
    const property = fc.property(numeric, shapes, seeds, (dtype, shape, seed) => {
      agrees(ordering[name]!(dtype, shape, seed), seed)
    })
    fc.assert(property, { numRuns: 20 })
  })

  it.each([
    ['float32', fc.float32Array({ minLength: 1, maxLength: 200 })],
    ['float64', fc.float64Array({ minLength: 1, maxLength: 200 })],
    ['int32', fc.int32Array({ minLength: 1, maxLength: 200 })],
    ['uint32', fc.uint32Array({ minLength: 1, maxLength: 200 })],
  ] as const)('sort of %s from the whole range', (dtype, arrays: fc.Arbitrary<TypedArray>) => {
    const property = fc.property(arrays, seeds, (data, seed) => {
      agrees(of('sort', { axis: 0, numKeys: 1, stable: true }, { aval: new Aval(dtype, [data.length]), data }), seed)
    })
    fc.assert(property, { numRuns: 50 })
  })
})

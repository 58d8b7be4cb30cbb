import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Code } from '../../../../src/backends/wasm/asm/index.ts'
import { f32x4, ModuleBuilder, op } from '../../../../src/backends/wasm/asm/index.ts'
import { dotGeneralRoutine, stridedDotGeneral } from '../../../../src/backends/wasm/kernels/matmulDotGeneral.ts'
import type { MatmulSpec, MatrixStrides } from '../../../../src/backends/wasm/kernels/matmul.ts'
import { matmulLibrary as library, matmulRoutine } from '../../../../src/backends/wasm/kernels/matmul.ts'
import type { Routine, VectorFeatures } from '../../../../src/backends/wasm/kernels/routine.ts'
import { Aval } from '../../../../src/core/aval.ts'
import type { TypedArray } from '../../../../src/core/dtype.ts'
import { allocate } from '../../../../src/core/dtype.ts'
import type { HostArray } from '../../../../src/core/host.ts'
import { range, sizeOf, stridesOf } from '../../../../src/core/shape.ts'
import type { DotGeneralParams } from '../../../../src/ir/op.ts'
import { dotGeneralP } from '../../../../src/primitives/contraction.ts'
import { gatherStrided } from '../../../../src/primitives/strided.ts'
import type { Cuts } from '../support/routine.ts'
import { newMemory, prepareRoutine, randomCuts, runRoutine } from '../support/routine.ts'

type Float = MatmulSpec['dtype']

const withFma = (code: Code): void => {
  const x = f32x4(0)
  code.drop(op('f32x4.relaxed_madd', x, x, x))
}

const hasRelaxed = ((): boolean => {
  const builder = new ModuleBuilder()
  builder.function([], null, withFma)
  const { WebAssembly: engine } = globalThis as unknown as {
    readonly WebAssembly: { validate(bytes: Uint8Array): boolean }
  }
  return engine.validate(builder.finish())
})()

// Matrices

/** Numbers from a seed, of which `next(n)` is below n. */
const numbers = (seed: number): ((n: number) => number) => {
  let state = (seed * 2654435761 + 1) >>> 0
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

/** What the elements are: whole numbers whose sums are exact, any numbers, or with infinities and NaN here and there. */
type Values = 'whole' | 'any' | 'special'

const valueOf = (kind: Values, next: (n: number) => number): number => {
  if (kind === 'whole') return next(9) - 4
  if (kind === 'special' && next(40) === 0) return [Infinity, -Infinity, NaN][next(3)]!
  return (next(2 ** 24) / 2 ** 23 - 1) * 2 ** (next(8) - 4)
}

/** Places of all elements of an array of views, from 0 on. */
const placesOf = (shape: readonly number[], strides: readonly number[]): Int32Array => {
  const size = sizeOf(shape)
  const last = shape.reduce((sum, extent, d) => sum + Math.max(0, extent - 1) * strides[d]!, 0)
  const all = Int32Array.from({ length: last + 1 }, (_, i) => i)
  return gatherStrided(all, shape, strides, 0, new Int32Array(size)) as Int32Array
}

/** Just as many elements as strides reach, with NaN in between. */
const fresh = (
  dtype: Float,
  shape: readonly number[],
  strides: readonly number[],
  kind: Values,
  seed: number,
): HostArray => {
  const places = placesOf(shape, strides)
  const length = places.length === 0 ? 0 : Math.max(...places.subarray(-1)) + 1
  const data = allocate(dtype, length).fill(NaN as never)
  const next = numbers(seed)
  for (const place of places) data[place] = valueOf(kind, next)
  return { aval: new Aval(dtype, [length]), data }
}

interface Matmul {
  readonly spec: MatmulSpec
  readonly operands: readonly [HostArray, HostArray]
  readonly output: Aval
}

const shapesOf = ({ batch, m, n, k }: MatmulSpec): readonly [readonly number[], readonly number[]] => [
  [...batch, m, k],
  [...batch, k, n],
]

const stridesIn = ({ batch, row, col }: MatrixStrides): readonly number[] => [...batch, row, col]

const matmulOf = (spec: MatmulSpec, kind: Values, seed: number): Matmul => {
  const [x, y] = shapesOf(spec)
  return {
    spec,
    operands: [
      fresh(spec.dtype, x, stridesIn(spec.a), kind, seed),
      fresh(spec.dtype, y, stridesIn(spec.b), kind, seed + 1),
    ],
    output: new Aval(spec.dtype, [...spec.batch, spec.m, spec.n]),
  }
}

interface Expected {
  /** The products' sums in double precision. */
  readonly sums: Float64Array
  /** The sums of their magnitudes. */
  readonly magnitudes: Float64Array
}

const expectedOf = ({ spec, operands, output }: Matmul): Expected => {
  const [x, y] = shapesOf(spec)
  const left = gatherStrided(operands[0].data, x, stridesIn(spec.a), 0, new Float64Array(sizeOf(x)))
  const right = gatherStrided(operands[1].data, y, stridesIn(spec.b), 0, new Float64Array(sizeOf(y)))
  const { m, n, k } = spec
  const sums = new Float64Array(output.size)
  const magnitudes = new Float64Array(output.size)
  for (let at = 0; at < output.size; at++) {
    const [row, j] = [Math.floor(at / n), at % n]
    const matrix = Math.floor(row / m)
    for (let p = 0; p < k; p++) {
      const product = Number(left[row * k + p]) * Number(right[(matrix * k + p) * n + j])
      sums[at]! += product
      magnitudes[at]! += Math.abs(product)
    }
  }
  return { sums, magnitudes }
}

const run = ({ spec, operands, output }: Matmul, features: VectorFeatures, cuts?: Cuts): TypedArray => {
  const routine = matmulRoutine(spec)
  return runRoutine(routine, operands, [output], {
    library,
    ...features,
    ...(cuts === undefined ? {} : { cuts }),
  })[0]!
}

const describeSpec = ({ dtype, batch, m, n, k, a, b }: MatmulSpec): string =>
  `${dtype} [${batch.join()}] ${m}×${k}×${n}, A [${a.batch.join()}] ${a.row},${a.col}, B [${b.batch.join()}] ${b.row},${b.col}`

const expectEqual = (actual: TypedArray, expected: ArrayLike<number | bigint>, about: string): void => {
  const wrong = range(expected.length).filter((i) => !Object.is(Number(actual[i]) + 0, Number(expected[i]) + 0))
  expect(wrong.slice(0, 3).map((i) => `${about}: [${i}] is ${actual[i]}, not ${expected[i]}`)).toEqual([])
}

// Shapes and strides

const extents = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 3, arbitrary: fc.constantFrom(10, 15, 16, 17, 23, 31, 32, 33, 40, 63, 65, 100) },
  { weight: 2, arbitrary: fc.constantFrom(127, 130, 255, 256, 257, 260, 400, 530) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 1000, 4097, 8192, 9001) },
)

/** Strides for a matrix in memory: either order, with gaps or without, or the same elements along an axis. */
const layout = (batch: readonly number[], rows: number, cols: number): fc.Arbitrary<MatrixStrides> =>
  fc
    .record({
      turned: fc.boolean(),
      unit: fc.constantFrom(1, 1, 1, 1, 2),
      gap: fc.constantFrom(0, 0, 3),
      between: fc.constantFrom(0, 0, 5),
      shared: fc.array(fc.boolean(), { minLength: batch.length, maxLength: batch.length }),
      flat: fc.constantFrom('row', 'col', ...Array.from({ length: 8 }, () => 'none')),
    })
    .map(({ turned, unit, gap, between, shared, flat }) => {
      const inner = Math.max(1, turned ? rows : cols) * unit
      const outer = inner + gap
      const [row, col] = turned ? [unit, outer] : [outer, unit]
      let next = (turned ? cols : rows) * outer + between
      const strides = batch.map(() => 0)
      for (let d = batch.length - 1; d >= 0; d--) {
        if (shared[d]) continue
        strides[d] = next
        next *= Math.max(1, batch[d]!)
      }
      return { batch: strides, row: flat === 'row' ? 0 : row, col: flat === 'col' ? 0 : col }
    })

/** Shapes that use each of the kernels, where loads of whole vectors could reach too far. */
const edges = [
  [8, 8, 8],
  [7, 5, 300],
  [1, 33, 100],
  [2, 31, 65],
  [33, 1, 70],
  [40, 13, 9],
  [128, 20, 40],
  [64, 64, 64],
  [100, 300, 5],
  [1, 1, 9001],
  [130, 2, 8200],
] as const

const WORK = 600_000

const specs: fc.Arbitrary<MatmulSpec> = fc
  .record({
    dtype: fc.constantFrom<Float>('float32', 'float64'),
    batch: fc.array(fc.constantFrom(0, 1, 2, 3, 3, 9), { maxLength: 2 }),
    m: extents,
    n: extents,
    k: extents,
  })
  .filter(({ batch, m, n, k }) => sizeOf(batch) * Math.max(m, 1) * Math.max(n, 1) * Math.max(k, 1) <= WORK)
  .chain(({ dtype, batch, m, n, k }) =>
    fc.tuple(layout(batch, m, k), layout(batch, k, n)).map(([a, b]) => ({ dtype, batch, m, n, k, a, b })),
  )

const plain = (dtype: Float, m: number, n: number, k: number, turned: string): MatmulSpec => {
  const strides = (rows: number, cols: number, other: boolean): MatrixStrides =>
    other ? { batch: [], row: 1, col: rows } : { batch: [], row: cols, col: 1 }
  return { dtype, batch: [], m, n, k, a: strides(m, k, turned.includes('A')), b: strides(k, n, turned.includes('B')) }
}

const seeds = fc.integer({ min: 1, max: 1_000_000 })

// Contractions of views

interface Contraction {
  readonly dtype: Float
  readonly params: DotGeneralParams
  readonly shapes: readonly [readonly number[], readonly number[]]
  readonly strides: readonly [readonly number[], readonly number[]]
}

const noPrograms = (): never => {
  throw new Error('no programs here')
}

const shuffled = (n: number): fc.Arbitrary<readonly number[]> => fc.shuffledSubarray(range(n), { minLength: n })

/** Axes of memory in some order, some of them repeated rather than stored. */
const viewOf = (shape: readonly number[]): fc.Arbitrary<readonly number[]> =>
  fc
    .tuple(
      shuffled(shape.length),
      fc.array(fc.constantFrom(true, true, true, true, true, false), {
        minLength: shape.length,
        maxLength: shape.length,
      }),
    )
    .map(([order, stored]) => {
      const kept = order.filter((d) => stored[d])
      const inMemory = stridesOf(kept.map((d) => shape[d]!))
      return shape.map((_, d) => (stored[d] ? inMemory[kept.indexOf(d)]! : 0))
    })

const axisExtents = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 12, 16, 20, 33, 0)
const someAxes = fc.array(axisExtents, { maxLength: 2 })

/** Operands with their axes of each kind in any order. */
const contractions: fc.Arbitrary<Contraction> = fc
  .record({
    dtype: fc.constantFrom<Float>('float32', 'float64'),
    batch: someAxes,
    contract: someAxes,
    left: someAxes,
    right: someAxes,
  })
  .filter(({ batch, contract, left, right }) => sizeOf([...batch, ...contract, ...left, ...right]) <= 300_000)
  .chain(({ dtype, batch, contract, left, right }) => {
    const shared = batch.length + contract.length
    return fc
      .tuple(shuffled(shared + left.length), shuffled(shared + right.length))
      .map(([orderX, orderY]) => {
        // Axis d of the list (batch, contracting, free) is axis orderX.indexOf(d) of x.
        const shapeOf = (free: readonly number[], order: readonly number[]): readonly number[] =>
          order.map((d) => [...batch, ...contract, ...free][d]!)
        const places = (order: readonly number[], from: number, count: number): number[] =>
          range(count).map((i) => order.indexOf(from + i))
        const params: DotGeneralParams = {
          batch: [places(orderX, 0, batch.length), places(orderY, 0, batch.length)],
          contract: [places(orderX, batch.length, contract.length), places(orderY, batch.length, contract.length)],
        }
        return { dtype, params, shapes: [shapeOf(left, orderX), shapeOf(right, orderY)] as const }
      })
      .chain((c) => fc.tuple(viewOf(c.shapes[0]), viewOf(c.shapes[1])).map((strides) => ({ ...c, strides })))
  })

const prepared = ({ dtype, params, shapes, strides }: Contraction, seed: number) => {
  const operands = shapes.map((shape, i) => fresh(dtype, shape, strides[i]!, 'whole', seed + i))
  const dense = operands.map((x, i) => {
    const aval = new Aval(dtype, shapes[i]!)
    return { aval, data: gatherStrided(x.data, shapes[i]!, strides[i]!, 0, allocate(dtype, aval.size)) }
  })
  const [output] = dotGeneralP.type(
    params,
    dense.map((x) => x.aval),
  )
  const routine = stridedDotGeneral(params, shapes, strides, [output!])
  return { operands, dense, output: output!, routine: routine! }
}

const variants: readonly VectorFeatures[] = [
  { relaxed: false, wide: false },
  ...(hasRelaxed ? [{ relaxed: true, wide: false }] : []),
  { relaxed: hasRelaxed, wide: true },
]

describe.each(variants)('matrix products, with relaxed SIMD: $relaxed, for joined vectors: $wide', (features) => {
  it('are exact on whole numbers, for all shapes, strides and cuts', () => {
    fc.assert(
      fc.property(specs, seeds, (spec, seed) => {
        const matmul = matmulOf(spec, 'whole', seed)
        expectEqual(run(matmul, features, randomCuts(seed)), expectedOf(matmul).sums, describeSpec(spec))
      }),
      { numRuns: 150 },
    )
  })

  it('do not depend on cuts, by a bit', () => {
    fc.assert(
      fc.property(specs, seeds, (spec, seed) => {
        const matmul = matmulOf(spec, 'any', seed)
        expectEqual(run(matmul, features, randomCuts(seed)), run(matmul, features), describeSpec(spec))
      }),
      { numRuns: 40 },
    )
  })

  // Sums of blocks of 256, or of 8 or more numbers at a time, then of these: the error is at most that many roundings.
  it('round no more than sums of blocks', () => {
    fc.assert(
      fc.property(specs, seeds, (spec, seed) => {
        const matmul = matmulOf(spec, 'any', seed)
        const { sums, magnitudes } = expectedOf(matmul)
        const unit = spec.dtype === 'float32' ? 2 ** -24 : 2 ** -52
        const roundings = Math.min(spec.k, 256) + spec.k / 8 + 8
        const actual = run(matmul, features)
        const wrong = range(sums.length).filter(
          (i) => Math.abs(Number(actual[i]) - sums[i]!) > roundings * unit * magnitudes[i]! + 1e-300,
        )
        expect(wrong.map((i) => `${describeSpec(spec)}: [${i}] is ${actual[i]}, not ${sums[i]}`)).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it('keep infinities and NaN to the rows and columns that have them', () => {
    fc.assert(
      fc.property(specs, seeds, (spec, seed) => {
        const matmul = matmulOf(spec, 'special', seed)
        const kindOf = (x: number): string => (Number.isFinite(x) ? 'finite' : String(x))
        const actual = Array.from(run(matmul, features) as Float64Array, kindOf)
        expect(actual).toEqual(Array.from(expectedOf(matmul).sums, kindOf))
      }),
      { numRuns: 40 },
    )
  })

  it('read nothing beyond the ends of their operands', () => {
    const memory = newMemory()
    for (const [m, n, k] of edges) {
      for (const turned of ['', 'A', 'B', 'AB']) {
        for (const dtype of ['float32', 'float64'] as const) {
          const matmul = matmulOf(plain(dtype, m, n, k, turned), 'whole', 3)
          const { spec, operands, output } = matmul
          const expected = expectedOf(matmul).sums
          for (const atEnd of [0, 1]) {
            const options = { library, ...features, atEnd }
            const prepared = prepareRoutine(matmulRoutine(spec), operands, [output], options, memory)
            prepared.run()
            expectEqual(prepared.results()[0]!, expected, describeSpec(spec))
          }
        }
      }
    }
  })
})

describe('iterations of the last phase', () => {
  /** All of the phases but the last, and of that one only an iteration. */
  const only = (routine: Routine, iteration: number): Cuts => {
    let phase = 0
    return (count) => (phase++ < routine.phases.length - 1 ? [[0, count]] : [[iteration, iteration + 1]])
  }

  it('complete as many rows as they say', () => {
    let seen = 0
    fc.assert(
      fc.property(contractions, seeds, (contraction, seed) => {
        const { operands, output, routine } = prepared(contraction, seed)
        const rows = routine.rowsPerIteration
        const count = routine.phases.at(-1)?.count ?? 0
        if (rows === undefined || count === 0) return
        seen++
        const iteration = seed % count
        const whole = runRoutine(routine, operands, [output], { library })[0]! as Float64Array
        const cuts = only(routine, iteration)
        const part = runRoutine(routine, operands, [output], { library, cuts })[0]! as Float64Array
        const length = rows * (output.shape.at(-1) ?? 1)
        const [start, end] = [iteration * length, (iteration + 1) * length]
        expect(part.slice(start, end)).toEqual(whole.slice(start, end))
        expect(end < output.size ? iteration < count - 1 : iteration === count - 1).toBe(true)
      }),
      { numRuns: 120 },
    )
    expect(seen).toBeGreaterThan(60)
  })
})

describe('contractions', () => {
  it('are what the interpreter gives, of views too', () => {
    fc.assert(
      fc.property(contractions, seeds, (contraction, seed) => {
        const { operands, output, routine, dense } = prepared(contraction, seed)
        const [expected] = dotGeneralP.evaluate(
          contraction.params,
          dense.map((x) => x.data),
          dense.map((x) => x.aval),
          [output],
          noPrograms,
        )
        const cuts = randomCuts(seed)
        const [actual] = runRoutine(routine, operands, [output], { library, cuts })
        expectEqual(actual!, expected as Float64Array, JSON.stringify(contraction))
      }),
      { numRuns: 150 },
    )
  })

  it('of arrays in order are those of views with the strides that follow from the shapes', () => {
    fc.assert(
      fc.property(contractions, seeds, ({ params, dtype, shapes }, seed) => {
        const avals = shapes.map((shape) => new Aval(dtype, shape))
        const operands = shapes.map((shape, i) => fresh(dtype, shape, stridesOf(shape), 'whole', seed + i))
        const [output] = dotGeneralP.type(params, avals)
        const routine = dotGeneralRoutine(params, avals, [output!])
        const data = operands.map((x) => x.data)
        const [expected] = dotGeneralP.evaluate(params, data, avals, [output!], noPrograms)
        const [actual] = runRoutine(routine!, operands, [output!], { library })
        expectEqual(actual!, expected as Float64Array, JSON.stringify({ params, shapes }))
      }),
      { numRuns: 100 },
    )
  })

  it('of whole numbers have no routine', () => {
    const x = new Aval('int32', [3, 3])
    const params = { contract: [[1], [0]], batch: [[], []] } as const
    expect(dotGeneralRoutine(params, [x, x], [x])).toBeNull()
  })
})

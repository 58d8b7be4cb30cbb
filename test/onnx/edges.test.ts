/** Infinities, zeros of both signs, NaN, the largest and the smallest numbers, and the tails of functions. */
import type { NDArray } from 'pullback'
import { evalProgram, lax, makeProgram, np, withDevice } from 'pullback'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modelBytes } from '../../src/onnx/module.ts'
import { toHost } from '../../src/trace/value.ts'
import type { Engine } from './support/engine.ts'
import { python, skipped, startEngine } from './support/engine.ts'

const moderate = [0.1, 0.49, 0.51, 0.85, 1, 1.27, 1.5, 2.5, 3, 4.7, 5.5, 7.6, 11, 20, 27]
const extreme = [1e-30, 1e-9, 90, 700, 1e9, 1e30, Infinity]
const values = [0, NaN, ...[...moderate, ...extreme].flatMap((x) => [x, -x]), -0]

const unary: { readonly [name: string]: (x: NDArray) => NDArray } = {
  neg: lax.neg,
  abs: lax.abs,
  sign: lax.sign,
  floor: lax.floor,
  ceil: lax.ceil,
  round: (x) => lax.round(x, { roundingMethod: 'toNearestEven' }),
  exp: lax.exp,
  exp2: lax.exp2,
  log: lax.log,
  log1p: lax.log1p,
  expm1: lax.expm1,
  sqrt: lax.sqrt,
  rsqrt: lax.rsqrt,
  cbrt: lax.cbrt,
  asin: lax.asin,
  acos: lax.acos,
  atan: lax.atan,
  sinh: lax.sinh,
  cosh: lax.cosh,
  tanh: lax.tanh,
  asinh: lax.asinh,
  acosh: lax.acosh,
  atanh: lax.atanh,
  erf: lax.erf,
  erfc: lax.erfc,
  erfInv: lax.erfInv,
  lgamma: lax.lgamma,
  digamma: lax.digamma,
  trigamma: (x) => lax.polygamma(1, x),
  isFinite: lax.isFinite,
  'to int8': (x) => x.astype('int8'),
  'to int32': (x) => x.astype('int32'),
  'to uint32': (x) => x.astype('uint32'),
  'to int64': (x) => x.astype('int64'),
  'to uint64': (x) => x.astype('uint64'),
  'to bool': (x) => x.astype('bool'),
  'to float16': (x) => x.astype('float16').astype('float32'),
  'to bfloat16': (x) => x.astype('bfloat16').astype('float32'),
  'to bits and back': (x) => {
    const word = x.dtype === 'float32' ? 'uint32' : 'uint64'
    return lax.bitcastConvertType(lax.bitcastConvertType(x, word), x.dtype)
  },
  // Where, in onnxruntime, makes 0 of -0; of integers it does not.
  'bits as integers': (x) => {
    const bits = lax.bitcastConvertType(x, x.dtype === 'float32' ? 'int32' : 'int64')
    return np.where(np.isnan(x), np.zerosLike(bits), bits)
  },
  'the largest': (x) => np.max(x, { keepdims: true }),
  'the largest so far': (x) => lax.cummax(x),
  'the smallest so far, from the end': (x) => lax.cummin(x, 0, { reverse: true }),
  'where the largest is': (x) => np.reshape(np.argmax(x), [1]),
  'where the smallest is': (x) => np.reshape(np.argmin(np.where(np.isnan(x), 0, x)), [1]),
  sorted: (x) => np.sort(x),
  'the largest in windows': (x) => lax.reduceWindow(x, { kind: 'max', windowDimensions: [3], padding: 'SAME' }),
}

const binary: { readonly [name: string]: (x: NDArray, y: NDArray) => NDArray } = {
  atan2: lax.atan2,
  pow: lax.pow,
  rem: lax.rem,
  max: lax.max,
  min: lax.min,
  logaddexp: lax.logaddexp,
  nextafter: lax.nextafter,
  lt: lax.lt,
  ne: lax.ne,
}

const few = [0, -0, 1, -1, 0.5, -2, 3, 1e30, Infinity, -Infinity, NaN]
const pairs = few.flatMap((x) => few.map((y) => [x, y] as const))

const integers = [0, 1, -1, 2, -3, 7, 100, -128, 127, 255]
const overIntegers: { readonly [name: string]: (x: NDArray, y: NDArray) => NDArray } = {
  div: lax.div,
  rem: lax.rem,
  pow: lax.pow,
  mul: lax.mul,
  max: lax.max,
  lt: lax.lt,
  shiftLeft: lax.shiftLeft,
  shiftRightArithmetic: lax.shiftRightArithmetic,
  shiftRightLogical: lax.shiftRightLogical,
}

describe.skipIf(python === null)(`edges in onnxruntime${skipped}`, () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await startEngine(python!)
  }, 60_000)
  afterAll(() => {
    engine.close()
  })

  /** What differs from the interpreter: operands, and both results. */
  const compare = async (
    f: (...xs: never[]) => NDArray,
    operands: readonly NDArray[],
    places: number,
    least = 1e-300,
  ) => {
    const program = makeProgram(f as (...xs: readonly NDArray[]) => NDArray)(...operands)
    const inputs = operands.map((x, i) => ({
      name: `input${i}`,
      dtype: x.dtype,
      shape: x.shape,
      data: toHost(x, 'test').data,
    }))
    const [got] = await engine.run(modelBytes(program), inputs, program.outAvals)
    const [result] = withDevice('interpreter', () => evalProgram(program, operands))
    const wanted = Array.from(toHost(result!, 'test').data as Float64Array, Number)
    const columns = operands.map((x) => Array.from(x.dataSync() as Float64Array, Number))
    return Array.from(got as Float64Array, Number).flatMap((x, i) => {
      const y = wanted[i]!
      const isClose = Object.is(x, y) || x === y || Math.abs(x - y) <= 10 ** -places * Math.max(Math.abs(y), least)
      return isClose ? [] : [`${columns.map((c) => c[i] ?? '').join(', ')}: ${x}, not ${y}`]
    })
  }

  describe.each([
    ['float32', 5],
    ['float64', 12],
  ] as const)('%s', (dtype, places) => {
    it.each(Object.keys(unary))('%s', async (name) => {
      const x = np.array(Float64Array.from(values), { dtype })
      expect(await compare(unary[name]! as never, [x], places)).toEqual([])
    })

    it('logistic, to places after the point', async () => {
      const x = np.array(Float64Array.from(values), { dtype })
      expect(await compare(lax.logistic as never, [x], places, 1)).toEqual([])
    })

    it.each(Object.keys(binary))('%s', async (name) => {
      const [x, y] = [0, 1].map((i) =>
        np.array(
          Float64Array.from(pairs, (p) => p[i as 0 | 1]),
          { dtype },
        ),
      )
      expect(await compare(binary[name]! as never, [x!, y!], places)).toEqual([])
    })
  })

  it.each(['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'] as const)('%s', async (dtype) => {
    const [x, y] = [integers.flatMap((a) => integers.map(() => a)), integers.flatMap(() => integers)].map((xs) =>
      np.array(xs, { dtype: 'int32' }).astype(dtype),
    )
    for (const f of Object.values(overIntegers)) expect(await compare(f as never, [x!, y!], 15)).toEqual([])
  })
})

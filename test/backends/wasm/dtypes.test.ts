/** Elements of every dtype, compiled: conversions, integers at their limits, and roundings between fused operations. */
import { Program, Variable, equation, np, optimize, makeProgram } from 'pullback'
import type { NDArray } from 'pullback'
import { conforms, onDevice, programs } from 'pullback/testing'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { compile } from '../../../src/backends/wasm/compile.ts'
import { WasmDevice } from '../../../src/backends/wasm/device.ts'
import { run } from '../../../src/backends/reference/reference.ts'
import { Aval } from '../../../src/core/aval.ts'
import { convert, decode } from '../../../src/core/convert.ts'
import type { DType, TypedArray } from '../../../src/core/dtype.ts'
import { allocate, bitsOf, dtypes, isFloat, isHalf, isInteger, isNarrow, kindOf } from '../../../src/core/dtype.ts'
import { longLimits } from '../../../src/core/dtype.ts'
import { range } from '../../../src/core/shape.ts'
import type { OpName, OpParams } from '../../../src/ir/op.ts'
import { primitiveOf } from '../../../src/primitives/all.ts'
import { dataOf } from './support/samples.ts'

const device = new WasmDevice((program, features) => compile(program, features, { finest: true }), {
  threads: 1,
  relaxed: false,
  guards: true,
  small: 0,
})
afterAll(() => {
  device.dispose()
})
const execute = onDevice(device)

const single = <N extends OpName>(op: N, params: OpParams[N], operands: readonly Aval[]): Program => {
  const inputs = operands.map((aval) => new Variable(aval))
  const outputs = primitiveOf(op)
    .type(params as never, operands)
    .map((aval) => new Variable(aval))
  return new Program({ inputs, equations: [equation(op, params, inputs, outputs)], outputs })
}

/** Equal elements, zeros with their signs; NaN equals NaN. */
const expectSame = (actual: TypedArray, expected: TypedArray, dtype: DType, what: string): void => {
  const [xs, ys] = [decode(dtype, actual), decode(dtype, expected)]
  const wrong = range(xs.length).filter((i) => !Object.is(xs[i], ys[i]))
  expect(wrong.slice(0, 5).map((i) => `${what} [${i}]: ${xs[i]} for ${ys[i]}`)).toEqual([])
}

/** Numbers of every size, around powers of two, ties, infinities and NaN. */
const numbers = (): Float64Array => {
  const powers = range(300).map((i) => 2 ** (i - 150))
  const near = powers.flatMap((p) => [
    p,
    p * (1 + 2 ** -11),
    p * (1 + 3 * 2 ** -11),
    p * (1 + 2 ** -8),
    p * 1.7,
    p + 0.5,
  ])
  return Float64Array.from([0, NaN, Infinity, ...near, 65519, 65520, 127.5, 255.5, 1e300].flatMap((x) => [x, -x]))
}

const elementsOf = (dtype: DType): TypedArray =>
  isHalf(dtype) ? Uint16Array.from(range(65536)) : convert(numbers(), 'float64', dtype)

describe.each(dtypes)('from %s', (source) => {
  it.each(dtypes)('to %s, as the interpreter converts, bit by bit', (target) => {
    const data = elementsOf(source)
    const program = single('cast', { dtype: target, weak: false }, [new Aval(source, [data.length])])
    expectSame(execute(program, [data])[0]!, run(program, [data])[0]!, target, `${source} to ${target}`)
  })
})

const integers = dtypes.filter(isInteger)

/** What an operation on integers without limits comes to, in a dtype. */
const wrapped = (dtype: DType, x: bigint): bigint =>
  kindOf(dtype) === 'signed' ? BigInt.asIntN(bitsOf(dtype), x) : BigInt.asUintN(bitsOf(dtype), x)

const bit = (b: boolean): bigint => (b ? 1n : 0n)
const beyond = (dtype: DType, n: bigint): boolean => n < 0n || n >= BigInt(bitsOf(dtype))

const meanings: { readonly [N in OpName]?: (x: bigint, y: bigint, dtype: DType) => bigint } = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => (y === 0n ? -1n : x / y),
  rem: (x, y) => (y === 0n ? x : x % y),
  max: (x, y) => (x > y ? x : y),
  min: (x, y) => (x < y ? x : y),
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  shiftLeft: (x, n, dtype) => (beyond(dtype, n) ? 0n : x << n),
  shiftRightLogical: (x, n, dtype) => (beyond(dtype, n) ? 0n : BigInt.asUintN(bitsOf(dtype), x) >> n),
  shiftRightArithmetic: (x, n, dtype) =>
    BigInt.asIntN(bitsOf(dtype), x) >> (beyond(dtype, n) ? BigInt(bitsOf(dtype)) : n),
  eq: (x, y) => bit(x === y),
  ne: (x, y) => bit(x !== y),
  lt: (x, y) => bit(x < y),
  le: (x, y) => bit(x <= y),
  gt: (x, y) => bit(x > y),
  ge: (x, y) => bit(x >= y),
}

const store = (dtype: DType, xs: readonly bigint[]): TypedArray => {
  const data = allocate(dtype, xs.length)
  const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array
  xs.forEach((x, i) => (data[i] = isBig ? x : Number(x)))
  return data
}

/** The limits, what is near them and near zero, and the widths that shifts stop at. */
const edges = (dtype: DType): readonly bigint[] => {
  const [low, high] = longLimits(dtype)
  const near = [low, low + 1n, -2n, -1n, 0n, 1n, 2n, 3n, 7n, 8n, 15n, 16n, 31n, 32n, 63n, 64n, 100n, high - 1n, high]
  return [...new Set(near.map((x) => wrapped(dtype, x)))]
}

describe.each(integers)('%s at its limits', (dtype) => {
  const values = edges(dtype)
  const pairs = values.flatMap((x) => values.map((y) => [x, y] as const))
  const [left, right] = [store(dtype, pairs.map(([x]) => x)), store(dtype, pairs.map(([, y]) => y))] // prettier-ignore

  it.each(Object.keys(meanings) as (keyof typeof meanings)[])('%s', (op) => {
    const aval = new Aval(dtype, [pairs.length])
    const program = single(op as 'add', {}, [aval, aval])
    const out = program.outAvals[0]!.dtype
    const expected = store(out, pairs.map(([x, y]) => wrapped(out === 'bool' ? 'uint8' : out, meanings[op]!(x, y, dtype)))) // prettier-ignore
    expectSame(run(program, [left, right])[0]!, expected, out, `interpreted ${op}`)
    expectSame(execute(program, [left, right])[0]!, expected, out, `compiled ${op}`)
  })

  it.each(['neg', 'abs', 'not', 'sign'] as const)('%s', (op) => {
    const of = { neg: (x: bigint) => -x, abs: (x: bigint) => (x < 0n ? -x : x), not: (x: bigint) => ~x, sign: (x: bigint) => bit(x > 0n) - bit(x < 0n) } // prettier-ignore
    const program = single(op, {}, [new Aval(dtype, [values.length])])
    const expected = store(dtype, values.map((x) => wrapped(dtype, of[op](x)))) // prettier-ignore
    const data = store(dtype, values)
    expectSame(run(program, [data])[0]!, expected, dtype, `interpreted ${op}`)
    expectSame(execute(program, [data])[0]!, expected, dtype, `compiled ${op}`)
  })

  it('sums, products, extrema and powers', () => {
    const aval = new Aval(dtype, [values.length])
    const data = store(dtype, values)
    const sum = values.reduce((a, x) => a + x, 0n)
    const product = values.map((x) => x | 1n).reduce((a, x) => a * x, 1n)
    const check = (program: Program, input: TypedArray, expected: readonly bigint[]): void => {
      const wanted = store(dtype, expected.map((x) => wrapped(dtype, x))) // prettier-ignore
      expectSame(run(program, [input])[0]!, wanted, dtype, 'interpreted')
      expectSame(execute(program, [input])[0]!, wanted, dtype, 'compiled')
    }
    check(single('reduceSum', { axes: [0] }, [aval]), data, [sum])
    check(single('reduceProd', { axes: [0] }, [aval]), store(dtype, values.map((x) => x | 1n)), [product]) // prettier-ignore
    check(single('reduceMax', { axes: [0] }, [aval]), data, [values.reduce((a, x) => (x > a ? x : a))])
    check(single('reduceMin', { axes: [0] }, [aval]), data, [values.reduce((a, x) => (x < a ? x : a))])
    check(single('integerPow', { exponent: 3 }, [aval]), data, values.map((x) => x ** 3n)) // prettier-ignore
    check(single('cumsum', { axis: 0, reverse: false }, [aval]), data, values.map((_, i) => values.slice(0, i + 1).reduce((a, x) => a + x))) // prettier-ignore
    check(single('sort', { axis: 0, numKeys: 1, stable: true }, [aval]), data, values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))) // prettier-ignore
  })
})

/** Operations that IEEE 754 rounds, or that round nothing: on 16 bits, back ends agree on every bit. */
const rounded: readonly OpName[] = [
  'add', 'sub', 'mul', 'div', 'neg', 'abs', 'sign', 'floor', 'ceil', 'round', 'sqrt', 'max', 'min', 'select', 'clamp', 'cast',
  'eq', 'ne', 'lt', 'le', 'gt', 'ge', 'isFinite', 'nextafter', 'broadcast', 'reshape', 'transpose', 'slice', 'concatenate',
  'pad', 'rev', 'reduceMax', 'reduceMin', 'cummax', 'cummin', 'sort', 'argmax', 'argmin', 'gather', 'scatter', 'scatterMax',
  'reduceWindowMax', 'reduceWindowMin', 'dynamicSlice', 'dynamicUpdateSlice',
] // prettier-ignore

describe('16-bit floats', () => {
  it('come from Float16Array, where engines have it, bit by bit', () => {
    class Float16Bits extends Uint16Array {
      override get [Symbol.toStringTag](): 'Uint16Array' {
        return 'Float16Array' as 'Uint16Array'
      }
    }
    const x = np.array(Float16Bits.of(0x3c00, 0xc000, 0x7c00))
    expect([x.dtype, ...Array.from(x.dataSync() as Float32Array)]).toEqual(['float16', 1, -2, Infinity])
  })

  it('are rounded after each operation of a fused loop', () => {
    for (const dtype of ['float16', 'bfloat16'] as const) {
      const chain = (a: NDArray, b: NDArray): NDArray => np.multiply(np.add(np.add(a, b), b), np.subtract(a, b))
      const half = dtype === 'float16' ? 2 ** -11 : 2 ** -8
      const [a, b] = [np.full([9], 1, { dtype }), np.full([9], half, { dtype })]
      const program = optimize(makeProgram(chain)(a, b))
      expectSame(execute(program, dataOf([a, b]))[0]!, run(program, dataOf([a, b]))[0]!, dtype, 'chain')
      // Ties go to the even one, 1, twice; in float32 the sum would be one unit more.
      expect(chain(a, b).at(0).get().item()).toBe(1 - half)
    }
  })

  it('agree on every bit in random programs', () => {
    const bits = ({ program, inputs }: { readonly program: Program; readonly inputs: readonly NDArray[] }): void => {
      const optimized = optimize(program)
      const [got, wanted] = [execute(optimized, dataOf(inputs)), run(optimized, dataOf(inputs))]
      optimized.outAvals.forEach((aval, i) => {
        expectSame(got[i]!, wanted[i]!, aval.dtype, String(program))
      })
    }
    const narrow = dtypes.filter((d) => isNarrow(d) || d === 'bool')
    const among = programs({ operations: rounded, dtypes: narrow, extents: [2, 3, 5, 17, 1, 0] })
    fc.assert(fc.property(among, bits), { numRuns: 400 })
  }, 120_000)

  it('accumulate in float32', () => {
    for (const dtype of ['float16', 'bfloat16'] as const) {
      const ones = np.ones([3000], { dtype })
      const f = (x: NDArray): readonly NDArray[] => [np.sum(x), np.matmul(x, x), np.cumsum(x)]
      const program = makeProgram(f)(ones)
      conforms(program, dataOf([ones]), execute)
      const [sum, product, running] = f(ones)
      const nearest = np.array(3000, { dtype }).item()
      expect([sum!.item(), product!.item(), running!.at(-1).get().item()]).toEqual([nearest, nearest, nearest])
    }
  })

  it.each(dtypes.filter(isFloat))('of %s have neighbours', (dtype) => {
    const x = np.array([1, -1, 0, 2, Infinity, NaN], { dtype })
    const up = np.nextafter(x, np.full([6], Infinity, { dtype }))
    const program = makeProgram((a: NDArray) => np.nextafter(a, np.full([6], Infinity, { dtype })))(x)
    expectSame(execute(program, dataOf([x]))[0]!, dataOf([up])[0]!, dtype, 'nextafter')
    expect(up.at(0).get().item()).toBe(1 + np.finfo(dtype).eps)
  })
})

/**
 * Programs that a plugin must compute correctly before it is used: twelve functions, and five programs with donated inputs, where
 * a plugin might write a result over an input that it still needs.
 */
import { makeProgram } from '../api/program.ts'
import { run } from '../backends/reference/reference.ts'
import type { DType, TypedArray } from '../core/dtype.ts'
import { allocate, dtypes, isFloat } from '../core/dtype.ts'
import { Aval } from '../core/aval.ts'
import { sizeOf } from '../core/shape.ts'
import type { Shape } from '../core/shape.ts'
import type { Program } from '../ir/program.ts'
import * as lax from '../lax/index.ts'
import * as np from '../numpy/index.ts'
import * as random from '../random/index.ts'
import { ConcreteBody } from '../trace/body.ts'
import { fromHost } from '../trace/value.ts'
import type { NDArray } from '../trace/value.ts'
import { grad } from '../api/grad.ts'
import type { Client } from './client.ts'
import type { XlaDevice } from './device.ts'
import { messageOf } from './errors.ts'

type Numbers = (x: NDArray, y: NDArray, i: NDArray) => NDArray

const N = 48

/** Functions of two float matrices, and one of integers from 0 to 47. */
const values: { readonly [name: string]: Numbers } = {
  'elementary functions': (x, y) => np.multiply(np.exp(np.sin(x)), np.tanh(np.divide(y, np.add(np.abs(x), 1)))),
  'a product of matrices': (x, y) => np.matmul(x, y),
  'a sum along an axis': (x) => np.sum(x, { axis: 1 }),
  sorting: (x) => np.sort(x, { axis: 0 }),
  'a sum that runs': (x) => np.cumsum(x, { axis: 1 }),
  'division of integers': (_x, _y, i) => np.floorDivide(np.subtract(i, 20), np.add(np.remainder(i, 7), 1)),
  'looking up rows': (x, _y, i) => np.take(x, i.at(0).get(), { axis: 0 }),
  'adding to rows': (x, y, i) => x.at(i.at(1).get()).add(y),
  'a loop': (x, y) =>
    lax.scan((c: NDArray, row: NDArray) => [np.add(np.multiply(c, 0.5), row), np.sum(c)], x.at(0).get(), y)[0],
  'a choice': (x, y, i) =>
    lax.cond(
      np.greater(i.at(0, 0).get(), 20),
      () => np.add(x, y),
      () => np.subtract(x, y),
    ),
  'random numbers': (_x, _y, i) => random.normal(random.key(7), i.shape),
  'a gradient': (x, y) => grad((w: NDArray) => np.sum(np.tanh(np.matmul(x, w))))(y),
}

/** Programs with donated inputs, each hard to compute in place. */
const donations: { readonly [name: string]: (x: NDArray, y: NDArray) => readonly NDArray[] } = {
  'results of two donated inputs': (x, y) => [np.subtract(y, x), np.multiply(y, x)],
  'the reverse of a donated input': (x) => [np.flip(x)],
  'the transpose of a donated input': (x, y) => [np.add(np.transpose(x), x), np.matmul(x, y)],
  'a training step with donated weights': (x, y) => [
    np.subtract(x, np.multiply(0.01, np.matmul(np.transpose(y), np.matmul(y, x)))),
  ],
  'a loop over a donated input': (x, y) => [
    lax.foriLoop(0, 5, (_i: NDArray, c: NDArray) => np.add(np.multiply(c, y), np.flip(c)), x),
  ],
}

/** Deterministic numbers without a pattern. */
const floats = (seed: number): Float32Array =>
  Float32Array.from({ length: N * N }, (_, i) => Math.sin((i + 1) * (12.9898 + seed)) * 1.5)

const integers = (): Int32Array => Int32Array.from({ length: N * N }, (_, i) => (i * 29 + 13) % N)

const arrayOf = (dtype: DType, data: TypedArray): NDArray => fromHost(new Aval(dtype, [N, N]), data)

const differs = (got: TypedArray, wanted: TypedArray, { dtype }: Aval): boolean =>
  Array.from(wanted as Float32Array).some((y, i) => {
    const x = (got as Float32Array)[i]!
    return isFloat(dtype) ? !(Math.abs(x - y) <= 1e-4 * Math.max(1, Math.abs(y))) : x !== y
  })

/** The index of the first wrong result, or null. */
const firstWrong = (
  device: XlaDevice,
  program: Program,
  inputs: readonly TypedArray[],
  offers: boolean,
): number | null => {
  const bodies = inputs.map((data) => new ConcreteBody(data.slice()))
  for (const body of bodies) body.isOffered = offers
  const outputs = device.compile(program)(bodies, 'self-test')
  const got = outputs.map((body) => body.copy('self-test'))
  for (const body of [...bodies, ...outputs]) body.release()
  const wanted = run(program, inputs)
  const bad = program.outAvals.findIndex((aval, k) => differs(got[k]!, wanted[k]!, aval))
  return bad < 0 ? null : bad
}

const check = (device: XlaDevice): string | null => {
  const data = [floats(0), floats(1), integers()] as const
  const [x, y, i] = [arrayOf('float32', data[0]), arrayOf('float32', data[1]), arrayOf('int32', data[2])]
  const all = (...args: readonly [NDArray, NDArray, NDArray]): readonly NDArray[] =>
    Object.values(values).map((f) => f(...args))
  const bad = firstWrong(device, makeProgram(all)(x, y, i), data, false)
  if (bad !== null) return Object.keys(values)[bad]!
  for (const [name, f] of Object.entries(donations)) {
    const program = makeProgram(f)(x, y)
    if (firstWrong(device, program, [data[0], data[1]], true) !== null) return name
  }
  return null
}

/** Why a plugin is refused: which program it computes wrong, or its error; null if it passes. */
export const selfTest = (device: XlaDevice): string | null => {
  try {
    const wrong = check(device)
    return wrong === null ? null : `its self-test failed: it computes ${wrong} wrong`
  } catch (error) {
    return `its self-test failed: ${messageOf(error)}`
  }
}

const twoOf = (dtype: DType): TypedArray => {
  const data = allocate(dtype, 2)
  new Uint8Array(data.buffer)[0] = 1
  return data
}

/** The dtypes that the plugin has: those whose elements come back as they were sent. */
export const dtypesOf = (client: Client): readonly DType[] => {
  const shape: Shape = [2]
  return dtypes.filter((dtype) => {
    try {
      const buffer = client.put(twoOf(dtype), dtype, shape)
      const back = client.read(buffer, dtype, shape)
      client.destroyBuffer(buffer)
      return back.length === sizeOf(shape) && back[0] === twoOf(dtype)[0]
    } catch {
      return false
    }
  })
}

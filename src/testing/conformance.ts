/**
 * Checks that a back end computes what the interpreter computes. Where operations may round differently, the program itself
 * shows how much that matters: it is run again with such results and their operands perturbed by some units in the last place.
 */
import { Aval } from '../core/aval.ts'
import { expandBlocks, expandedShape, isHalfKind } from '../core/blocks.ts'
import { convert, decode } from '../core/convert.ts'
import type { TypedArray } from '../core/dtype.ts'
import { epsilonOf, isFloat, isHalf, isStorageOf } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import { range } from '../core/shape.ts'
import { show } from '../core/show.ts'
import type { OpName } from '../ir/op.ts'
import type { Atom, Equation } from '../ir/program.ts'
import { Literal, Program, Variable, equation } from '../ir/program.ts'
import { literalData } from '../ir/literal.ts'
import type { Backend } from '../backends/backend.ts'
import { isBackend } from '../backends/backend.ts'
import { run } from '../backends/reference/reference.ts'
import * as must from '../conversions/arguments.ts'
import { ConcreteBody } from '../trace/body.ts'
import type { Facts, RunProgram } from '../primitives/primitive.ts'
import { primitiveOf } from '../primitives/all.ts'
import { LawError } from './numeric.ts'

/**
 * How an operation rounds. Operations that round identically for equal operands round differently for slightly different ones;
 * where such roundings cancel, they are all that is left, as in sin² + cos², whose tangent is 0 or a rounding error.
 */
const roundsOf = (op: OpName): Facts['rounds'] => primitiveOf(op).facts.rounds

const isWideFloat = (aval: Aval): aval is Aval & { readonly dtype: 'float32' | 'float64' } =>
  aval.dtype === 'float32' || aval.dtype === 'float64'

/** The same, with a given sign on each NaN: neither JavaScript nor WebAssembly specifies its bits. */
const withSignOfNaNs = (data: TypedArray, { dtype }: Aval, negative: boolean): TypedArray => {
  if (!isFloat(dtype)) return data
  const signed = data.slice()
  const bytes = new Uint8Array(signed.buffer)
  Array.from(convert(data, dtype, 'float64') as Float64Array).forEach((x, i) => {
    if (!Number.isNaN(x)) return
    const last = (i + 1) * data.BYTES_PER_ELEMENT - 1
    bytes[last] = (bytes[last]! & 0x7f) | (negative ? 0x80 : 0)
  })
  return signed
}

/** Up to this many terms, a sum's rounding errors are smaller than the noise on its operands. */
const SHORT = 16
/** How far a sum of n terms t may be off, in units of √n · Σ|t| in the last place. */
const DRIFT = 0.25

const mapFloats = (data: readonly TypedArray[], avals: readonly Aval[], f: (x: number) => number): TypedArray[] =>
  data.map((xs, i) => (isWideFloat(avals[i]!) ? (xs as Float64Array).map(f) : xs))

/** Rewrites a product with a quantised matrix as a product with its values. */
const withValues = (
  { inputs: [x, blocks], params, outputs }: Extract<Equation, { readonly op: 'quantizedDot' }>,
  [data, payload]: readonly TypedArray[],
): readonly [Equation, readonly TypedArray[]] => {
  const { kind, transposed } = params
  const { aval } = blocks!
  const values = isHalfKind(kind) ? convert(payload!, kind, 'float32') : expandBlocks(kind, payload as Uint8Array)
  const shape = isHalfKind(kind) ? aval.shape : expandedShape(kind, aval.shape)!
  const { dtype, rank } = x!.aval
  const contract = [[rank - 1], [shape.length - (transposed ? 2 : 1)]] as const
  const shared = range(shape.length - 2)
  const product = equation(
    'dotGeneral',
    { contract, batch: [shared, shared] },
    [x!, new Variable(new Aval(dtype, shape))],
    outputs,
  )
  return [product, [data!, convert(values, 'float32', dtype)]]
}

/**
 * Rounding errors of long sums: each may be as large as a unit of the partial sum, with either sign, so that their sum grows as
 * √n · Σ|t| (Higham and Mary, "A new approach to probabilistic rounding error analysis", 2019). Applied to absolute values, the
 * operation itself computes Σ|t|, and applied to ones, n.
 */
const driftOf = (eqn: Equation, operands: readonly TypedArray[], run: RunProgram): readonly Float64Array[] => {
  if (eqn.op === 'quantizedDot') return driftOf(...withValues(eqn, operands), run)
  const avals = eqn.inputs.map((a) => a.aval)
  const outputs = eqn.outputs.map((v) => v.aval)
  const evaluate = (f: (x: number) => number): readonly TypedArray[] =>
    primitiveOf(eqn.op).evaluate(eqn.params as never, mapFloats(operands, avals, f), avals, outputs, run)
  const counts = evaluate(() => 1)
  const magnitudes = evaluate(Math.abs)
  return outputs.map((aval, i) =>
    Float64Array.from(counts[i] as Float64Array, (n, j) =>
      n <= SHORT || !isWideFloat(aval)
        ? 0
        : DRIFT * Math.sqrt(n) * epsilonOf(aval.dtype) * (magnitudes[i] as Float64Array)[j]!,
    ),
  )
}

/**
 * Runs a program with noise: up to `ulps` units in the last place, up or down, on inexact operations, and one or two on others
 * that round, once their operands are perturbed. The amounts vary: if they were equal on an operation's result and on the next
 * one's operand, half of them would cancel.
 */
const noisyRun = (seed: number, ulps: number): RunProgram => {
  let state = (seed * 2654435761 + 12345) >>> 0
  const noise = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
  const move = (data: TypedArray, aval: Aval): TypedArray => {
    const { dtype } = aval
    if (!isFloat(dtype)) return data
    // A result computed in 32 bits and rounded to 16 is off by at most one unit.
    const unit = (isHalf(dtype) ? 1 : ulps) * epsilonOf(dtype)
    const moved = (convert(data, dtype, 'float64') as Float64Array).map((x) => x * (1 + noise() * unit))
    return convert(moved, 'float64', dtype)
  }
  // Never less than a unit, so that cancelling roundings do not come out equal in all of the few runs.
  const roundOtherwise = (data: TypedArray, { dtype }: Aval): TypedArray => {
    if (!isFloat(dtype)) return data
    const otherwise = (x: number): number => {
      const strength = noise()
      return x * (1 + (Math.sign(strength) + (isHalf(dtype) ? 0 : strength)) * epsilonOf(dtype))
    }
    return convert((convert(data, dtype, 'float64') as Float64Array).map(otherwise), 'float64', dtype)
  }
  // Never less than the drift, so that no element's noise is small in any of the few runs.
  const drift = (data: TypedArray, by: Float64Array): TypedArray =>
    by.some((d) => d > 0)
      ? (data as Float64Array).map((x, i) => {
          const strength = noise()
          return x + by[i]! * (Math.sign(strength) + strength)
        })
      : data
  const noisy = (program: Program, inputs: readonly TypedArray[], areOff: boolean): readonly TypedArray[] => {
    const off = new Set<Atom>(areOff ? program.inputs : [])
    const values = new Map<Variable, TypedArray>(program.constants.map((c) => [c.variable, c.value.data]))
    program.inputs.forEach((v, i) => values.set(v, inputs[i]!))
    const dataOf = (a: Atom): TypedArray => (a instanceof Literal ? literalData(a) : values.get(a)!)
    for (const eqn of program.equations) {
      const avals = eqn.inputs.map((a) => a.aval)
      const outputs = eqn.outputs.map((v) => v.aval)
      const rounds = roundsOf(eqn.op)
      const moves = rounds === 'freely' || rounds === 'in any order'
      const isOff = moves || eqn.inputs.some((a) => off.has(a))
      const inner: RunProgram = (held, data) => noisy(held, data, isOff)
      const operand = (a: Atom): TypedArray => {
        // One of two runs has a different sign from the interpreter's.
        if (eqn.op === 'bitcast') return withSignOfNaNs(dataOf(a), a.aval, seed % 2 === 0)
        return moves ? move(dataOf(a), a.aval) : dataOf(a)
      }
      const operands = eqn.inputs.map(operand)
      const results = primitiveOf(eqn.op).evaluate(eqn.params as never, operands, avals, outputs, inner)
      const drifts = rounds === 'in any order' ? driftOf(eqn, operands, inner) : null
      eqn.outputs.forEach((v, i) => {
        const result = drifts === null ? results[i]! : drift(results[i]!, drifts[i]!)
        if (isOff) off.add(v)
        values.set(
          v,
          moves ? move(result, v.aval) : isOff && rounds === 'alike' ? roundOtherwise(result, v.aval) : result,
        )
      })
    }
    return program.outputs.map(dataOf)
  }
  return (program, inputs) => noisy(program, inputs, false)
}

/** Runs a program on elements, for comparison with the interpreter. */
export type Execute = (program: Program, inputs: readonly TypedArray[]) => readonly TypedArray[]

/** As `Execute`, asynchronously. */
export type ExecuteAsync = (program: Program, inputs: readonly TypedArray[]) => Promise<readonly TypedArray[]>

const onDeviceOptions = must.optionsOf<{ readonly donate?: boolean }>({ donate: must.boolean })
const readable = must.kind('a device', isBackend)
const onDeviceDoor = must.door('onDevice', {
  device: must.kind('a device that can be read at once', (x) => isBackend(x) && x.capabilities.readsAtOnce, {
    hint: (x) => (isBackend(x) ? 'For others there are onDeviceAsync and conformsAsync.' : null),
  }),
  options: onDeviceOptions,
})
const onDeviceAsyncDoor = must.door('onDeviceAsync', { device: readable, options: onDeviceOptions })

/** Runs a program on a device, and passes on the results. */
const runOn = <T>(
  device: Backend,
  donate: boolean,
  program: Program,
  inputs: readonly TypedArray[],
  use: (outputs: readonly ConcreteBody[], done: () => void) => T,
): T => {
  const bodies = inputs.map((data) => new ConcreteBody(data))
  for (const body of bodies) body.isOffered = donate
  const outputs = device.compile(program)(bodies, 'conformance')
  return use(outputs, () => {
    // Release at once instead of waiting for the garbage collector, which would leave thousands of dead arrays to check guards
    // of.
    for (const body of [...bodies, ...outputs]) body.release()
  })
}

/**
 * Runs programs on a device, once each; with `donate`, results may reuse the memory of inputs.
 *
 * @example
 * ```ts
 * import { makeProgram, np } from 'pullback'
 * import { onDevice, wasmDevice } from 'pullback/testing'
 * const program = makeProgram((x: NDArray) => np.sum(x.mul(x)))(np.zeros([3]))
 * onDevice(wasmDevice({ threads: 1 }))(program, [Float32Array.of(1, 2, 3)])[0] // => 14
 * ```
 */
export const onDevice = (device: Backend, options: { readonly donate?: boolean } = {}): Execute => {
  onDeviceDoor(device, options)
  const { donate = false } = options
  return (program, inputs) =>
    runOn(device, donate, program, inputs, (outputs, done) => {
      const results = outputs.map((body) => body.copy('conformance'))
      done()
      return results
    })
}

/**
 * As `onDevice`, for any device, including those that can only be read asynchronously.
 *
 * @example
 * ```ts
 * import { makeProgram, np } from 'pullback'
 * import { onDeviceAsync, wasmDevice } from 'pullback/testing'
 * const program = makeProgram((x: NDArray) => np.sum(x.mul(x)))(np.zeros([3]))
 * const results = await onDeviceAsync(wasmDevice({ threads: 1 }))(program, [Float32Array.of(1, 2, 3)])
 * results[0] // => 14
 * ```
 */
export const onDeviceAsync = (device: Backend, options: { readonly donate?: boolean } = {}): ExecuteAsync => {
  onDeviceAsyncDoor(device, options)
  const { donate = false } = options
  return (program, inputs) =>
    runOn(device, donate, program, inputs, async (outputs, done) => {
      const results = await Promise.all(outputs.map((body) => body.fetch('conformance')))
      done()
      return results
    })
}

const RUNS = 3
const NOISE_ULPS = 4
/** The tolerance of results beyond the noise, in units in the last place. */
const BASE_ULPS = 4
// Floats below this are not compared: sums that cancel have no relative accuracy.
const tiny: { readonly float32: number; readonly float64: number } = { float32: 1e-30, float64: 1e-290 }

const differs = (got: number, wanted: number, bound: number): boolean =>
  !(got === wanted || (Number.isNaN(got) && Number.isNaN(wanted)) || Math.abs(got - wanted) <= bound)

/** The largest allowed difference of an element from the interpreter's; null where rounding determines its value. */
const boundOf = (wanted: number, noisy: readonly number[], aval: Aval): number | null => {
  if (!isFloat(aval.dtype)) return noisy.every((x) => x === wanted) ? 0 : null
  const isRegular = Number.isFinite(wanted)
  if (noisy.some((x) => Number.isFinite(x) !== isRegular)) return null
  if (!isRegular) return noisy.every((x) => Object.is(x, wanted)) ? 0 : null
  const spread = Math.max(...noisy.map((x) => Math.abs(x - wanted)))
  // 16 bits must be equal, unless an inexact value was rounded.
  if (isHalf(aval.dtype)) return spread === 0 ? 0 : RUNS * spread + epsilonOf(aval.dtype) * Math.abs(wanted)
  if (!isWideFloat(aval)) return null
  return RUNS * spread + BASE_ULPS * epsilonOf(aval.dtype) * Math.abs(wanted) + tiny[aval.dtype]
}

/** Elements as numbers; 16-bit floats are stored as their bits. */
const numbersOf = (data: TypedArray, { dtype }: Aval): readonly number[] => {
  return Array.from<number | bigint, number>(decode(dtype, data), Number)
}

/** Elements as arrays store them: 16-bit floats as bits. */
const held = (data: TypedArray, { dtype }: Aval): TypedArray =>
  isHalf(dtype) && data instanceof Float32Array ? convert(data, 'float32', dtype) : data

const conformsParameters = {
  program: must.instance('a program', Program),
  elements: must.listOf(must.kind('a typed array', ArrayBuffer.isView), 'a list of typed arrays'),
  execute: must.func,
}
const conformsDoor = must.door('conforms', conformsParameters)
const conformsAsyncDoor = must.door('conformsAsync', conformsParameters)

/** Elements as the program's inputs store them. */
const inputsOf = (operation: string, { inAvals }: Program, elements: readonly TypedArray[]): readonly TypedArray[] => {
  if (elements.length !== inAvals.length) {
    throw new ArgumentError(
      `${operation}: the program has ${inAvals.length} inputs, got elements of ${elements.length}.`,
    )
  }
  const inputs = elements.map((data, i) => held(data, inAvals[i]!))
  inputs.forEach((data, i) => {
    if (isStorageOf(inAvals[i]!.dtype, inAvals[i]!.size, data)) return
    throw new ArgumentError(
      `${operation}: ${show(data)} of ${data.length} elements is not an input ${i}, ${inAvals[i]!}.`,
    )
  })
  return inputs
}

/** @throws LawError where results differ from the interpreter's. */
const compare = (
  operation: string,
  program: Program,
  inputs: readonly TypedArray[],
  got: readonly TypedArray[],
): void => {
  if (!must.listOf(must.anything).accepts(got) || got.length !== program.outAvals.length) {
    throw new LawError(
      `${operation}: execute must give a list of ${program.outAvals.length} results, got ${show(got)}.`,
    )
  }
  const wanted = run(program, inputs)
  const noisy = Array.from({ length: RUNS }, (_, i) => noisyRun(i + 1, NOISE_ULPS)(program, inputs))
  program.outAvals.forEach((aval, k) => {
    if (got[k]!.length !== aval.size)
      throw new LawError(`result ${k} has ${got[k]!.length} elements, not ${aval.size}.`)
    const values = numbersOf(got[k]!, aval)
    const moved = noisy.map((outs) => numbersOf(outs[k]!, aval))
    numbersOf(wanted[k]!, aval).forEach((expected, i) => {
      const value = values[i]!
      const bound = boundOf(
        expected,
        moved.map((xs) => xs[i]!),
        aval,
      )
      if (bound === null || !differs(value, expected, bound)) return
      throw new LawError(
        `result ${k}, ${aval}: element ${i} is ${value}, on the interpreter ${expected} (within ${bound.toExponential(1)}) in\n${String(program)}`,
      )
    })
  })
}

/**
 * Throws a `LawError` where the results of a program differ from the interpreter's by more than rounding explains. Integers,
 * bools and everything that is only moved must be equal. * * @param elements - of the inputs, as `dataSync` returns them, or
 * the bits of 16-bit floats, as `execute` takes and returns them.
 * @example
 * ```ts
 * import { makeProgram, np } from 'pullback'
 * import { conforms, onDevice, wasmDevice } from 'pullback/testing'
 * const program = makeProgram((x: NDArray) => np.exp(x).sum())(np.zeros([3]))
 * conforms(program, [Float32Array.of(0, 1, 2)], onDevice(wasmDevice({ threads: 1 })))
 * conforms(program, [Float32Array.of(0, 1, 2)], () => [Float32Array.of(10)]) // throws LawError
 * ```
 */
export const conforms = (program: Program, elements: readonly TypedArray[], execute: Execute): void => {
  conformsDoor(program, elements, execute)
  const inputs = inputsOf('conforms', program, elements)
  compare('conforms', program, inputs, execute(program, inputs))
}

/**
 * As `conforms`, asynchronously: see `onDeviceAsync`. The promise rejects with what `conforms` would throw.
 *
 * @example
 * ```ts
 * import { makeProgram, np } from 'pullback'
 * import { conformsAsync, onDeviceAsync, wasmDevice } from 'pullback/testing'
 * const program = makeProgram((x: NDArray) => np.exp(x).sum())(np.zeros([3]))
 * await conformsAsync(program, [Float32Array.of(0, 1, 2)], onDeviceAsync(wasmDevice({ threads: 1 })))
 * ```
 */
export const conformsAsync = async (
  program: Program,
  elements: readonly TypedArray[],
  execute: ExecuteAsync,
): Promise<void> => {
  conformsAsyncDoor(program, elements, execute)
  const inputs = inputsOf('conformsAsync', program, elements)
  compare('conformsAsync', program, inputs, await execute(program, inputs))
}

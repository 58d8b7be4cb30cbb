/**
 * Mathematics on vectors, as functions of expressions.
 *
 *     const host = importHostFunctions(module, names.flatMap((name) => hostFunctionsOf('float32', name)))
 *     ... other imports, before any function is defined ...
 *     const math = createFloat32Math({ module, relaxed, host })
 *     code.store('v128.store', address, math.tanh(load('v128.load', address)))
 *
 * and the module is instantiated with `{ math: hostFunctions, ... }`.
 */
import { createKit } from './float32/kit.ts'
import { createTools } from './float64/tools.ts'
import type { MathFunction, MathName, VectorMath } from './functions.ts'
import { functions } from './functions.ts'
import type { HostFunction } from './host.ts'
import type { MathContext, Vector } from './vectorMath.ts'

export type { HostFunction } from './host.ts'
export { hostFunctions, importHostFunctions } from './host.ts'
export type { BinaryMath, MathName, UnaryMath, VectorMath } from './functions.ts'
export { isMath } from './functions.ts'
export type { Vector } from './vectorMath.ts'

type AnyFunction = MathFunction<readonly Vector[]>

const written = (write: (f: AnyFunction) => (...args: readonly Vector[]) => Vector): VectorMath =>
  Object.fromEntries(
    Object.entries(functions).map(([name, f]) => [name, write(f as unknown as AnyFunction)]),
  ) as unknown as VectorMath

export const createFloat32Math = (context: MathContext): VectorMath => {
  const kit = createKit(context)
  return written((f) => f.float32.write(kit))
}

export const createFloat64Math = (context: MathContext): VectorMath => {
  const tools = createTools(context)
  return written(
    (f) =>
      (...args) =>
        f.float64.write(...args, tools),
  )
}

/** The host functions to declare for an operation. */
export const hostFunctionsOf = (dtype: 'float32' | 'float64', name: MathName): readonly HostFunction[] =>
  functions[name][dtype].host

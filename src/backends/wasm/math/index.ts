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
import type { HostFunction } from './host.ts'
import type { MathName } from './vector-math.ts'

export type { HostFunction } from './host.ts'
export { createFloat32Math } from './float32.ts'
export { createFloat64Math } from './float64.ts'
export { hostFunctions, importHostFunctions } from './host.ts'
export type {
  BinaryMath,
  MathContext,
  MathName,
  UnaryMath,
  Vector,
  VectorFunction,
  VectorFunction2,
  VectorMath,
} from './vector-math.ts'

/** What rare cases of an operation call, by dtype; operations that are not there call nothing. */
const needed: { readonly [D in 'float32' | 'float64']: { readonly [N in MathName]?: readonly HostFunction[] } } = {
  float32: { sin: ['sin'], cos: ['cos'], tan: ['tan'], rem: ['rem'], logaddexp: ['logaddexp'] },
  float64: { sin: ['sin'], cos: ['cos'], tan: ['tan'], rem: ['rem'], atan2: ['atan2'] },
}

/** The host functions to declare for an operation. */
export const hostFunctionsOf = (dtype: 'float32' | 'float64', name: MathName): readonly HostFunction[] =>
  needed[dtype][name] ?? []

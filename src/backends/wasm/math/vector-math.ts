/** What the vector mathematics of every float dtype offers, and what it needs from the module that it writes into. */
import type { Expr, Func, ModuleBuilder } from '../asm/index.ts'
import type { HostFunction } from './host.ts'

/** Four float32 or two float64 values. */
export type Vector = Expr<'v128'>

export type VectorFunction = (x: Vector) => Vector
export type VectorFunction2 = (x: Vector, y: Vector) => Vector

/** Float operations of one operand that take more than one instruction (and `round`, so that rounding is in one place). */
export type UnaryMath =
  | 'sign'
  | 'round'
  | 'exp'
  | 'exp2'
  | 'log'
  | 'log1p'
  | 'expm1'
  | 'rsqrt'
  | 'cbrt'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'tanh'
  | 'asinh'
  | 'acosh'
  | 'atanh'
  | 'logistic'
  | 'erf'
  | 'erfc'
  | 'erfInv'

/** Those of two operands, in the order of the IR: `pow(base, exponent)`, `atan2(y, x)`, `rem(dividend, divisor)`. */
export type BinaryMath = 'rem' | 'pow' | 'logaddexp' | 'atan2' | 'max' | 'min' | 'nextafter'

export type MathName = UnaryMath | BinaryMath | 'integerPow'

/**
 * Operations of the IR on all lanes of a vector. Each means what the interpreter computes: the real function rounded, with
 * the interpreter's special values. Arguments that are used more than once need no `let`.
 */
export type VectorMath = { readonly [N in UnaryMath]: VectorFunction } & {
  readonly [N in BinaryMath]: VectorFunction2
} & {
  /** x to a power that the compiler knows, an integer. */
  readonly integerPow: (x: Vector, exponent: number) => Vector
}

/** Where the mathematics is written to. */
export interface MathContext {
  /** Functions for rare cases are defined here when they are first needed. */
  readonly module: ModuleBuilder
  /** Whether the engine has relaxed SIMD, whose fused multiply-adds polynomials take. */
  readonly relaxed: boolean
  /** An imported function on float64. All that `hostFunctionsOf` names for the operations in use must be there. */
  readonly host: (name: HostFunction) => Func
}

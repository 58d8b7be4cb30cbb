/** What the mathematics of every float dtype is written with, and what it needs from the module that it is written into. */
import type { Expr, Func, ModuleBuilder } from '../asm/index.ts'
import type { HostFunction } from './host.ts'

/** Four float32 or two float64 values. */
export type Vector = Expr<'v128'>

/** On all lanes of vectors; arguments that are used more than once need no `let`. */
export type VectorFunction = (x: Vector) => Vector
export type VectorFunction2 = (x: Vector, y: Vector) => Vector

/** Where the mathematics is written to. */
export interface MathContext {
  /** Functions for rare cases are defined here when they are first needed. */
  readonly module: ModuleBuilder
  /** Whether the engine has relaxed SIMD, whose fused multiply-adds polynomials take. */
  readonly relaxed: boolean
  /** An imported function on float64. All that `hostFunctionsOf` names for the operations in use must be there. */
  readonly host: (name: HostFunction) => Func
}

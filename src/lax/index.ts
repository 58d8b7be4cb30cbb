/**
 * The `lax` namespace: the operations of the IR as functions. They neither promote dtypes nor broadcast: operands must have the
 * same dtype and shape. JS numbers take the dtype and shape of the other operand.
 */
export * from './elementwise.ts'
export * from './gamma.ts'
export * from './pairs.ts'
export * from './structure.ts'
export * from './reduction.ts'
export * from './control.ts'
export * from './convolution.ts'
export * from './derived.ts'
export type { DimensionNumbers } from './layouts.ts'
export type { PaddingName, PaddingOption } from './padding.ts'
export * from './window.ts'
export * as linalg from './linalg.ts'

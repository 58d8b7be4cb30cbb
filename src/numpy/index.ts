/** The `np` namespace. */
export { promoteTypes } from '../core/dtype.ts'
export * from './contraction.ts'
export * from './creation.ts'
export * from './einsum.ts'
export * from './elementwise.ts'
export * from './movement.ts'
export * from './reduction.ts'
export * as linalg from './linalg.ts'

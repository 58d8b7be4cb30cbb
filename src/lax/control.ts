/** Control flow. */
export { associativeScan } from '../api/associativeScan.ts'
export type { AssociativeScanOptions } from '../api/associativeScan.ts'
export { cond, foriLoop, map, scan, switchCase as switch, whileLoop } from '../api/control.ts'
export type { ForiOptions, MapOptions, ScanOptions, WhileOptions } from '../api/control.ts'
export { customLinearSolve, customRoot, fixedPoint } from '../api/roots.ts'
export type { FixedPointOptions, LinearSolveOptions, LinearSolver } from '../api/roots.ts'

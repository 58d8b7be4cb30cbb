/** Control flow. */
export { cond, foriLoop, map, scan, switchCase as switch, whileLoop } from '../api/control.ts'
export type { ForiOptions, MapOptions, ScanOptions, WhileOptions } from '../api/control.ts'

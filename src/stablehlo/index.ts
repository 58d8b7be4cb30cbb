/**
 * Programs for other engines: any function of arrays as StableHLO, the text that XLA compiles.
 *
 * @module pullback/stablehlo
 */
export { exportProgram } from './export.ts'
export type { ExportedArray, ExportedProgram, ExportOptions } from './export.ts'
export { moduleText } from './module.ts'
export type { ModuleOptions } from './module.ts'

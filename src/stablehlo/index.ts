/** `pullback/stablehlo`: programs for other engines. */
export { exportProgram } from './export.ts'
export type { ExportedArray, ExportedProgram, ExportOptions } from './export.ts'
export { moduleText } from './module.ts'
export type { ModuleOptions } from './module.ts'

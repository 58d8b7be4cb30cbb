/** Operations and their parameters, in which programs are of the class `Program`. */
import type * as over from './parameters.ts'
import type { Program } from './program.ts'

// The types with programs are redefined below, and shadow those of the same name from here.
export type * from './parameters.ts'

export type CustomJvpParams = over.CustomJvpParams<Program>
export type CustomVjpParams = over.CustomVjpParams<Program>
export type CondParams = over.CondParams<Program>
export type WhileParams = over.WhileParams<Program>
export type ScanParams = over.ScanParams<Program>
export type LinearSolveParams = over.LinearSolveParams<Program>
export type RootParams = over.RootParams<Program>
export type CheckpointParams = over.CheckpointParams<Program>
export type OpParams = over.OpParams<Program>

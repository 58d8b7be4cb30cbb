import type { Aval } from './aval.ts'
import type { TypedArray } from './dtype.ts'

/** An array in ordinary memory: elements in row-major order. Never written to once it is shared. */
export interface HostArray {
  readonly aval: Aval
  readonly data: TypedArray
}

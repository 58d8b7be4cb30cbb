/** Devices, as far as arrays know them: `backends/backend.ts` has the whole contract. */
import type { DType } from '../core/dtype.ts'

/** What a device can do. */
export interface Capabilities {
  /** Types of elements that it computes with. A program with others is refused, by name, before it is compiled. */
  readonly dtypes: readonly DType[]
  /** Whether elements in its memory can be read at once. If not, `await x.data()` waits for them. */
  readonly readsAtOnce: boolean
  /** The most memory that its arrays and programs may use together, in bytes; null where that is not known. */
  readonly maxBytes: number | null
}

/** What runs programs and has memory for arrays. `devices()` gives those of the platform. */
export interface Device {
  readonly name: string
  readonly capabilities: Capabilities
}

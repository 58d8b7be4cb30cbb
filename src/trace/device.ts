/** Devices, as arrays see them: `backends/backend.ts` has the whole contract. */
import type { DType } from '../core/dtype.ts'

/** What a device can do. */
export interface Capabilities {
  /**
   * The dtypes that it computes with. A program with other dtypes is refused before it is compiled, with an error that names
   * them.
   */
  readonly dtypes: readonly DType[]
  /** Whether elements in its memory can be read synchronously. If not, `await x.data()` waits for them. */
  readonly readsAtOnce: boolean
  /** The most memory that its arrays and programs may use together, in bytes; null where that is not known. */
  readonly maxBytes: number | null
}

/** A device runs programs and has memory for arrays. `devices()` returns those of the platform. */
export interface Device {
  readonly name: string
  readonly capabilities: Capabilities
}

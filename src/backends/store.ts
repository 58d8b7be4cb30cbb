/**
 * A persistent store of compiled programs. Neither function throws: what cannot be read or written counts as missing.
 */
export interface ProgramStore {
  /** The bytes that were set under this key; null if there are none, or they are damaged. */
  get(key: string): Uint8Array | null
  set(key: string, bytes: Uint8Array): void
}

/**
 * Where a back end keeps compiled programs beyond the life of a process. Neither function throws: what cannot be read or written
 * counts as not there.
 */
export interface ProgramStore {
  /** What was set under this key, to the byte; null if there is nothing, or if it is damaged. */
  get(key: string): Uint8Array | null
  set(key: string, bytes: Uint8Array): void
}

/** Debug switches, off by default. Mutable on purpose: they say how to watch a computation, not what it means. */
export interface Settings {
  /** The operation that first produces a NaN raises. */
  nans: boolean
  /** The operation that first produces an infinity raises. */
  infs: boolean
  /** Consuming a random key twice raises. */
  keyReuse: boolean
}

export const settings: Settings = { nans: false, infs: false, keyReuse: false }

/** Debug switches. Mutable on purpose: they say how to watch a computation, not what it means. */
export interface Settings {
  /** The operation that first produces a NaN raises. */
  nans: boolean
  /** The operation that first produces an infinity raises. */
  infs: boolean
  /** Consuming a random key twice raises. */
  keyReuse: boolean
  /** Rules of custom derivatives are compared with differences when they are first used. */
  customRules: boolean
  /** A `whileLoop` that `maxSteps` ends while its condition still holds raises. */
  loopBounds: boolean
  /** Advice is printed: about large captured constants, and loops that were traced step by step. */
  warnings: boolean
}

export const settings: Settings = {
  nans: false,
  infs: false,
  keyReuse: false,
  customRules: false,
  loopBounds: false,
  warnings: true,
}

/** Debug switches. Mutable on purpose: they change how a computation is observed, not its result. */
interface Settings {
  /** The first operation that produces a NaN throws. */
  nans: boolean
  /** The first operation that produces an infinity throws. */
  infs: boolean
  /** Consuming a random key twice throws. */
  keyReuse: boolean
  /** Custom derivative rules are compared with finite differences when they are first used. */
  customRules: boolean
  /** A `whileLoop` that `maxSteps` ends while its condition still holds throws. */
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

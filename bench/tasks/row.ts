/** A row of the table: what is measured, how contestants must agree, and what Pullback is to reach. */

/** One contestant's way of doing a row's work. */
export interface Work {
  /**
   * Does it once. The results are complete when it returns, or when the promise that it returns resolves. Of a training
   * step: gives the loss before it, as a number.
   */
  readonly run: () => unknown
  /** What it computes, for comparison; training steps are compared by their losses. */
  readonly values?: () => Values | Promise<Values>
}

/** Arrays, in an order that the task says; a sum or a loss is an array of one. */
export type Values = readonly Float32Array[]

/** What a library can do of a family's rows. Each is made when its turn comes. */
export type Works<K extends string> = { readonly [P in K]?: () => Work }

export interface Target {
  /** How many times faster than the best of the peers. */
  readonly timesFaster?: number
  readonly microseconds?: number
  /** Floating-point operations in a nanosecond. */
  readonly gigaflops?: number
  /** A contestant that is there for orientation, to be beaten where it takes part. */
  readonly fasterThan?: string
}

export interface Row {
  readonly what: string
  /** By elements, by the losses of ten steps, or not at all, where the work has no result of its own. */
  readonly agreement: 'elements' | 'losses' | 'none'
  readonly target: Target
  /** Floating-point operations of one run. */
  readonly flops?: number
}

/** Rows that share data and code, named by row. */
export type Rows<K extends string> = { readonly [P in K]: Row }

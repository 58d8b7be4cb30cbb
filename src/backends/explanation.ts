/** A back end's explanation of a compiled program. */

/** One line of an explanation. */
export interface ExplainedStep {
  /** The number of blocks around it. */
  readonly depth: number
  /**
   * `kernel`: loops with operations fused into them; `routine`: a tuned one; `copy`; `host`: an operation of the reference;
   * `cond`, `while` and `scan`: control flow around the steps that follow, deeper.
   */
  readonly kind: 'kernel' | 'routine' | 'host' | 'copy' | 'cond' | 'while' | 'scan'
  /** Loops, or shapes. */
  readonly what: string
  /** Its operations, in order. */
  readonly operations: readonly string[]
  /** Bytes read and written, once each, for one run of the step. */
  readonly bytes: number
  /** Arithmetic operations on elements, for one run of the step. */
  readonly flops: number
}

/** The steps of a compiled program, and the memory that it needs. */
export interface Explanation {
  readonly steps: readonly ExplainedStep[]
  /** The peak bytes of all arrays in use: inputs, constants, outputs and temporaries. */
  readonly livePeak: number
  /** The bytes that the plan allocates for them. */
  readonly plannedPeak: number
  toString(): string
}

/** What a back end says that it makes of a program. */

/** One line of an explanation. */
export interface ExplainedStep {
  /** How many blocks it stands in. */
  readonly depth: number
  /**
   * `kernel`: loops with operations fused into them; `routine`: a tuned one; `copy`; `host`: an operation that the interpreter does;
   * `cond`, `while` and `scan`: control flow around the steps that follow, deeper.
   */
  readonly kind: 'kernel' | 'routine' | 'host' | 'copy' | 'cond' | 'while' | 'scan'
  /** Loops, or shapes. */
  readonly what: string
  /** Operations that it does, in order. */
  readonly operations: readonly string[]
  /** Bytes read and written, once each, for one run of the step. */
  readonly bytes: number
  /** Arithmetic operations on elements, for one run of the step. */
  readonly flops: number
}

/** What a compiled program does, and the memory that it needs. */
export interface Explanation {
  readonly steps: readonly ExplainedStep[]
  /** Bytes of all arrays in use at the worst moment: inputs, constants and outputs, and temporaries. */
  readonly livePeak: number
  /** Bytes that the plan takes for them. */
  readonly plannedPeak: number
  toString(): string
}

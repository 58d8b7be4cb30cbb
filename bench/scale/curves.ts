/** How the cost of handling programs grows with their size. Names of curves and of what is timed; no library is loaded here. */

export interface Curve {
  readonly what: string
  /** What one unit is, of which the table gives the time. */
  readonly unit: string
  readonly sizes: readonly number[]
  readonly timed: readonly string[]
}

export const curves = {
  equations: {
    what: 'a chain of equations',
    unit: 'equation',
    sizes: [1000, 10_000, 100_000],
    timed: ['trace', 'trace the gradient', 'compile', 'compile the gradient'],
  },
  leaves: {
    what: 'a tree of arrays',
    unit: 'leaf',
    sizes: [1000, 10_000, 100_000],
    timed: ['`tree.map`', 'first call of `jit`', 'later calls', 'gradient'],
  },
  calls: {
    what: '`jit` in `jit` in `jit` …',
    unit: 'call',
    sizes: [10, 100, 1000],
    timed: ['trace', 'trace the gradient', 'compile', 'compile the gradient'],
  },
  nest: {
    what: 'loops in loops, of 4 steps each',
    unit: 'level',
    sizes: [1, 3, 5],
    timed: ['trace', 'trace the gradient', 'compile', 'compile the gradient'],
  },
  steps: {
    what: 'a `scan`, by its steps',
    unit: 'scan',
    sizes: [10, 100, 1000, 10_000],
    timed: ['trace', 'trace the gradient', 'compile', 'compile the gradient'],
  },
} as const satisfies Readonly<Record<string, Curve>>

export type CurveName = keyof typeof curves
export const curveNames = Object.keys(curves) as readonly CurveName[]

/** What a process measured at one size: milliseconds, in the order of `timed`. */
export type Point = readonly number[]

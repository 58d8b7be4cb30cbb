/** How long the bench measures. */
export interface Pace {
  /** Milliseconds that each contestant runs before it is timed, so that V8 has compiled what it will. */
  readonly warmUp: number
  /** Turns of each contestant, and the milliseconds of one. */
  readonly rounds: number
  readonly turn: number
  /** Milliseconds after which a slow contestant has had turns enough, if it has had three. */
  readonly patience: number
  /** Processes that a first call is measured in. */
  readonly processes: number
}

// V8 needs thousands of calls before it has compiled all that an eager gradient goes through.
export const thorough: Pace = { warmUp: 1000, rounds: 21, turn: 50, patience: 10_000, processes: 5 }
export const quick: Pace = { warmUp: 200, rounds: 5, turn: 20, patience: 1000, processes: 1 }

export const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)]!

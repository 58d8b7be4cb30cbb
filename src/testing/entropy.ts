/** A stream of choices. Everything random here is a function of such a stream, so that fast-check can shrink it. */
import * as fc from 'fast-check'

/** Choices in order; 0, the simplest, once they run out. */
export class Entropy {
  readonly #choices: readonly number[]
  #next = 0

  constructor(choices: readonly number[]) {
    this.#choices = choices
  }

  /** A whole number below `bound`. */
  below(bound: number): number {
    const choice = this.#choices[this.#next++] ?? 0
    return bound <= 1 ? 0 : choice % bound
  }

  /** One of several; the first is the simplest. */
  pick<T>(options: readonly T[]): T {
    const choice = options[this.below(options.length)]
    if (choice === undefined) throw new RangeError('Entropy.pick: there is nothing to pick from.')
    return choice
  }

  /** The options in some order. */
  shuffle<T>(options: readonly T[]): T[] {
    const rest = [...options]
    return options.map(() => rest.splice(this.below(rest.length), 1)[0] as T)
  }
}

/** Arbitrary entropy; it shrinks to fewer and smaller choices. */
export const choices = (maxLength = 24): fc.Arbitrary<readonly number[]> =>
  fc.array(fc.nat({ max: 4095 }), { maxLength, size: 'max' })

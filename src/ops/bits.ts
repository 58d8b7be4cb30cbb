import { bindAll } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

/**
 * The Threefry-2x32 block cipher on uint32 arrays of the same shape: two words of key, two of counter, two of result.
 * Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011), 20 rounds.
 */
export const threefry2x32 = (
  key0: NDArray,
  key1: NDArray,
  count0: NDArray,
  count1: NDArray,
): readonly [NDArray, NDArray] => {
  const [a, b] = bindAll('threefry2x32', {}, [key0, key1, count0, count1])
  return [a!, b!]
}

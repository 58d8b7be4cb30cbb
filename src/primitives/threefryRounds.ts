/** Threefry-2x32 with 20 rounds, for writers of programs. Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011). */

/** Arithmetic on unsigned words of 32 bits. */
export interface Words<W> {
  readonly word: (x: number) => W
  readonly add: (a: W, b: W) => W
  readonly xor: (a: W, b: W) => W
  /** To the left. */
  readonly rotate: (x: W, by: number) => W
}

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const
const parity = 0x1bd11bda

/** The two words of a counter, enciphered with the two of a key. */
export const threefryRounds = <W>(
  { word, add, xor, rotate }: Words<W>,
  key: readonly [W, W],
  counter: readonly [W, W],
) => {
  const keys = [...key, xor(xor(key[0], key[1]), word(parity))]
  let [a, b] = [add(counter[0], key[0]), add(counter[1], key[1])]
  for (let round = 0; round < 20; round++) {
    a = add(a, b)
    b = xor(a, rotate(b, rotations[round % 8]!))
    if (round % 4 !== 3) continue
    const injection = (round + 1) / 4
    a = add(a, keys[injection % 3]!)
    b = add(b, add(keys[(injection + 1) % 3]!, word(injection)))
  }
  return [a, b] as const
}

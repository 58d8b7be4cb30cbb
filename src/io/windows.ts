/** Reading data whose length is only known at its end. */
import { run } from './errors.ts'
import type { ByteSource } from './source.ts'

/** Signals that the data continues beyond the available bytes. */
export class NeedsMore extends Error {}

const FIRST = 1 << 20

/** Calls `parse` on the first bytes of a source, with twice as many each time it throws `NeedsMore`. */
export const readInWindows = async <A>(
  input: ByteSource,
  size: number,
  parse: (bytes: Uint8Array) => A,
): Promise<A> => {
  for (let window = Math.min(FIRST, size); ; window = Math.min(2 * window, size)) {
    const bytes = await run(input.read(0, window))
    try {
      return parse(bytes)
    } catch (reason) {
      if (!(reason instanceof NeedsMore) || window === size) throw reason
    }
  }
}

/** W9: what the first call of a training step costs beyond the later ones: tracing, compiling, warming. */
import type { Rows } from './row.ts'

export const rows: Rows<'W9'> = {
  W9: {
    what: 'first call of the step of W5, less its steady time',
    agreement: 'none',
    target: { microseconds: 120_000 },
  },
}

/** The row whose work it is. */
export const firstCallOf = 'W5'

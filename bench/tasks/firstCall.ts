/** W9: what the first call of a training step costs beyond the later ones: tracing, compiling, warming. */
import type { Rows } from './row.ts'

type FirstCall = 'W9' | 'W9.small' | 'W9.deep'

export const rows: Rows<FirstCall> = {
  W9: {
    what: 'first call of the step of W5, less its steady time',
    agreement: 'none',
    target: { microseconds: 120_000 },
  },
  'W9.small': {
    what: 'first call of the step of W4, batch 32, less its steady time',
    agreement: 'none',
    target: { microseconds: 60_000 },
  },
  'W9.deep': {
    what: 'first call of a training step, by Adam, of 12 blocks as in W7 (batch 1), less its steady time',
    agreement: 'none',
    target: { microseconds: 3_000_000 },
  },
}

/** The work that is called first: its family and its name there, which need not be a row of its own. */
export const firstCallOf: { readonly [P in FirstCall]: readonly [family: 'network' | 'transformer', work: string] } = {
  W9: ['network', 'W5'],
  'W9.small': ['network', 'W4.32'],
  'W9.deep': ['transformer', 'deep'],
}

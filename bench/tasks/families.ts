/** All that is measured, by family: the rows of a family share a file here and one for each library. */
import { rows as convolution } from './convolution.ts'
import { rows as dispatch } from './dispatch.ts'
import { rows as elementwise } from './elementwise.ts'
import { rows as firstCall } from './firstCall.ts'
import { rows as matmul } from './matmul.ts'
import { rows as network } from './network.ts'
import { rows as reductions } from './reductions.ts'
import type { Row } from './row.ts'
import { rows as transformer } from './transformer.ts'

export const families = {
  matmul,
  elementwise,
  reductions,
  network,
  convolution,
  transformer,
  dispatch,
  firstCall,
} as const

export type Family = keyof typeof families
export const familyNames = Object.keys(families) as readonly Family[]

/** A row's name, as `--only` takes it, and the row. */
export const rowsOf = (family: Family): readonly (readonly [name: string, row: Row])[] =>
  Object.entries<Row>(families[family])

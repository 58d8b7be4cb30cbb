import type { Family } from '../tasks/families.ts'
import type { Works } from '../tasks/row.ts'

/** A library as a contestant's process loads it. */
export interface Library {
  /** What it needs before its arrays can be made; `threads`: for its pool of threads too. */
  readonly setUp: (threads: boolean) => Promise<void>
  /** Its code for each family of rows that it can do. */
  readonly families: { readonly [F in Family]?: () => Promise<Works<string>> }
}

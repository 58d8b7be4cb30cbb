/** What the bench asks of a contestant's process, and what it answers. */
import type { Family } from '../tasks/families.ts'

export type Request =
  /** Makes a row's work anew. */
  | { readonly kind: 'make'; readonly family: Family; readonly row: string }
  /** What the work computes. */
  | { readonly kind: 'values' }
  /** The losses of the next steps. */
  | { readonly kind: 'losses'; readonly steps: number }
  /** How long so many runs take. */
  | { readonly kind: 'time'; readonly calls: number }

export interface Replies {
  readonly make: { readonly able: boolean }
  readonly values: { readonly values: readonly Float32Array[] }
  readonly losses: { readonly losses: readonly number[] }
  readonly time: { readonly milliseconds: number }
}

export type Reply<K extends Request['kind']> = Replies[K] | { readonly error: string }

/** Inputs of models with virtual tokens before the text. */
import { isInteger } from '../../core/dtype.ts'
import { ArgumentError } from '../../core/errors.ts'
import { asInt32 } from '../../models/inputs.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'

/** Inputs that are extended, by their names in `transformers` and here. */
const names = {
  ids: ['input_ids', 'inputIds'],
  mask: ['attention_mask', 'attentionMask'],
  types: ['token_type_ids', 'tokenTypeIds'],
  positions: ['position_ids', 'positionIds'],
  labels: ['labels'],
  written: ['decoder_input_ids', 'decoderInputIds'],
  writtenMask: ['decoder_attention_mask', 'decoderAttentionMask'],
} as const

type Role = keyof typeof names

const roleOf = (name: string): Role | null =>
  (Object.keys(names) as readonly Role[]).find((role) => (names[role] as readonly string[]).includes(name)) ?? null

/** Inputs of a text model. */
export const textInputs = must.kind('the inputs of a model, an object with input_ids or inputIds', (x) => {
  if (typeof x !== 'object' || x === null) return false
  const ids: unknown = names.ids
    .map((name) => (x as Readonly<Record<string, unknown>>)[name])
    .find((v) => v !== undefined)
  return must.arrayLike.accepts(ids)
})

const asIntegers = (operation: string, x: ArrayLike): NDArray =>
  Array.isArray(x) ? asInt32(`${operation}: the tokens`, x) : np.asarray(x)

/** The tokens, shape `[batch, length]`. */
export const tokensOf = (operation: string, inputs: object): NDArray => {
  const given = inputs as Readonly<Record<string, ArrayLike | undefined>>
  const ids = asIntegers(operation, (given['input_ids'] ?? given['inputIds'])!)
  if (ids.ndim === 2 && isInteger(ids.dtype)) return ids
  throw new ArgumentError(`${operation}: the tokens must be integers of shape [batch, length], got ${ids.aval}.`)
}

/** The decoder's tokens, or the labels, which have the same shape `[batch, length]`. */
export const writtenOf = (operation: string, inputs: object): NDArray => {
  const given = inputs as Readonly<Record<string, ArrayLike | undefined>>
  const found = [...names.written, ...names.labels].map((name) => given[name]).find((x) => x !== undefined)
  const ids = found === undefined ? null : asIntegers(operation, found)
  if (ids !== null && ids.ndim === 2 && isInteger(ids.dtype)) return ids
  throw new ArgumentError(
    `${operation}: what is written is needed, decoder_input_ids or labels, integers of shape [batch, length]` +
      `${ids === null ? '' : `, got ${ids.aval}`}.`,
  )
}

/**
 * Whether parameters, by their names, belong to an encoder-decoder, with a shared embedding table. Virtual tokens then precede
 * the encoder's text, and a prefix the decoder's.
 */
export const readsAndWrites = (leaves: readonly string[]): boolean =>
  leaves.some((name) => /(^|\.)shared\.weight$/.test(name))

/** The extension of each input; null for inputs that stay as they are. */
type Before = Partial<Readonly<Record<Role, (x: NDArray) => NDArray>>>

/** The inputs, changed by role; the others as they are. */
export const changeInputs = <B extends object>(inputs: B, before: Before): B =>
  Object.fromEntries(
    Object.entries(inputs as Readonly<Record<string, ArrayLike | undefined>>).map(([name, x]) => {
      const role = roleOf(name)
      const change = role === null ? undefined : before[role]
      return [name, change === undefined || x === undefined ? x : change(asIntegers(name, x))]
    }),
  ) as B

/** Prepends columns of one value. */
export const columnsBefore = (count: number, value: number, x: NDArray): NDArray =>
  np.concatenate([np.full([x.shape[0]!, count], value, { dtype: x.dtype }), x], { axis: 1 })

/** Extends labels of tokens: virtual ones do not count. Labels of whole texts stay as they are. */
export const labelsBefore =
  (count: number, length: number) =>
  (labels: NDArray): NDArray =>
    labels.ndim === 2 && labels.shape[1] === length && isInteger(labels.dtype)
      ? columnsBefore(count, -100, labels)
      : labels

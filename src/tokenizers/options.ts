/** Options of encoding, and their checks. */
import { ArgumentError } from '../core/errors.ts'
import * as must from '../conversions/arguments.ts'
import type { Side } from './encoding.ts'
import type { TruncationStrategy } from './truncation.ts'

/** How texts are encoded. */
export interface EncodeOptions {
  /** Whether the tokens of the tokenizer's template ([CLS], BOS, ...) are added. Default: true. */
  readonly addSpecialTokens?: boolean
  /**
   * Whether texts are truncated to `maxLength`, and which of two is truncated first; true means `'longestFirst'`. Default:
   * false.
   */
  readonly truncation?: boolean | TruncationStrategy
  /** The most tokens, including special ones. By default that of `tokenizer_config.json`. */
  readonly maxLength?: number
  /** The number of tokens that consecutive overflow windows share. Default: 0. */
  readonly stride?: number
  /** The end that is truncated. By default that of `tokenizer_config.json`, or the right. */
  readonly truncationSide?: Side
  /** Whether rows are padded: to the longest (true means the same), or to `maxLength`. Default: false. */
  readonly padding?: boolean | 'longest' | 'maxLength'
  /** Rows are padded to a multiple of this. */
  readonly padToMultipleOf?: number
  /** The end that is padded. By default that of `tokenizer_config.json`, or the right. */
  readonly paddingSide?: Side
}

/** Options of a batch. */
export interface BatchOptions extends EncodeOptions {
  /** Whether overflow windows become rows, too. Default: false. */
  readonly returnOverflowingTokens?: boolean
}

/** The settings in a tokenizer's files. */
export interface Defaults {
  readonly maxLength: number | null
  readonly truncationSide: Side
  readonly paddingSide: Side
}

export interface Plan {
  readonly addSpecialTokens: boolean
  readonly truncation: {
    readonly maxLength: number
    readonly strategy: TruncationStrategy
    readonly stride: number
    readonly side: Side
  } | null
  readonly padding: { readonly length: number | null; readonly multipleOf: number; readonly side: Side } | null
  readonly returnOverflowingTokens: boolean
}

const side = must.oneOf(['left', 'right'])

const encodeOptions: must.OptionTable<EncodeOptions> = {
  addSpecialTokens: must.boolean,
  truncation: must.anyOf(must.boolean, must.oneOf(['longestFirst', 'onlyFirst', 'onlySecond'])),
  maxLength: must.natural,
  stride: must.natural,
  truncationSide: side,
  padding: must.anyOf(must.boolean, must.oneOf(['longest', 'maxLength'])),
  padToMultipleOf: must.count,
  paddingSide: side,
}

const batchOptions: must.OptionTable<BatchOptions> = { ...encodeOptions, returnOverflowingTokens: must.boolean }

const text = must.anyOf(must.string, must.pairOf(must.string, 'a pair of texts'))

export const encodeDoor = must.door('encode', { text, options: must.optionsOf(encodeOptions) })

export const encodeBatchDoor = must.door('encodeBatch', {
  texts: must.listOf(text, 'a list of texts or pairs of texts'),
  options: must.optionsOf(batchOptions),
})

const maxLengthOf = (name: string, { maxLength }: EncodeOptions, defaults: Defaults, why: string): number => {
  const length = maxLength ?? defaults.maxLength
  if (length !== null) return length
  throw new ArgumentError(
    `${name}: ${why} needs maxLength, as the tokenizer does not know the model's: { maxLength: 512 }.`,
  )
}

/** The checked options, with their defaults. */
export const planOf = (name: string, options: BatchOptions, defaults: Defaults): Plan => {
  const { truncation = false, padding = false } = options
  return {
    addSpecialTokens: options.addSpecialTokens ?? true,
    truncation:
      truncation === false
        ? null
        : {
            maxLength: maxLengthOf(name, options, defaults, 'truncation'),
            strategy: truncation === true ? 'longestFirst' : truncation,
            stride: options.stride ?? 0,
            side: options.truncationSide ?? defaults.truncationSide,
          },
    padding:
      padding === false
        ? null
        : {
            length: padding === 'maxLength' ? maxLengthOf(name, options, defaults, `padding to 'maxLength'`) : null,
            multipleOf: options.padToMultipleOf ?? 1,
            side: options.paddingSide ?? defaults.paddingSide,
          },
    returnOverflowingTokens: options.returnOverflowingTokens ?? false,
  }
}

/** Options of encoding, checked. */
import { ArgumentError } from '../core/errors.ts'
import { checkIntegers, checkKnownOptions, checkOneOf } from '../surface/checks.ts'
import type { Side } from './encoding.ts'
import type { TruncationStrategy } from './truncation.ts'

/** How texts are encoded. */
export interface EncodeOptions {
  /** Whether the tokens of the tokenizer's template ([CLS], BOS, ...) are put in. Default: true. */
  readonly addSpecialTokens?: boolean
  /** Whether texts are cut to `maxLength`, and which of two gives way; true is `'longestFirst'`. Default: false. */
  readonly truncation?: boolean | TruncationStrategy
  /** Most tokens, special ones counted. By default what `tokenizer_config.json` says. */
  readonly maxLength?: number
  /** Tokens that a window of what was cut off repeats of the one before. Default: 0. */
  readonly stride?: number
  /** Which end is cut. By default what `tokenizer_config.json` says, or the right. */
  readonly truncationSide?: Side
  /** Whether rows are filled up: to the longest (true is the same), or to `maxLength`. Default: false. */
  readonly padding?: boolean | 'longest' | 'maxLength'
  /** Rows are filled up to a multiple of this. */
  readonly padToMultipleOf?: number
  /** Which end is filled. By default what `tokenizer_config.json` says, or the right. */
  readonly paddingSide?: Side
}

/** Options of a batch. */
export interface BatchOptions extends EncodeOptions {
  /** Whether what was cut off becomes rows too. Default: false. */
  readonly returnOverflowingTokens?: boolean
}

/** What a tokenizer's files say. */
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

const known = [
  'addSpecialTokens',
  'truncation',
  'maxLength',
  'stride',
  'truncationSide',
  'padding',
  'padToMultipleOf',
  'paddingSide',
  'returnOverflowingTokens',
]

const maxLengthOf = (name: string, { maxLength }: EncodeOptions, defaults: Defaults, why: string): number => {
  const length = maxLength ?? defaults.maxLength
  if (length !== null) return length
  throw new ArgumentError(
    `${name}: ${why} needs maxLength, as the tokenizer does not know the model's: { maxLength: 512 }.`,
  )
}

/** The options with their defaults. */
export const planOf = (name: string, options: BatchOptions, defaults: Defaults): Plan => {
  checkKnownOptions(name, options, known)
  const { truncation = false, padding = false, stride = 0, padToMultipleOf = 1 } = options
  checkIntegers(name, 'maxLength', [options.maxLength ?? 1], 0)
  checkIntegers(name, 'stride', [stride], 0)
  checkIntegers(name, 'padToMultipleOf', [padToMultipleOf], 1)
  const strategy = truncation === true ? 'longestFirst' : truncation
  if (strategy !== false) checkOneOf(name, 'truncation', strategy, ['longestFirst', 'onlyFirst', 'onlySecond'])
  const filling = padding === true ? 'longest' : padding
  if (filling !== false) checkOneOf(name, 'padding', filling, ['longest', 'maxLength'])
  const sides = {
    truncation: options.truncationSide ?? defaults.truncationSide,
    padding: options.paddingSide ?? defaults.paddingSide,
  }
  for (const side of Object.values(sides)) checkOneOf(name, 'side', side, ['left', 'right'])
  return {
    addSpecialTokens: options.addSpecialTokens ?? true,
    truncation:
      strategy === false
        ? null
        : { maxLength: maxLengthOf(name, options, defaults, 'truncation'), strategy, stride, side: sides.truncation },
    padding:
      filling === false
        ? null
        : {
            length: filling === 'longest' ? null : maxLengthOf(name, options, defaults, `padding to 'maxLength'`),
            multipleOf: padToMultipleOf,
            side: sides.padding,
          },
    returnOverflowingTokens: options.returnOverflowingTokens ?? false,
  }
}

/** The settings of a run of `pullback finetune`: from a JSON file and from flags, which take precedence. */
import type { Either } from 'fp-ts/lib/Either.js'
import { suggestion } from '../../core/suggest.ts'
import type { JsonRecord } from '../../io/index.ts'
import type { DataError, Decoded, Decoder } from '../../train/index.ts'
import { decode } from '../../train/index.ts'
import type { Option } from '../command.ts'

/** One setting: its decoder, its default, and its meaning. */
interface Setting<T> {
  readonly decode: Decoder<T>
  /** Left out if the setting is required. */
  readonly fallback?: T
  /** The placeholder of the value in the help. */
  readonly value: string
  readonly help: string
}

const setting = <T>(decoder: Decoder<T>, fallback: T, value: string, help: string): Setting<T> => ({
  decode: decoder,
  fallback,
  value,
  help,
})

/** A number from `least` to `most`, whole or not. */
const numberIn =
  (least: number, most: number, wanted: string, whole = false): Decoder<number> =>
  (value, at = '') => {
    const number = decode.numeric(value, at)
    if (number._tag === 'Left') return number
    const { right: x } = number
    if (x >= least && x <= most && (!whole || Number.isInteger(x))) return number
    return { _tag: 'Left', left: { _tag: 'DataError', at, message: `${at} must be ${wanted}, got ${x}` } }
  }

const count = numberIn(1, 2 ** 31, 'a whole number from 1 on', true)
const natural = numberIn(0, 2 ** 31, 'a whole number from 0 on', true)
const share = numberIn(0, 1, 'a number from 0 to 1')
const positive = numberIn(Number.MIN_VALUE, Infinity, 'a number above 0')
const notNegative = numberIn(0, Infinity, 'a number from 0 on')

const orNull =
  <T>(decoder: Decoder<T>): Decoder<T | null> =>
  (value, at) =>
    value === null ? { _tag: 'Right', right: null } : decoder(value, at)

/** Strings: a list, or one string separated by commas. */
const texts: Decoder<readonly string[]> = (value, at) =>
  typeof value === 'string'
    ? decode.list(decode.words)(
        value.split(',').map((part) => part.trim()),
        at,
      )
    : decode.list(decode.words)(value, at)

/** The tasks. */
export const tasks = ['auto', 'classify', 'causal', 'seq2seq', 'embed'] as const

/** The methods. */
const methods = ['lora', 'dora', 'ia3', 'vera', 'prompt', 'prefix', 'bottleneck', 'bitfit', 'unfreeze', 'full'] as const

export type TaskName = Exclude<(typeof tasks)[number], 'auto'>
export type MethodName = (typeof methods)[number]

const table = {
  model: {
    decode: decode.words,
    value: 'DIR',
    help: 'a directory, hf:owner/name@revision, an address, or a GGUF file',
  },
  data: { decode: texts, value: 'FILE', help: 'rows: .jsonl, .csv, .tsv, .parquet or .txt; more files may follow' },
  out: { decode: decode.words, value: 'DIR', help: 'where the adapter or model, checkpoints and the report go' },
  valid: setting<string | null>(orNull(decode.words), null, 'FILE', 'rows to evaluate on; else a share of the data'),
  validFraction: setting(share, 0.1, 'X', 'that share; rows of the same text are never in both parts'),
  task: setting(decode.oneOf(tasks), 'auto' as const, 'TASK', `${tasks.join(', ')}: told by the keys of the rows`),
  method: setting(decode.oneOf(methods), 'lora' as const, 'METHOD', methods.join(', ')),
  rank: setting(count, 8, 'N', 'of lora, dora and vera'),
  alpha: setting(positive, 16, 'X', 'of lora and dora: what is added is multiplied by alpha / rank'),
  dropout: setting(share, 0, 'X', 'of lora and dora: on what comes into the adapter'),
  targets: setting<readonly string[] | null>(
    orNull(texts),
    null,
    'NAMES',
    "adapted modules, or 'all-linear'; PEFT's by default. Of bottleneck: globs of layers",
  ),
  tokens: setting(count, 20, 'N', 'of prompt and prefix: how many virtual tokens'),
  projection: setting(natural, 0, 'N', 'of prefix: features of the layer that it comes from, if any'),
  size: setting(count, 64, 'N', 'of bottleneck: features in the middle'),
  layers: setting(natural, 2, 'N', 'of unfreeze: the last layers are trained'),
  epochs: setting(count, 3, 'N', 'passes over the data'),
  steps: setting<number | null>(orNull(count), null, 'N', 'updates, instead of epochs'),
  batchSize: setting(count, 16, 'N', 'rows in a batch'),
  learningRate: setting<number | null>(
    orNull(positive),
    null,
    'X',
    'its peak; by default one that suits method and task',
  ),
  warmup: setting(share, 0.06, 'X', 'the share of the steps in which the rate rises from 0'),
  schedule: setting(
    decode.oneOf(['linear', 'cosine', 'constant']),
    'linear' as const,
    'WORD',
    'how the rate falls after that: linear, cosine, constant',
  ),
  weightDecay: setting(notNegative, 0.01, 'X', 'of matrices; biases and scales are not decayed'),
  clip: setting(positive, 1, 'X', 'the greatest norm of the gradients'),
  maxLength: setting<number | null>(orNull(count), null, 'N', 'tokens of a row; 128, or 512 for causal and seq2seq'),
  onBad: setting(
    decode.oneOf(['fail', 'skip']),
    'fail' as const,
    'WORD',
    'what becomes of bad rows: fail, or skip and count',
  ),
  evaluateEvery: setting<number | null>(orNull(count), null, 'N', 'steps between evaluations; an epoch by default'),
  checkpointEvery: setting(count, 50, 'N', 'steps between checkpoints'),
  keep: setting(count, 2, 'N', 'checkpoints that are kept'),
  seed: setting(natural, 0, 'N', 'of everything that is drawn'),
} satisfies { readonly [key: string]: Setting<unknown> }

type Table = typeof table

/** All settings of a run. */
export type Settings = { readonly [K in keyof Table]: Decoded<Table[K]['decode']> }

const names = Object.keys(table) as readonly (keyof Table)[]

/** `--learning-rate` for learningRate. */
export const flagOf = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** The command line options of the settings. */
export const settingOptions: { readonly [flag: string]: Option } = Object.fromEntries(
  names.map((key) => {
    const { value, help, fallback }: Setting<unknown> = table[key]
    const known =
      fallback === undefined || fallback === null || fallback === 'auto' ? '' : ` (${JSON.stringify(fallback)})`
    return [flagOf(key), { type: 'string', value, help: `${help}${known}` } as const]
  }),
)

const wrong = (at: string, message: string): Either<DataError, never> => ({
  _tag: 'Left',
  left: { _tag: 'DataError', at, message },
})

const unknownKey = (key: string): string => {
  const near = suggestion(key, names)
  return `${key} is not a setting. ${near === null ? `There are ${names.join(', ')}` : `Did you mean ${near}?`}`
}

/**
 * Resolves the settings of a file and flags. An error names the key, what was given, and what is allowed.
 *
 * @param file - the name of the file, for errors.
 */
export const resolveSettings = (
  file: string,
  json: JsonRecord,
  flags: { readonly [key: string]: unknown },
): Either<DataError, Settings> => {
  const strange = Object.keys(json).find((key) => !names.some((name) => name === key))
  if (strange !== undefined) return wrong(file, `${file}: ${unknownKey(strange)}`)
  const settings: { [key: string]: unknown } = {}
  for (const key of names) {
    const { decode: decoder, fallback }: Setting<unknown> = table[key]
    const isFlag = flags[key] !== undefined
    const given = isFlag ? flags[key] : json[key]
    if (given === undefined) {
      if (fallback === undefined) return wrong(key, `--${flagOf(key)} is missing`)
      settings[key] = fallback
      continue
    }
    const value = decoder(given, isFlag ? `--${flagOf(key)}` : `${file}: ${key}`)
    if (value._tag === 'Left') return value
    settings[key] = value.right
  }
  return { _tag: 'Right', right: settings as Settings }
}

/** The names of all settings. */
export const settingNames: readonly string[] = names

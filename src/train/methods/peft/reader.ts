/** Reads a configuration of PEFT key by key: keys that nothing reads must have no effect. */
import type { JsonRecord } from '../../../io/index.ts'
import { show } from '../../../core/show.ts'
import { refuse } from './refusal.ts'

/** Keys for where an adapter comes from, or how it was made, with no effect on what it computes. */
const told = new Set([
  'auto_mapping',
  'base_model_name_or_path',
  'peft_type',
  'peft_version',
  'revision',
  'task_type',
  'inference_mode',
  'runtime_config',
])

/** Keys that have an effect only with others, which are rejected. */
const idle = new Set(['megatron_core', 'qalora_group_size', 'loftq_config'])

/** Whether a value says that a feature is not used: null, false, an empty list or object, `none`. */
const isUnused = (value: unknown): boolean =>
  value === null ||
  value === false ||
  value === 'none' ||
  (typeof value === 'object' && Object.keys(value).length === 0)

/** Reads values by key, and remembers which keys were asked for. */
export class ConfigReader {
  readonly #config: JsonRecord
  readonly #where: string
  readonly #read = new Set<string>()

  constructor(config: JsonRecord, where: string) {
    this.#config = config
    this.#where = where
  }

  /** The value of a key; undefined if there is none or it is null. */
  get(key: string): unknown {
    this.#read.add(key)
    const value = Object.hasOwn(this.#config, key) ? this.#config[key] : undefined
    return value === null ? undefined : value
  }

  fail(key: string, wanted: string): never {
    const value = Object.hasOwn(this.#config, key) ? this.#config[key] : undefined
    return refuse(`${this.#where}: ${key} must be ${wanted}, got ${show(value)}.`, { unexpected: [key] })
  }

  #take<T>(key: string, wanted: string, accepts: (value: unknown) => value is T, usual: T): T {
    const value = this.get(key)
    if (value === undefined) return usual
    return accepts(value) ? value : this.fail(key, wanted)
  }

  flag(key: string, usual: boolean): boolean {
    return this.#take(key, 'true or false', (x): x is boolean => typeof x === 'boolean', usual)
  }

  number(key: string, wanted: string, accepts: (x: number) => boolean, usual: number): number {
    return this.#take(key, wanted, (x): x is number => typeof x === 'number' && Number.isFinite(x) && accepts(x), usual)
  }

  names(key: string): readonly string[] {
    const isNames = (x: unknown): x is readonly string[] =>
      Array.isArray(x) && x.every((item) => typeof item === 'string' && item !== '')
    return this.#take(key, 'a list of names', isNames, [])
  }

  /** Names, or one text. */
  namesOrText(key: string): readonly string[] | string {
    const value = this.get(key)
    return typeof value === 'string' ? value : this.names(key)
  }

  numbers(
    key: string,
    wanted: string,
    accepts: (name: string, x: number) => boolean,
  ): { readonly [name: string]: number } {
    const isNumbers = (x: unknown): x is { readonly [name: string]: number } =>
      typeof x === 'object' &&
      x !== null &&
      !Array.isArray(x) &&
      Object.entries(x).every(
        ([name, value]) => typeof value === 'number' && Number.isFinite(value) && accepts(name, value),
      )
    return this.#take(key, wanted, isNumbers, {})
  }

  /** Rejects keys that nothing read and that have an effect. */
  finish(): void {
    const left = Object.keys(this.#config).filter(
      (key) => !this.#read.has(key) && !told.has(key) && !idle.has(key) && !isUnused(this.#config[key]),
    )
    if (left.length === 0) return
    const listed = left.map((key) => `${key} ${show(this.#config[key])}`).join(', ')
    refuse(`${this.#where}: what this asks for is not known here: ${listed}.`, { unexpected: left })
  }
}

/** A pretrained model with the head that a task needs. */
import type { JsonRecord, ModelFiles, Progress } from '../../io/index.ts'
import { openModel } from '../../io/index.ts'
import type { AnyModel, ArchitectureName, ParamTree } from '../../models/index.ts'
import { architectureNames, loadGguf, loadVariables, modelOfConfig } from '../../models/index.ts'
import * as np from '../../numpy/index.ts'
import * as random from '../../random/index.ts'
import type { Tokenizer } from '../../tokenizers/index.ts'
import type { Terminal } from '../command.ts'
import { FailedError, orFail } from '../command.ts'
import { isGguf, tokenizerOf } from '../model.ts'
import { progressBar } from '../progress.ts'
import type { TaskName } from './settings.ts'

/** A model with the required head. */
export interface Body {
  readonly model: AnyModel
  readonly params: ParamTree
  /** Running statistics; null for models without. */
  readonly state: ParamTree | null
  /** The configuration, with the labels of the task. */
  readonly config: JsonRecord
  /** Null for a GGUF file. */
  readonly files: ModelFiles | null
  /** Modules that the file did not have, and that were initialised. */
  readonly fresh: readonly string[]
}

/** A text model to be tuned. */
export interface Base extends Body {
  readonly tokenizer: Tokenizer
}

/** Suffixes of the names of classes that have the head of a task. */
export const suffixes: { readonly [K in TaskName]: readonly string[] } = {
  classify: ['ForSequenceClassification'],
  causal: ['ForCausalLM', 'LMHeadModel'],
  seq2seq: ['ForConditionalGeneration'],
  embed: ['Model'],
}

const isKnown = (name: string): name is ArchitectureName => architectureNames.some((known) => known === name)

/** The model class of a configuration. */
const ownClass = (config: JsonRecord): ArchitectureName => {
  const given = modelOfConfig(config)
  if (given._tag === 'Right' && isKnown(given.right.architecture)) return given.right.architecture
  throw new FailedError(given._tag === 'Left' ? given.left.message : 'config: the class of the model is not known')
}

/** The class of the same family whose name ends in one of these, preferably the configuration's own; null if there is none. */
export const classIn = (config: JsonRecord, ends: readonly string[]): ArchitectureName | null => {
  const own = ownClass(config)
  if (ends.some((end) => end !== 'Model' && own.endsWith(end))) return own
  const family = own.replace(/(For[A-Z]\w*|LMHeadModel|EncoderModel|Model)$/, '')
  return ends.map((end) => `${family}${end}`).find(isKnown) ?? null
}

/** The class that has the head of a task: for a `BertModel`, `BertForSequenceClassification`. */
export const architectureFor = (config: JsonRecord, task: TaskName): ArchitectureName => {
  const found = classIn(config, suffixes[task])
  if (found !== null) return found
  throw new FailedError(`a model of the family of ${ownClass(config)} has no head for '${task}'`)
}

/** The names of classes in a configuration: `id2label`. */
export const labelsOf = (config: JsonRecord): readonly string[] | null => {
  const { id2label: named } = config as { readonly id2label?: unknown }
  return typeof named === 'object' && named !== null ? Object.values(named).map(String) : null
}

/** The configuration with the names of classes. */
export const withLabels = (config: JsonRecord, labels: readonly string[] | null): JsonRecord => {
  if (labels === null) return config
  return {
    ...Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'num_labels')),
    id2label: Object.fromEntries(labels.map((label, i) => [String(i), label])),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
  }
}

/** The module of a parameter. */
const moduleOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf('.')))

interface Wanted {
  /** Null if there are no classes, or for the file's own. */
  readonly labels: readonly string[] | null
  /** The seed of parameters that the file lacks. */
  readonly seed: number
}

const fromGguf = async (path: string, onProgress: (progress: Progress) => void): Promise<Body> => {
  const { model, params, config } = orFail(await loadGguf(path, { dtype: 'quantized', onProgress })())
  return { model, params, state: null, config, files: null, fresh: [] }
}

/** Loads a model of a class; null for the class that the file names. Parameters that the file does not have are initialised. */
export const loadBody = async (
  path: string,
  architecture: ArchitectureName | null,
  wanted: Wanted,
  terminal: Terminal,
): Promise<Body> => {
  const bar = progressBar(terminal, 'loading')
  try {
    if (isGguf(path)) return await fromGguf(path, bar.update)
    const files = orFail(await openModel(path)())
    const config = withLabels(files.config, wanted.labels)
    const model = orFail(architecture === null ? modelOfConfig(config) : modelOfConfig(config, architecture))
    const fresh = new Set<string>()
    let drawn = random.key(wanted.seed)
    const beginning = (name: string, shape: readonly number[]) => {
      fresh.add(moduleOf(name))
      if (name.endsWith('bias')) return np.zeros(shape)
      const [next, own] = random.split(drawn)
      drawn = next
      return np.multiply(random.normal(own, shape), 0.02)
    }
    const loaded = orFail(await loadVariables(model, files.weights, { fresh: beginning, onProgress: bar.update })())
    return { model, ...loaded, config, files, fresh: [...fresh] }
  } finally {
    bar.done()
  }
}

/** Loads a text model for a task. A head that the file does not have is initialised. */
export const loadBase = async (
  path: string,
  { task, ...wanted }: Wanted & { readonly task: TaskName },
  terminal: Terminal,
): Promise<Base> => {
  if (isGguf(path) && task !== 'causal')
    throw new FailedError(`${path}: a GGUF file has a model that writes text; the task is '${task}'`)
  const architecture = isGguf(path) ? null : architectureFor(orFail(await openModel(path)()).config, task)
  const body = await loadBody(path, architecture, wanted, terminal)
  if (body.state !== null)
    throw new FailedError(`${path}: ${body.model.architecture} keeps running statistics, which is not tuned here`)
  return { ...body, tokenizer: await tokenizerOf({ ...body, path }) }
}

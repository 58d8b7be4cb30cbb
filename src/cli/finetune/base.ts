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

/** A model as it is tuned. */
export interface Base {
  readonly model: AnyModel
  readonly params: ParamTree
  /** With what the task says of labels in it. */
  readonly config: JsonRecord
  /** Null of a GGUF file. */
  readonly files: ModelFiles | null
  readonly tokenizer: Tokenizer
  /** Modules of which the file had nothing: they were made anew. */
  readonly fresh: readonly string[]
}

const suffixes: { readonly [K in TaskName]: readonly string[] } = {
  classify: ['ForSequenceClassification'],
  causal: ['ForCausalLM', 'LMHeadModel'],
  seq2seq: ['ForConditionalGeneration'],
  embed: ['Model'],
}

const isKnown = (name: string): name is ArchitectureName => architectureNames.some((known) => known === name)

/** The class of the same family that has the head of a task: of a `BertModel`, `BertForSequenceClassification`. */
export const architectureFor = (config: JsonRecord, task: TaskName): ArchitectureName => {
  const given = modelOfConfig(config)
  const own = given._tag === 'Right' ? given.right.architecture : ''
  if (given._tag === 'Left') throw new FailedError(given.left.message)
  const family = own.replace(/(For[A-Z]\w*|LMHeadModel|EncoderModel|Model)$/, '')
  const found = suffixes[task].map((suffix) => `${family}${suffix}`).find(isKnown)
  if (found !== undefined) return found
  throw new FailedError(`a model of the family of ${own} has no head for '${task}'`)
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
  readonly task: TaskName
  /** Null where there are no classes, or the file's own are meant. */
  readonly labels: readonly string[] | null
  readonly seed: number
}

const fromGguf = async (path: string, { task }: Wanted, onProgress: (progress: Progress) => void): Promise<Base> => {
  if (task !== 'causal')
    throw new FailedError(`${path}: a GGUF file has a model that writes text; the task is '${task}'`)
  const loaded = orFail(await loadGguf(path, { dtype: 'quantized', onProgress })())
  const tokenizer = await tokenizerOf({ ...loaded, state: null, files: null, path })
  return { model: loaded.model, params: loaded.params, config: loaded.config, files: null, tokenizer, fresh: [] }
}

/** Loads a model for a task. A head that the file does not have is made anew. */
export const loadBase = async (path: string, wanted: Wanted, terminal: Terminal): Promise<Base> => {
  const bar = progressBar(terminal, 'loading')
  try {
    if (isGguf(path)) return await fromGguf(path, wanted, bar.update)
    const files = orFail(await openModel(path)())
    const config = withLabels(files.config, wanted.labels)
    const model = orFail(modelOfConfig(config, architectureFor(config, wanted.task)))
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
    if (loaded.state !== null)
      throw new FailedError(`${path}: ${model.architecture} keeps running statistics, which is not tuned here`)
    const tokenizer = await tokenizerOf({ model, params: loaded.params, state: null, config, files, path })
    return { model, params: loaded.params, config, files, tokenizer, fresh: [...fresh] }
  } finally {
    bar.done()
  }
}

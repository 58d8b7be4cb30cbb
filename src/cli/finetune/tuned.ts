/** A model with an adapter on it, or one that was tuned whole, as commands use them. */
import type { JsonRecord, TensorFile } from '../../io/index.ts'
import { openModel, openTensors } from '../../io/index.ts'
import type { ParamTree } from '../../models/index.ts'
import type { Adapter, PeftConfig } from '../../train/index.ts'
import { applyAdapter, loadAdapter } from '../../train/index.ts'
import type { Given, Option, Terminal } from '../command.ts'
import { FailedError, orFail, required, wordOption } from '../command.ts'
import { isGguf, jsonBeside } from '../model.ts'
import type { Base } from './base.ts'
import { labelsOf, loadBase } from './base.ts'
import { RUN_FILE } from './run.ts'
import type { TaskName } from './settings.ts'
import { tasks } from './settings.ts'

/** A model that is ready to be run. */
export interface Tuned {
  readonly base: Base
  /** Null without `--adapter`. */
  readonly adapter: Adapter<PeftConfig> | null
  /** The base's with the adapter applied. */
  readonly params: ParamTree
  readonly task: TaskName
  readonly labels: readonly string[] | null
  readonly maxLength: number | null
}

export const tunedOptions: { readonly [name: string]: Option } = {
  model: { type: 'string', value: 'DIR', help: 'a directory, hf:owner/name@revision, an address, or a GGUF file' },
  adapter: { type: 'string', value: 'DIR', help: "an adapter of PEFT's files, as finetune writes it" },
  task: { type: 'string', value: 'TASK', help: `${tasks.slice(1).join(', ')}; what finetune wrote down, by default` },
}

const ofTaskTypes: { readonly [taskType: string]: TaskName } = {
  SEQ_CLS: 'classify',
  CAUSAL_LM: 'causal',
  SEQ_2_SEQ_LM: 'seq2seq',
  FEATURE_EXTRACTION: 'embed',
}

/** The task of a model by its configuration. */
const ofArchitecture = (config: JsonRecord): TaskName => {
  const [name = ''] = Array.isArray(config['architectures']) ? config['architectures'].map(String) : []
  if (name.endsWith('ForSequenceClassification')) return 'classify'
  if (/(ForCausalLM|LMHeadModel)$/.test(name)) return 'causal'
  return name.endsWith('ForConditionalGeneration') ? 'seq2seq' : 'embed'
}

const isTask = (x: unknown): x is TaskName => tasks.slice(1).some((task) => task === x)

/** How many classes the head has that an adapter brings along; null if it has none. */
const classesIn = (file: TensorFile): number | null => {
  for (const [name, { shape }] of file.tensors) {
    if (/(^|\.)(classifier(\.out_proj)?|score)(\.modules_to_save(\.default)?)?\.weight$/.test(name)) return shape[0]!
  }
  return null
}

const classNames = async (adapter: string | null, config: JsonRecord): Promise<readonly string[] | null> => {
  if (adapter === null) return null
  const file = orFail(await openTensors(`${adapter}/adapter_model.safetensors`)())
  const classes = classesIn(file)
  const own = labelsOf(config)
  if (classes === null || own?.length === classes) return null
  return Array.from({ length: classes }, (_, i) => `LABEL_${i}`)
}

/** Loads `--model`, with `--adapter` if there is one. */
export const loadTuned = async (given: Given, terminal: Terminal): Promise<Tuned> => {
  const path = required(given, 'model')
  const directory = given.text('adapter') ?? null
  const noted = isGguf(directory ?? path) ? {} : await jsonBeside(directory ?? path, RUN_FILE)
  const config = isGguf(path) ? {} : orFail(await openModel(path)()).config
  const peft = directory === null ? {} : await jsonBeside(directory, 'adapter_config.json')
  const byAdapter = ofTaskTypes[String(peft['task_type'])]
  const byFile = isTask(noted['task']) ? noted['task'] : null
  const task =
    wordOption(given, 'task', tasks.slice(1) as readonly TaskName[]) ??
    byFile ??
    byAdapter ??
    (isGguf(path) ? 'causal' : ofArchitecture(config))
  const written = Array.isArray(noted['labels']) ? noted['labels'].map(String) : null
  const labels = task === 'classify' ? (written ?? (await classNames(directory, config))) : null
  const base = await loadBase(path, { task, labels, seed: 0 }, terminal)
  const adapter = directory === null ? null : orFail(await loadAdapter(directory, base.params, { model: base.model })())
  const lost = base.fresh.find(
    (module) => !Object.keys(adapter?.saved ?? {}).some((name) => name.startsWith(`${module}.`)),
  )
  if (lost !== undefined) {
    throw new FailedError(
      `${lost} is neither in ${path}${directory === null ? '' : ` nor in ${directory}`}; it would be noise`,
    )
  }
  const params = adapter === null ? base.params : (applyAdapter(base.params, adapter) as ParamTree)
  const maxLength = typeof noted['maxLength'] === 'number' ? noted['maxLength'] : null
  const names = task === 'classify' ? (labels ?? labelsOf(base.config)) : null
  return { base, adapter, params, task, labels: names, maxLength }
}

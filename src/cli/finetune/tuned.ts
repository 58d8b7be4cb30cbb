/** A model with an adapter, or a fully tuned one, for commands. */
import type { JsonRecord, TensorFile } from '../../io/index.ts'
import { openModel } from '../../io/index.ts'
import type { ArchitectureName, ParamTree } from '../../models/index.ts'
import { CONFIG_FILE, openAdapterTensors } from '../../train/methods/peft/folder.ts'
import type { Given, Option, Terminal } from '../command.ts'
import { FailedError, orFail, required, wordOption } from '../command.ts'
import { isGguf, jsonBeside } from '../model.ts'
import type { AnyAdapter, Writing } from './adapters.ts'
import { adapted, plainOf, readAdapter, virtualTokens, writing } from './adapters.ts'
import type { Base, Body } from './base.ts'
import { architectureFor, classIn, labelsOf, loadBase, loadBody, suffixes } from './base.ts'
import { RUN_FILE } from './run.ts'
import type { TaskName } from './settings.ts'
import { tasks } from './settings.ts'

/** A model that is ready to be run. */
export interface Tuned {
  readonly base: Base
  /** The base's parameters; if there is an adapter, it is applied to them, or to the base's model. */
  readonly params: ParamTree
  /** The arguments for generation. */
  readonly writing: Writing
  readonly task: TaskName
  readonly labels: readonly string[] | null
  readonly maxLength: number | null
  /** The number of virtual tokens among those of a text. */
  readonly virtualTokens: number
}

export const tunedOptions: { readonly [name: string]: Option } = {
  model: { type: 'string', value: 'DIR', help: 'a directory, hf:owner/name@revision, an address, or a GGUF file' },
  adapter: { type: 'string', value: 'DIR', help: "an adapter of PEFT's files, as finetune writes it" },
  task: { type: 'string', value: 'TASK', help: `${tasks.slice(1).join(', ')}; what finetune wrote down, by default` },
}

/** Suffixes of the names of classes, by PEFT's task types. */
const suffixesOf: { readonly [taskType: string]: readonly string[] } = {
  SEQ_CLS: suffixes.classify,
  CAUSAL_LM: suffixes.causal,
  SEQ_2_SEQ_LM: suffixes.seq2seq,
  FEATURE_EXTRACTION: suffixes.embed,
  TOKEN_CLS: ['ForTokenClassification'],
  QUESTION_ANS: ['ForQuestionAnswering'],
}

const ofTaskTypes: { readonly [taskType: string]: TaskName } = {
  SEQ_CLS: 'classify',
  CAUSAL_LM: 'causal',
  SEQ_2_SEQ_LM: 'seq2seq',
  FEATURE_EXTRACTION: 'embed',
}

/** The task of a model, from its configuration. */
const ofArchitecture = (config: JsonRecord): TaskName => {
  const [name = ''] = Array.isArray(config['architectures']) ? config['architectures'].map(String) : []
  if (name.endsWith('ForSequenceClassification')) return 'classify'
  if (/(ForCausalLM|LMHeadModel)$/.test(name)) return 'causal'
  return name.endsWith('ForConditionalGeneration') ? 'seq2seq' : 'embed'
}

const isTask = (x: unknown): x is TaskName => tasks.slice(1).some((task) => task === x)

/** The number of classes of the head that an adapter contains; null if it has none. */
const classesIn = (file: TensorFile): number | null => {
  for (const [name, { shape }] of file.tensors) {
    if (/(^|\.)(classifier(\.out_proj)?|score)(\.modules_to_save(\.[^.]+)?)?\.weight$/.test(name)) return shape[0]!
  }
  return null
}

/** Names for the classes of an adapter's head, if the model's own head has a different number of classes. */
const classNames = async (adapter: string | null, config: JsonRecord): Promise<readonly string[] | null> => {
  if (adapter === null) return null
  const classes = classesIn(orFail(await openAdapterTensors(adapter)()))
  const own = labelsOf(config)?.length ?? config['num_labels']
  if (classes === null || own === classes) return null
  return Array.from({ length: classes }, (_, i) => `LABEL_${i}`)
}

/** What the folders of a model and of its adapter say about loading them. */
interface Notes {
  readonly path: string
  readonly directory: string | null
  /** The configuration of the model. */
  readonly config: JsonRecord
  /** The record that `finetune` wrote. */
  readonly run: JsonRecord
  /** The adapter's configuration, by PEFT. */
  readonly peft: JsonRecord
}

const notesOf = async (given: Given): Promise<Notes> => {
  const path = required(given, 'model')
  const directory = given.text('adapter') ?? null
  return {
    path,
    directory,
    config: isGguf(path) ? {} : orFail(await openModel(path)()).config,
    run: isGguf(directory ?? path) ? {} : await jsonBeside(directory ?? path, RUN_FILE),
    peft: directory === null ? {} : await jsonBeside(directory, CONFIG_FILE),
  }
}

const taskGiven = (given: Given): TaskName | undefined =>
  wordOption(given, 'task', tasks.slice(1) as readonly TaskName[])

/** The names of classes: those of the run, or of the adapter's head; null for the configuration's own. */
const labelsFor = async ({ run, directory, config }: Notes): Promise<readonly string[] | null> =>
  Array.isArray(run['labels']) ? run['labels'].map(String) : classNames(directory, config)

/** Reads the adapter. Parameters that neither it nor the model has must not be invented. */
const adapterOf = async (
  { path, directory, peft }: Notes,
  { model, params, fresh }: Body,
): Promise<AnyAdapter | null> => {
  const one = directory === null ? null : await readAdapter(directory, peft, model, params)
  const saved = Object.keys(one?.adapter.saved ?? {})
  const lost = fresh.find((module) => !saved.some((name) => name.startsWith(`${module}.`)))
  if (lost === undefined) return one
  throw new FailedError(
    `${lost} is neither in ${path}${directory === null ? '' : ` nor in ${directory}`}; it would be noise`,
  )
}

/** Loads a text model from `--model`, with `--adapter` if it is given. */
export const loadTuned = async (given: Given, terminal: Terminal): Promise<Tuned> => {
  const notes = await notesOf(given)
  const { path, run, config } = notes
  const task =
    taskGiven(given) ??
    (isTask(run['task']) ? run['task'] : null) ??
    ofTaskTypes[String(notes.peft['task_type'])] ??
    (isGguf(path) ? 'causal' : ofArchitecture(config))
  const labels = task === 'classify' ? await labelsFor(notes) : null
  const base = await loadBase(path, { task, labels, seed: 0 }, terminal)
  const names = task === 'classify' ? (labels ?? labelsOf(base.config)) : null
  const maxLength = typeof run['maxLength'] === 'number' ? run['maxLength'] : null
  const one = await adapterOf(notes, base)
  const plain = one === null ? base.params : plainOf(one, base.params)
  const { model, params } = one === null ? base : adapted(one, base.model, plain)
  return {
    base: { ...base, model },
    params,
    writing: writing(one, plain),
    task,
    labels: names,
    maxLength,
    virtualTokens: virtualTokens(one),
  }
}

/** The model class for an adapter: that of its task, if the model's family has one; null for the model's own. */
const classFor = (given: Given, { config, run, peft }: Notes): ArchitectureName | null => {
  const task = taskGiven(given)
  if (task !== undefined) return architectureFor(config, task)
  const wanted = isTask(run['task']) ? suffixes[run['task']] : suffixesOf[String(peft['task_type'])]
  return wanted === undefined ? null : classIn(config, wanted)
}

/** A model of any kind and an adapter for it. */
interface AdaptedModel {
  readonly body: Body
  /** The parameters of the adapter's base. */
  readonly plain: ParamTree
  readonly one: AnyAdapter
}

/**
 * Loads `--model` and `--adapter`, of any kind: no tokenizer is needed. The class is that of `--task` or of the adapter's own task,
 * else that of the configuration.
 */
export const loadAdapted = async (
  given: Given,
  terminal: Terminal,
  architecture?: ArchitectureName,
): Promise<AdaptedModel> => {
  required(given, 'adapter')
  const notes = await notesOf(given)
  const chosen = architecture ?? (isGguf(notes.path) ? null : classFor(given, notes))
  const body = await loadBody(notes.path, chosen, { labels: await labelsFor(notes), seed: 0 }, terminal)
  const one = (await adapterOf(notes, body))!
  return { body, plain: plainOf(one, body.params), one }
}

/** The common part of methods that change products: options, modules, and other trained leaves. */
import { inSpellingOf5 } from '../../models/vitNames.ts'
import type { Spelling } from './spelling.ts'
import { hasTwoSpellings } from './spelling.ts'
import type { LinearOperator } from '../../api/linearOperator.ts'
import type { QuantizedArray } from '../../api/quantized.ts'
import { ArgumentError, ShapeError } from '../../core/errors.ts'
import { showShape } from '../../core/shape.ts'
import type { LeafType, opaqueBrand } from '../../core/leafTypes.ts'
import * as must from '../../conversions/arguments.ts'
import { NDArray } from '../../trace/value.ts'
import type { AdapterConfig } from '../adapter.ts'
import { isGlob } from '../globs.ts'
import type { ModelLike, TargetsByType } from '../modelTypes.ts'
import { isConv1D, isTable } from '../modelTypes.ts'
import { ownArray } from '../own.ts'
import type { Matrix, NamedParameter, Parameter, Targets } from '../targets.ts'
import {
  meantBy,
  findTargets,
  isSaved,
  moduleOf,
  parametersOf,
  replaceParameters,
  someTargets,
  whatThereIs,
} from '../targets.ts'
import { denseOf, Parted } from './operators.ts'

/** The tree `P` in which weights may compute their own products. A `bias` stays an array. */
export type Tuned<P> = P extends LeafType
  ? NDArray | QuantizedArray | LinearOperator
  : P extends null | undefined
    ? P
    : typeof opaqueBrand extends keyof P
      ? P
      : { readonly [K in keyof P]: K extends 'bias' ? P[K] : Tuned<P[K]> }

/** The common settings of adapters of modules. */
export interface ModuleConfig extends AdapterConfig {
  /** Suffixes of the names of adapted modules, or their names, as PEFT reads them. */
  readonly targetModules: readonly string[]
  /** Modules that are trained in full: `adapter.saved` has their leaves. */
  readonly modulesToSave: readonly string[]
  /** Tuned modules whose weight is `[inputs, outputs]`, by name. */
  readonly fanInFanOut: readonly string[]
  /**
   * Whether targets and files have the names of transformers 5: for a ViT, whose parameters have those of transformers 4, like
   * model files. Arrays of the adapter always have the names of the parameters.
   */
  readonly spelling?: Spelling
  /** Which biases are also trained: `all` of the model, or `only` those of adapted modules; none if left out. */
  readonly bias?: 'all' | 'only'
  /** Modules that share a trained weight, as a tied head does, and that weight's module: both are changed. */
  readonly tied: { readonly [other: string]: string }
  /** Rows of tables that are trained, by the names of the tables. */
  readonly tokens?: { readonly [table: string]: readonly number[] }
  /** Biases of heads whose table has trained rows: PEFT drops them. */
  readonly idleBiases?: readonly string[]
  /** Heads that are no longer tied to their table, since only one of the two is adapted. */
  readonly untied?: { readonly [head: string]: string }
}

/** Options of `init` that these methods share. */
export interface ModuleOptions {
  /** The modules to adapt; by default PEFT's targets for the model's type. */
  readonly targets?: Targets
  /** The model, whose type determines the default targets and which weights are `[inputs, outputs]` (GPT-2's). */
  readonly model?: ModelLike
  /** Modules that are also trained in full, by the suffixes of their names: a fresh head. */
  readonly modulesToSave?: readonly string[]
  /** Whether the adapted weights are `[inputs, outputs]`, in a user's own tree. */
  readonly fanInFanOut?: boolean
}

const names = must.listOf(
  must.kind('a name', (x) => typeof x === 'string' && x !== ''),
  'a list of names of modules',
)

/** The part of a model that is needed. */
export const aModel = must.kind(
  'a model, or an object with its type',
  (x) => typeof x === 'object' && x !== null && 'type' in x && typeof x.type === 'string',
)

/** A check for each of these options. */
export const moduleOptions: must.OptionTable<ModuleOptions> = {
  targets: someTargets,
  model: aModel,
  modulesToSave: names,
  fanInFanOut: must.boolean,
}

/** A module to adapt. */
export interface AdaptedModule extends Matrix {
  /** Whether it is an embedding table, in which rows are looked up. */
  readonly table: boolean
  /** The axis of outputs in its weight: 0 for a linear layer, 1 for a table and for a `Conv1D`. */
  readonly outputs: 0 | 1
}

/** The axis of outputs in a module's weight. */
export const outputsAxis = (config: ModuleConfig, module: string, table: boolean): 0 | 1 =>
  table || config.fanInFanOut.includes(module) ? 1 : 0

/** The numbers of inputs and outputs of a module. */
export const extentsOf = (value: Parameter, outputs: 0 | 1): readonly [inputs: number, outputs: number] => {
  const [rows, columns] = value.shape as readonly [number, number]
  return outputs === 0 ? [columns, rows] : [rows, columns]
}

/** Targets for files: as given, if PEFT interprets them in the same way; otherwise the names of the modules found. */
const targetModulesOf = (
  { targets, model }: ModuleOptions,
  defaults: TargetsByType,
  found: readonly Matrix[],
): readonly string[] => {
  const given = targets ?? (model === undefined ? undefined : defaults[model.type])
  const list = typeof given === 'string' ? [given] : given
  const isList = (x: typeof list): x is readonly string[] => Array.isArray(x)
  const isRead = isList(list) && !list.includes('all-linear') && !list.some(isGlob)
  return isRead ? list : found.map(({ module }) => module)
}

/** The leaves of modules that are trained in full, as separate arrays. */
const savedLeaves = (
  operation: string,
  parameters: readonly NamedParameter[],
  modulesToSave: readonly string[],
): { readonly [name: string]: NDArray } => {
  for (const module of modulesToSave) {
    if (parameters.some(({ name }) => isSaved(name, [module]))) continue
    const all = [...new Set(parameters.map(({ name }) => name.slice(0, Math.max(0, name.lastIndexOf('.')))))]
    throw new ArgumentError(
      `${operation}: modulesToSave has '${module}', which no module is called. ${whatThereIs(all, module)}`,
    )
  }
  const saved = parameters.filter(({ name }) => isSaved(name, modulesToSave))
  return Object.fromEntries(saved.map(({ name, value }) => [name, ownArray(denseOf(value))]))
}

/** What `init` determines before making anything: modules, leaves, and that part of the configuration. */
interface Plan {
  readonly modules: readonly AdaptedModule[]
  readonly saved: { readonly [name: string]: NDArray }
  readonly config: Omit<ModuleConfig, 'method'>
}

/** Whether a module's weight is `[inputs, outputs]`. */
export const isFanIn = (module: string, given: boolean, model: ModelLike | undefined): boolean =>
  !isTable(module) && (model?.type === 'gpt2' ? isConv1D(model.type, module) : given)

/** Modules that share one of these weights, and the modules of the weights. */
export const tiesOf = (trained: readonly string[], model: ModelLike | undefined): ModuleConfig['tied'] =>
  Object.fromEntries(
    [...(model?.tied ?? [])].flatMap(([other, own]) =>
      trained.includes(own) ? [[moduleOf(other), moduleOf(own)] as const] : [],
    ),
  )

/** Whether a parameter is a trained bias. */
export const isTrainedBias = (name: string, bias: ModuleConfig['bias'], modules: readonly string[]): boolean =>
  bias !== undefined &&
  (name === 'bias' || name.endsWith('.bias')) &&
  (bias === 'all' || modules.includes(name.slice(0, -'.bias'.length)))

/** Whether some targets match modules only in the spelling of transformers 5. */
const isSpelledAnew = (targets: ModuleOptions['targets'], found: readonly Matrix[]): boolean => {
  const list = typeof targets === 'string' ? [targets] : Array.isArray(targets) ? (targets as readonly string[]) : []
  return list.some(
    (target) =>
      target !== 'all-linear' &&
      !found.some(({ module }) => meantBy('', target)(module)) &&
      found.some(({ module }) => meantBy('', target)(inSpellingOf5(module))),
  )
}

/** Finds the modules to adapt. */
export const planModules = (
  operation: string,
  params: unknown,
  options: ModuleOptions,
  defaults: TargetsByType,
): Plan => {
  const { targets, model, modulesToSave = [], fanInFanOut = false } = options
  const found = findTargets(operation, params, { targets, model, defaults, modulesToSave })
  const fanIn = found.map(({ module }) => module).filter((module) => isFanIn(module, fanInFanOut, model))
  const saved = savedLeaves(operation, parametersOf(params), modulesToSave)
  const trained = [...found.map(({ name }) => name), ...Object.keys(saved)]
  const isRespelled = hasTwoSpellings(params) && isSpelledAnew(targets, found)
  const named = isRespelled ? found.map((matrix) => ({ ...matrix, module: inSpellingOf5(matrix.module) })) : found
  const config = {
    targetModules: targetModulesOf(options, defaults, named),
    ...(isRespelled ? { spelling: 'transformers-5' as const } : {}),
    modulesToSave,
    fanInFanOut: fanIn,
    tied: tiesOf(trained, model),
  }
  const modules = found.map((matrix): AdaptedModule => {
    const table = isTable(matrix.module)
    return { ...matrix, table, outputs: table || fanIn.includes(matrix.module) ? 1 : 0 }
  })
  return { modules, saved, config }
}

/** Changes of leaves, by name. */
export type Changes = Map<string, (leaf: Parameter) => Parameter>

/** Finds the leaf of a module, which may be its `weight` or the module itself. */
export const leafFinder = (operation: string, params: unknown, untied: ModuleConfig['untied'] = {}) => {
  const parameters = new Map(parametersOf(params).map(({ name, value }) => [name, value]))
  for (const [head, table] of Object.entries(untied)) {
    const value = parameters.get(`${table}.weight`)
    if (value !== undefined) parameters.set(`${head}.weight`, value)
  }
  return (module: string): NamedParameter => {
    for (const name of [`${module}.weight`, module]) {
      const value = parameters.get(name)
      if (value !== undefined) return { name, value }
    }
    const modules = [...parameters.keys()].map(moduleOf)
    throw new ArgumentError(
      `${operation}: the adapter changes ${module}, which the parameters do not have. ${whatThereIs(modules, module)}`,
    )
  }
}

/** Replaces leaves that were trained in full. */
export const changeSaved = (operation: string, changes: Changes, saved: { readonly [name: string]: NDArray }): void => {
  for (const [name, trained] of Object.entries(saved)) {
    changes.set(name, (leaf) => {
      if (showShape(leaf.shape) === showShape(trained.shape)) return trained
      throw new ShapeError(
        `${operation}: ${name} of the adapter is ${trained.aval}, but that of the parameters has shape ${showShape(leaf.shape)}.`,
      )
    })
  }
}

/** The changes, with those of untied heads joined to those of their tables. */
export const joined = (changes: Changes, untied: ModuleConfig['untied'] = {}): Changes => {
  const whole: Changes = new Map(changes)
  for (const [head, table] of Object.entries(untied)) {
    const [ofHead, ofTable] = [whole.get(`${head}.weight`), whole.get(`${table}.weight`)]
    whole.delete(`${head}.weight`)
    if (ofHead === undefined && ofTable === undefined) continue
    whole.set(`${table}.weight`, (leaf) => new Parted(ofTable?.(leaf) ?? leaf, ofHead?.(leaf) ?? leaf))
  }
  return whole
}

/** The tree with the changes made. */
export const changed = <P>(operation: string, params: P, changes: Changes): unknown => {
  const names = new Set(parametersOf(params).map(({ name }) => name))
  const lost = [...changes.keys()].find((name) => !names.has(name))
  if (lost !== undefined) {
    throw new ArgumentError(`${operation}: the adapter has ${lost}, which the parameters do not have.`)
  }
  return replaceParameters(params, changes)
}

/** The array of an adapter's module, which must have that shape. */
export const takeArray = (
  operation: string,
  module: string,
  arrays: { readonly [name: string]: NDArray },
  name: string,
  shape: readonly number[],
): NDArray => {
  const x = arrays[name]
  // In trees that are only inspected, leaves are something else.
  if (x instanceof NDArray && showShape(x.shape) !== showShape(shape)) {
    throw new ShapeError(
      `${operation}: ${module} takes ${name} of shape ${showShape(shape)}, got ${x.aval}: the adapter is one of another model.`,
    )
  }
  if (x !== undefined) return x
  throw new ArgumentError(`${operation}: the adapter has no ${name} for ${module}.`)
}

/** Loads adapters from PEFT's files, strictly: missing or unexpected tensors and other shapes are an error that names them. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { isFloat } from '../../../core/dtype.ts'
import { sameShape, showShape } from '../../../core/shape.ts'
import type { FolderLike, FolderOptions, IoError, TensorFile } from '../../../io/index.ts'
import { openFolder } from '../../../io/index.ts'
import { aFolder, folderTable } from '../../../io/folder.ts'
import { readJsonFile } from '../../../io/model.ts'
import * as np from '../../../numpy/index.ts'
import * as must from '../../../conversions/arguments.ts'
import type { NDArray } from '../../../trace/value.ts'
import { Adapter } from '../../adapter.ts'
import type { AdapterError } from '../../errors.ts'
import type { ModelLike } from '../../modelTypes.ts'
import { isSaved, matricesOf, parametersOf } from '../../targets.ts'
import { widened } from '../operators.ts'
import { hasTwoSpellings, isSpelledAs5, spelledAsTree, viewInSpellingOf5 } from '../spelling.ts'
import { aModel, isTrainedBias } from '../settings.ts'
import type { Beside } from './beside.ts'
import { besideOf } from './beside.ts'
import { CONFIG_FILE, openAdapterTensors } from './folder.ts'
import type { Format, PeftConfig, PeftMethod } from './formats.ts'
import { formatOf, methodOf } from './formats.ts'
import { meaningsOf, TOKENS } from './keys.ts'
import { headsOf, modulesOf } from './modules.ts'
import type { FoundModules } from './modules.ts'
import { ConfigReader } from './reader.ts'
import { refusable, refuse, valueOf } from './refusal.ts'

/** Options of `load`. */
export interface LoadAdapterOptions extends FolderOptions {
  /** The model of the parameters: its type tells which weights are `[inputs, outputs]`, and which are tied. */
  readonly model?: ModelLike
  /**
   * Whether the adapter will be applied to `lora.residual(params, adapter)`: it must be, if it was initialised from a part of
   * the weights.
   */
  readonly residual?: boolean
}

const loadOptions: must.OptionTable<LoadAdapterOptions> = { ...folderTable, model: aModel, residual: must.boolean }

/** A tensor that is needed: its name in the adapter, and its shape. */
interface Wanted {
  readonly shape: readonly number[]
  readonly place: { readonly module: string; readonly name: string } | null
}

const wantedOf = (
  format: Format,
  found: FoundModules,
  params: unknown,
  model: ModelLike | undefined,
): ReadonlyMap<string, Wanted> => {
  const wanted = new Map<string, Wanted>()
  for (const module of found.modules) {
    for (const [name, shape] of format.arraysOf(module)) {
      wanted.set(`${module.module}.${name}`, { shape, place: { module: module.module, name } })
    }
  }
  for (const [module, rows] of Object.entries(found.tokens)) {
    const { value } = matricesOf(params).find((matrix) => matrix.module === module)!
    wanted.set(`${module}.${TOKENS}`, { shape: [rows.length, value.shape[1]!], place: { module, name: TOKENS } })
  }
  const adapted = found.modules.map(({ module }) => module)
  const heads = headsOf(params, model).filter(({ module }) => Object.hasOwn(found.untied, module))
  for (const { name, value } of [...parametersOf(params), ...heads]) {
    if (isSaved(name, found.modulesToSave) || isTrainedBias(name, found.bias, adapted))
      wanted.set(name, { shape: value.shape, place: null })
  }
  return wanted
}

/** The most names in a message. */
const SHOWN = 8

const listed = (names: readonly string[]): string =>
  names.slice(0, SHOWN).join(', ') + (names.length > SHOWN ? `, and ${names.length - SHOWN} more` : '')

/** Keys of the file by the tensor that they are for, and the remaining keys. */
const matched = (
  keys: Iterable<string>,
  wanted: ReadonlyMap<string, Wanted>,
): { readonly byName: ReadonlyMap<string, string>; readonly others: readonly string[] } => {
  const byName = new Map<string, string>()
  const others: string[] = []
  for (const key of keys) {
    const name = meaningsOf(key).find((meaning) => wanted.has(meaning))
    if (name === undefined) {
      others.push(key)
      continue
    }
    const other = byName.get(name)
    if (other !== undefined) {
      const [wrapped, plain] = key.includes('.modules_to_save.') ? [key, other] : [other, key]
      // With `bias` all, PEFT writes the biases of modules that are saved whole twice.
      if (!wrapped.includes('.modules_to_save.') || !plain.endsWith('.bias')) {
        refuse(`${other} and ${key} both mean ${name}: the file has several adapters.`, { unexpected: [key] })
      }
    }
    byName.set(name, key)
  }
  return { byName, others }
}

const checkShapes = (
  file: TensorFile,
  byName: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, Wanted>,
): void => {
  const wrong = [...byName].filter(([name, key]) => !sameShape(file.tensors.get(key)!.shape, wanted.get(name)!.shape))
  if (wrong.length === 0) return
  const faults = wrong.map(
    ([name, key]) =>
      `${key} ${showShape(file.tensors.get(key)!.shape)} instead of ${showShape(wanted.get(name)!.shape)}`,
  )
  refuse(`${file.source}: shapes are not those of the parameters: ${listed(faults)}.`, {
    unexpected: wrong.map(([, key]) => key),
  })
}

const readArray = async (file: TensorFile, key: string): Promise<NDArray> => {
  const x = await valueOf(file.read(key))
  if (isFloat(x.dtype)) return widened(x)
  return refuse(`${file.source}: ${key} must be of floats, got ${x.aval}.`, { unexpected: [key] })
}

const isNear = (x: NDArray, y: NDArray): boolean =>
  sameShape(x.shape, y.shape) && np.allclose(x, y, { rtol: 1e-5, atol: 1e-7 }).bool()

/** Checks the values of tensors beside the adapter's own. */
const checkBeside = async (
  file: TensorFile,
  keys: readonly string[],
  beside: ReadonlyMap<string, Beside>,
  adapter: Adapter,
): Promise<void> => {
  for (const key of keys) {
    const { valueIn, called } = beside.get(key)!
    if (valueIn !== null && !isNear(await readArray(file, key), valueIn(adapter))) {
      refuse(`${file.source}: ${key} is not ${called}.`, { unexpected: [key] })
    }
  }
}

/** Checks that no tensor is missing, and none unexpected. */
const checkNames = (file: TensorFile, missing: readonly string[], unexpected: readonly string[]): void => {
  const faults = [
    ...(missing.length === 0 ? [] : [`it lacks ${listed(missing)}`]),
    ...(unexpected.length === 0 ? [] : [`nothing takes ${listed(unexpected)}`]),
  ]
  if (faults.length > 0) refuse(`${file.source}: ${faults.join('; ')}.`, { missing, unexpected })
}

const readAdapter = async (
  file: TensorFile,
  byName: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, Wanted>,
  { config }: Format,
): Promise<Adapter<PeftConfig>> => {
  const weights: { [module: string]: { [name: string]: NDArray } } = {}
  const saved: { [name: string]: NDArray } = {}
  for (const [name, { place }] of wanted) {
    const x = await readArray(file, byName.get(name)!)
    if (place === null) saved[name] = x
    else weights[place.module] = { ...weights[place.module], [place.name]: x }
  }
  return new Adapter(config, weights, saved)
}

/** Checks that the model has the biases that those of B are added to. */
const checkBiases = ({ config }: Format, { modules }: FoundModules, params: unknown): void => {
  if (config.method !== 'lora' || config.loraBias !== true) return
  const names = new Set(parametersOf(params).map(({ name }) => name))
  const without = modules.find(({ module, table }) => !table && !names.has(`${module}.bias`))
  if (without !== undefined) {
    refuse(`lora_bias: ${without.module} has no bias, and a model that has none cannot be given one.`, {
      unexpected: ['lora_bias'],
    })
  }
}

const loadFrom = async (
  from: FolderLike,
  given: unknown,
  accepted: readonly PeftMethod[],
  { model, residual = false, ...folderOptions }: LoadAdapterOptions,
): Promise<Adapter<PeftConfig>> => {
  const folder = openFolder(from, folderOptions)
  const json = await valueOf(readJsonFile(folder, CONFIG_FILE))
  if (json === null) return refuse(`${folder.name}: there is no ${CONFIG_FILE}.`, { missing: [CONFIG_FILE] })
  const config = new ConfigReader(json, `${folder.name}/${CONFIG_FILE}`)
  const method = methodOf(config)
  if (!accepted.includes(method)) {
    refuse(`${folder.name}: this is an adapter of ${method}, not of ${accepted.join(' or ')}. loadAdapter reads any.`)
  }
  const file = await valueOf(openAdapterTensors(from, folderOptions))
  const isRespelled = hasTwoSpellings(given) && isSpelledAs5(file.tensors.keys())
  const params = isRespelled ? viewInSpellingOf5(given) : given
  const found = modulesOf(config, params, model)
  const format = formatOf(config, found, { residual })
  config.finish()
  checkBiases(format, found, params)
  const wanted = wantedOf(format, found, params, model)
  const { byName, others } = matched(file.tensors.keys(), wanted)
  const whole = [...wanted].flatMap(([name, { place }]) => (place === null ? [name] : []))
  const beside = besideOf(format, found, model, whole, parametersOf(params))
  const missing = [...wanted.keys()].filter((name) => !byName.has(name))
  checkNames(
    file,
    missing,
    others.filter((key) => !beside.has(key)),
  )
  checkShapes(file, byName, wanted)
  const adapter = await readAdapter(file, byName, wanted, format)
  await checkBeside(file, others, beside, adapter)
  return isRespelled ? spelledAsTree(adapter) : adapter
}

/** `load` of some methods. */
export const loadAdapterOf = <C extends PeftConfig>(operation: string, accepted: readonly C['method'][]) => {
  const door = must.door(operation, { from: aFolder, params: must.anything, options: must.optionsOf(loadOptions) })
  return (
    from: FolderLike,
    params: unknown,
    options: LoadAdapterOptions = {},
  ): TaskEither<AdapterError | IoError, Adapter<C>> => {
    door(from, params, options)
    return refusable(async () => (await loadFrom(from, params, accepted, options)) as unknown as Adapter<C>)
  }
}

/** Loads parameters of a model from files of tensors, strictly: every name is accounted for. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { QuantizedArray } from '../api/quantized.ts'
import { isQuantized } from '../api/quantized.ts'
import type { DType } from '../core/dtype.ts'
import { dtypes, isFloat } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { sameShape, showShape } from '../core/shape.ts'
import type { Shape } from '../core/shape.ts'
import { show } from '../core/show.ts'
import * as np from '../numpy/index.ts'
import { hold } from '../runtime/hold.ts'
import type { IoError, Progress, TensorFile } from '../io/index.ts'
import { readQuantized } from '../io/index.ts'
import { aTensorFile } from '../io/tensors.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray } from '../trace/value.ts'
import type { ParameterSpec, ParamsOf, WeightsOf } from './spec.ts'
import { fillSpecs, isSpecs, namesOf } from './spec.ts'
import { inSpellingOf4 } from './vitNames.ts'

/** A parameter whose tensor has another shape. */
export interface ShapeMismatch {
  readonly name: string
  readonly expected: readonly number[]
  readonly found: readonly number[]
}

/** A file that does not match the parameters of a model. All differences are listed. */
export interface MismatchError {
  readonly _tag: 'Mismatch'
  /** Parameters that the file does not have. */
  readonly missing: readonly string[]
  /** Tensors that are not parameters. */
  readonly unexpected: readonly string[]
  readonly shapes: readonly ShapeMismatch[]
  /** Second names of tied weights with different values: the model is not tied, whatever its configuration says. */
  readonly untied: readonly string[]
  readonly message: string
}

/** An error of loading. */
export type LoadError = IoError | MismatchError

/** The part of a model that loading needs. */
export interface Loadable<S> {
  readonly type: string
  readonly specs: S
  readonly prefix: string
  readonly ignored: readonly RegExp[]
  readonly tied: ReadonlyMap<string, string>
  /** For a model with state: see `loadVariables`. */
  readonly stateSpecs?: unknown
}

/** Everything of a model in a file: parameters, and state if it has any. */
const allNames = ({ specs, stateSpecs = null }: Loadable<unknown>): ReadonlyMap<string, ParameterSpec> =>
  new Map([...namesOf(specs), ...namesOf(stateSpecs)])

/** Options of `loadParams`. */
export interface LoadOptions {
  /**
   * The dtype of the parameters; `keep` is the file's own. With `quantized`, quantised matrices of a GGUF file stay in their
   * blocks (see `QuantizedArray`), and everything else is float32.
   */
  readonly dtype?: DType | 'keep' | 'quantized'
  /** Makes a parameter that the file does not have, for example of a new head; null means that it is missing. */
  readonly fresh?: (name: string, shape: readonly number[]) => NDArray | null
  /** Maps a tensor's name to the model's name, for files with different names. */
  readonly rename?: (name: string) => string
  /**
   * Changes a tensor after reading, for example the order of its rows. For one that stays quantised it is given the blocks, as
   * uint8 rows, and may only reorder these.
   */
  readonly transform?: (name: string, x: NDArray) => NDArray
  /** Called after each tensor. */
  readonly onProgress?: (progress: Progress) => void
}

/** A check for each option. */
export const loadTable: must.OptionTable<LoadOptions> = {
  dtype: must.oneOf([...dtypes, 'keep', 'quantized']),
  fresh: must.func,
  rename: must.func,
  transform: must.func,
  onProgress: must.func,
}

const isModel = (x: unknown): boolean => {
  const { type, specs, stateSpecs, prefix, ignored, tied } = (x ?? {}) as Partial<Loadable<unknown>>
  if (typeof type !== 'string' || typeof prefix !== 'string' || !isSpecs(specs) || !isSpecs(stateSpecs)) return false
  return must.isListOf(ignored, (pattern) => pattern instanceof RegExp) && tied instanceof Map
}

/** The door of functions that load parameters. */
export const loadDoor = (operation: string): must.Door =>
  must.door(operation, {
    model: must.kind('a model, as modelOfConfig and the functions of families give it', isModel),
    file: aTensorFile,
    options: must.optionsOf(loadTable),
  })

const loadParamsDoor = loadDoor('loadParams')

/** The result of a user's function, checked to be an array of the parameter's shape. */
const checkedArray = (option: string, name: string, x: unknown, shape: Shape): NDArray => {
  if (x instanceof NDArray && sameShape(x.shape, shape)) return x
  const got = x instanceof NDArray ? x.aval.toString() : show(x)
  throw new ShapeError(`loadParams: ${option} must give an array of shape ${showShape(shape)} for ${name}, got ${got}.`)
}

/** Translates old names, from TensorFlow. */
const modern = (name: string): string => name.replace(/\.gamma$/, '.weight').replace(/\.beta$/, '.bias')

interface Plan {
  /** Maps parameters' names to the file's. */
  readonly sources: ReadonlyMap<string, string>
  /** Parameters with their second names in the file. */
  readonly twins: readonly (readonly [name: string, given: string])[]
  readonly missing: readonly string[]
  readonly unexpected: readonly string[]
  readonly shapes: readonly ShapeMismatch[]
  readonly untied: readonly string[]
}

/** A parameter's name from a file's: unchanged, or with the body's prefix added or removed. */
const parameterOf = (given: string, specs: ReadonlyMap<string, ParameterSpec>, { prefix, type }: Loadable<unknown>) => {
  const name = type === 'vit' ? inSpellingOf4(given) : given
  const candidates = [
    name,
    `${prefix}.${name}`,
    ...(name.startsWith(`${prefix}.`) ? [name.slice(prefix.length + 1)] : []),
  ]
  return candidates.find((c) => specs.has(c)) ?? null
}

const planOf = (model: Loadable<unknown>, file: TensorFile, rename: (name: string) => string): Plan => {
  const specs = allNames(model)
  const sources = new Map<string, string>()
  const others: { readonly name: string; readonly given: string }[] = []
  for (const given of file.tensors.keys()) {
    const name = modern(rename(given))
    const parameter = parameterOf(name, specs, model)
    if (parameter !== null && !sources.has(parameter)) sources.set(parameter, given)
    else others.push({ name, given })
  }
  // A tied weight may be in the file only under its second name.
  const second = (name: string): string | undefined => {
    const bare = name.startsWith(`${model.prefix}.`) ? name.slice(model.prefix.length + 1) : name
    return model.tied.get(name) ?? model.tied.get(`${model.prefix}.${name}`) ?? model.tied.get(bare)
  }
  const unexpected: string[] = []
  const twins: (readonly [name: string, given: string])[] = []
  for (const { name, given } of others) {
    const own = second(name)
    if (own !== undefined && !sources.has(own)) sources.set(own, given)
    else if (own !== undefined) twins.push([own, given])
    else if (!model.ignored.some((pattern) => pattern.test(name))) unexpected.push(given)
  }
  const missing = [...specs.keys()].filter((name) => !sources.has(name))
  const shapes = [...sources].flatMap(([name, given]): readonly ShapeMismatch[] => {
    const [expected, found] = [specs.get(name)!.shape, file.tensors.get(given)!.shape]
    return sameShape(expected, found) ? [] : [{ name, expected, found }]
  })
  return { sources, twins, missing, unexpected, shapes, untied: [] }
}

/** The most names of each kind in a message; the error's fields have all. */
const SHOWN = 12

const listed = (what: string, names: readonly string[]): readonly string[] => {
  if (names.length === 0) return []
  const rest = names.length > SHOWN ? `, and ${names.length - SHOWN} more` : ''
  return [`${what} (${names.length}): ${names.slice(0, SHOWN).join(', ')}${rest}`]
}

const mismatch = (type: string, source: string, plan: Omit<Plan, 'sources' | 'twins'>): MismatchError => {
  const shapes = plan.shapes.map((s) => `${s.name} is ${showShape(s.found)}, not ${showShape(s.expected)}`)
  const parts = [
    ...listed('missing', plan.missing),
    ...listed('not expected', plan.unexpected),
    ...listed('of another shape', shapes),
    ...listed('not what it is tied to by the configuration (tie_word_embeddings)', plan.untied),
  ]
  const { missing, unexpected, untied } = plan
  return {
    _tag: 'Mismatch',
    missing,
    unexpected,
    shapes: plan.shapes,
    untied,
    message: `${source} does not hold the parameters of ${type}: ${parts.join('; ')}.`,
  }
}

/** Initialises missing parameters, as far as `fresh` makes them. */
const freshParams = (missing: readonly string[], specs: ReadonlyMap<string, ParameterSpec>, { fresh }: LoadOptions) =>
  new Map(
    missing.flatMap((name) => {
      const made = fresh?.(name, specs.get(name)!.shape) ?? null
      return made === null ? [] : [[name, checkedArray('fresh', name, made, specs.get(name)!.shape)] as const]
    }),
  )

/** Tensors that are read at the same time. */
const PARALLEL = 4

/** Reads a tensor as a parameter: in the requested dtype, or in its blocks. */
const readParameter = async (
  file: TensorFile,
  given: string,
  { shape }: ParameterSpec,
  name: string,
  { dtype = 'float32', transform = (_, x) => x }: LoadOptions,
): Promise<Either<IoError, NDArray | QuantizedArray>> => {
  const stays = dtype === 'quantized' && shape.length === 2
  const read = await (stays ? readQuantized(file, given) : file.read(given))()
  if (read._tag === 'Left') return read
  if (isQuantized(read.right)) {
    return {
      _tag: 'Right',
      right: read.right.mapPayload((rows) => checkedArray('transform', name, transform(name, rows), rows.shape)),
    }
  }
  const x = checkedArray('transform', name, transform(name, read.right), read.right.shape)
  const wanted = dtype === 'quantized' ? 'float32' : dtype
  return { _tag: 'Right', right: wanted !== 'keep' && isFloat(x.dtype) ? x.astype(wanted) : x }
}

const isSame = (x: NDArray | QuantizedArray, y: NDArray | QuantizedArray): boolean => {
  if (isQuantized(x) && isQuantized(y)) return x.kind === y.kind && isSame(x.payload, y.payload)
  const [a, b] = [x, y].map((z) => (isQuantized(z) ? z.dequantize() : z)) as [NDArray, NDArray]
  return np.arrayEqual(a, b, { equalNan: true }).bool()
}

/** Options of loading where all parameters are arrays. */
export type ArrayLoadOptions = LoadOptions & { readonly dtype?: DType | 'keep' }

type ByName<L> = TaskEither<LoadError, ReadonlyMap<string, L>>

/** The arrays of a model's parameters and of its state, by name; or an error with all mismatches. */
export function loadArrays(model: Loadable<unknown>, file: TensorFile, options: ArrayLoadOptions): ByName<NDArray>
export function loadArrays(
  model: Loadable<unknown>,
  file: TensorFile,
  options: LoadOptions,
): ByName<NDArray | QuantizedArray>
export function loadArrays(
  model: Loadable<unknown>,
  file: TensorFile,
  options: LoadOptions,
): ByName<NDArray | QuantizedArray> {
  return async () => {
    const { rename = (name) => name, onProgress } = options
    const specs = allNames(model)
    const plan = planOf(model, file, rename)
    const arrays = new Map<string, NDArray | QuantizedArray>(freshParams(plan.missing, specs, options))
    const missing = plan.missing.filter((name) => !arrays.has(name))
    if (missing.length + plan.unexpected.length + plan.shapes.length > 0) {
      return { _tag: 'Left', left: mismatch(model.type, file.source, { ...plan, missing }) }
    }
    const queue = plan.sources.entries()
    const failures: IoError[] = []
    const bytesOf = (given: string): number => file.tensors.get(given)!.bytes
    const total = [...plan.sources.values()].reduce((sum, given) => sum + bytesOf(given), 0)
    let done = 0
    const read = async (name: string, given: string): Promise<NDArray | QuantizedArray | null> => {
      const result = await readParameter(file, given, specs.get(name)!, name, options)
      if (result._tag === 'Right') {
        hold(isQuantized(result.right) ? result.right.payload : result.right)
        return result.right
      }
      failures.push(result.left)
      return null
    }
    const work = async (): Promise<void> => {
      for (const [name, given] of queue) {
        const x = await read(name, given)
        if (x === null) return
        arrays.set(name, x)
        done += bytesOf(given)
        onProgress?.({ name, bytes: done, total })
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, work))
    const untied: string[] = []
    for (const [name, given] of plan.twins) {
      const x = await read(name, given)
      if (x !== null && !isSame(x, arrays.get(name)!)) untied.push(given)
    }
    const [failure] = failures
    if (failure !== undefined) return { _tag: 'Left', left: failure }
    if (untied.length > 0)
      return { _tag: 'Left', left: mismatch(model.type, file.source, { ...plan, missing, untied }) }
    return { _tag: 'Right', right: arrays }
  }
}

/**
 * The parameters of a model from a file of tensors. Every name must be accounted for: the error lists all missing parameters,
 * unexpected tensors and differing shapes. Known buffers are skipped, the body's prefix (`bert.`) is optional, and tied weights
 * are one leaf, which must have the same values under all its names in the file.
 *
 * @param options - `dtype`: of the parameters, `float32` by default; with `quantized`, quantised matrices stay in their blocks.
 * @throws ArgumentError for a model with state: `loadVariables` reads both.
 * @example
 * ```ts
 * import { NDArray, np } from 'pullback'
 * import { encodeSafetensors, openSafetensors } from 'pullback/io'
 * import { layers, loadParams, makeModel } from 'pullback/models'
 * const model = makeModel({
 *   type: 'tiny',
 *   specs: { dense: layers.linear(2, 3) },
 *   prefix: 'tiny',
 *   stddev: 0.02,
 *   apply: (params, x: NDArray) => layers.applyLinear(params.dense, x),
 * })
 * // The prefix may stand before names, or not.
 * const file = await openSafetensors(encodeSafetensors({ 'tiny.dense.weight': np.ones([2, 3]) }))()
 * if (file._tag === 'Left') throw new Error(file.left.message)
 * const strict = await loadParams(model, file.right)()
 * strict._tag === 'Left' && strict.left.message // => bytes does not hold the parameters of tiny: missing (1): dense.bias.
 * const filled = await loadParams(model, file.right, { fresh: (_name, shape) => np.zeros(shape) })()
 * filled._tag === 'Right' && filled.right.dense.bias // => [0. 0.]
 * ```
 */
export function loadParams<S>(
  model: Loadable<S>,
  file: TensorFile,
  options?: ArrayLoadOptions,
): TaskEither<LoadError, ParamsOf<S>>
export function loadParams<S>(
  model: Loadable<S>,
  file: TensorFile,
  options: LoadOptions,
): TaskEither<LoadError, WeightsOf<S>>
export function loadParams<S>(
  model: Loadable<S>,
  file: TensorFile,
  options: LoadOptions = {},
): TaskEither<LoadError, WeightsOf<S>> {
  loadParamsDoor(model, file, options)
  if (namesOf(model.stateSpecs ?? null).size > 0) {
    throw new ArgumentError(`loadParams: ${model.type} has state beside its parameters; loadVariables reads both.`)
  }
  return async () => {
    const arrays = await loadArrays(model, file, options)()
    if (arrays._tag === 'Left') return arrays
    return { _tag: 'Right', right: fillSpecs(model.specs, (name) => arrays.right.get(name)!) }
  }
}

/** What is called with wild arguments, and what becomes of a call. */
import * as fc from 'fast-check'
import * as pullback from 'pullback'
import { NDArray, PullbackError, debug, np } from 'pullback'
import * as eslint from 'pullback/eslint'
import * as interpret from 'pullback/interpret'
import * as stablehlo from 'pullback/stablehlo'
import * as onnx from 'pullback/onnx'
import * as io from 'pullback/io'
import * as models from 'pullback/models'
import * as testing from 'pullback/testing'
import * as tokenizers from 'pullback/tokenizers'
import * as train from 'pullback/train'
import * as xla from 'pullback/xla'
import { WasmDevice } from '../../src/backends/wasm/device.ts'
import { show } from '../../src/core/show.ts'
import { argumentsFor, isOwn } from './wild.ts'
import { modelParts } from './wildModels.ts'
import { madeParts } from './wildParts.ts'

type Callable = (...args: readonly unknown[]) => unknown

/** A function, and what it is called with. */
export interface Subject {
  /** As it is written: `np.linalg.norm`, `x.sum`, `at(...).set`. */
  readonly name: string
  /** What it belongs to. */
  readonly group: string
  readonly args: fc.Arbitrary<readonly unknown[]>
  readonly call: Callable
}

/** Every entry of the package that is a module, with what its exports are called here. */
export const entries: { readonly [entry: string]: readonly [members: object, prefix: string] } = {
  '.': [pullback, ''],
  './io': [io, 'io'],
  './testing': [testing, 'testing'],
  './eslint': [eslint, 'eslint'],
  './models': [models, 'models'],
  './tokenizers': [tokenizers, 'tokenizers'],
  './train': [train, 'train'],
  './interpret': [interpret, 'interpret'],
  './stablehlo': [stablehlo, 'stablehlo'],
  './onnx': [onnx, 'onnx'],
  './xla': [xla, 'xla'],
}

/** Entries, and exports with all that is inside of them, that are not called, and why. */
export const exclusions: { readonly [name: string]: string } = {
  './worker': 'a script that threads are started from: it exports nothing',
  './package.json': 'data',
  'eslint.rules': 'ESLint calls them, with its own context',
  'eslint.configs': 'data for ESLint, with the same rules',
  'eslint.default': 'data for ESLint, with the same rules',
}

/** What is called with some arguments only, and why. */
export const exceptions: {
  readonly [name: string]: { readonly because: string; readonly allows: (args: readonly unknown[]) => boolean }
} = {
  setCompilationCacheDir: { because: 'a string makes a directory', allows: ([path]) => typeof path !== 'string' },
  'tree.registerPytreeNode': {
    because: 'a class is registered for good',
    allows: ([type]) => typeof type !== 'function',
  },
  'train.saveCheckpoint': { because: 'a string makes a directory', allows: ([path]) => typeof path !== 'string' },
  'train.pruneCheckpoints': { because: 'files would be removed', allows: ([path]) => typeof path !== 'string' },
  ...Object.fromEntries(
    ['lora.save', 'dora.save', 'ia3.save', 'vera.save', 'saveAdapter'].map((name) => [
      `train.${name}`,
      { because: 'a string makes a directory', allows: ([path]: readonly unknown[]) => typeof path !== 'string' },
    ]),
  ),
  'models.saveModel': { because: 'a string makes a directory', allows: ([path]) => typeof path !== 'string' },
  setWorkerUrl: { because: 'threads would be started from there', allows: ([url]) => typeof url !== 'string' },
}

/** Of functions that write files, all have the path first. */
const writes = /^(io\.write|train\.\w+\.save$)/

const allows = (name: string, args: readonly unknown[]): boolean =>
  writes.test(name) ? typeof args[0] !== 'string' : (exceptions[name]?.allows(args) ?? true)

const isClass = (f: unknown): boolean => typeof f === 'function' && /^class\b/.test(Function.prototype.toString.call(f))

/** Functions are asked for by name wherever they are; classes are made by the library, except those below. */
const functionsOf = (members: object, prefix: string): readonly Subject[] =>
  Object.entries(members).flatMap(([key, value]: readonly [string, unknown]): readonly Subject[] => {
    const name = prefix === '' ? key : `${prefix}.${key}`
    const group = name.split('.')[0]!
    if (isClass(value) || Object.hasOwn(exclusions, name)) return []
    if (typeof value === 'function') return [{ name, group, args: argumentsFor(group), call: value as Callable }]
    const isNamespace = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isNamespace ? functionsOf(value, name) : []
  })

/** Methods, with what they are methods of made of the first argument. */
const methodsOf = (prefix: string, keys: readonly string[], of: (x: NDArray) => object): readonly Subject[] =>
  keys.map((key) => ({
    name: `${prefix}.${key}`,
    group: 'method',
    args: argumentsFor('method'),
    call: (x, ...args) => {
      if (!(x instanceof NDArray)) return undefined
      const object = of(x) as Readonly<Record<string, Callable>>
      return object[key]!.apply(object, args)
    },
  }))

const methodNames = (prototype: object): readonly string[] =>
  Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(([key, { value }]) =>
    typeof value === 'function' && key !== 'constructor' ? [key] : [],
  )

/** Classes that users make instances of. */
const constructors: readonly Subject[] = [
  {
    name: 'ShapeDtypeStruct',
    group: 'class',
    args: argumentsFor('class'),
    call: (shape, dtype) => new pullback.ShapeDtypeStruct(shape as [], dtype as 'float32'),
  },
]

export const subjects: readonly Subject[] = [
  ...Object.values(entries).flatMap(([members, prefix]) => functionsOf(members, prefix)),
  ...methodsOf('x', methodNames(NDArray.prototype), (x) => x),
  ...methodsOf('at(...)', Object.keys(np.ones([2]).at(0)), (x) => x.at('...')),
  ...constructors,
  ...madeParts,
  ...modelParts,
]

const lastPart = (name: string): string => name.slice(name.lastIndexOf('.') + 1)

/** As it is written by who has imported it: `lora.init` of `train.lora.init`. */
const withoutEntry = (name: string): string => name.slice(name.indexOf('.') + 1)

/** How models call themselves. */
const families = ['albert', 'bert', 'distilbert', 'efficientnet', 'efficientNetLite', 'g2p', 'gemma', 'gemma2', 'gemma3_text', 'gpt2', 'llama', 'mistral', 'qwen2', 'qwen3', 'resnet', 'mt5', 'roberta', 't5', 'vit'] // prettier-ignore

/** How messages may begin: with the name of what was called, or of what it is made of. */
const names = new Set([
  ...subjects.flatMap(({ name }) => [name, lastPart(name), withoutEntry(name)]),
  ...testing.operations,
  // Models have the names of their families, or of their classes in `transformers`.
  ...models.architectureNames, ...families, 'embedding', 'batchNorm', 
  // Lists and trees speak for themselves, and so do calls that a transformation makes for a function.
  'np.array', 'tree', 'customJvp.defjvp', 'customJvp.defjvps', 'customVjp.defvjp', 'at', 'x', 'nn.initializers', 'nn', 'lax', 'optim', 'random', 'result', 'cond', 'NDArray',
]) // prettier-ignore

const headOf = (message: string): string => /^[\w$.]+(?:\(\.\.\.\)(?:\.\w+)?)?/.exec(message)?.[0] ?? ''

/** Arrays anywhere in a result, to a small depth. */
const arraysIn = (x: unknown, depth = 0): readonly NDArray[] => {
  if (x instanceof NDArray) return [x]
  if (typeof x !== 'object' || x === null || depth > 2) return []
  const parts = Array.isArray(x) ? x.slice(0, 8) : Object.values(x).slice(0, 8)
  return parts.flatMap((item) => arraysIn(item, depth + 1))
}

const arrayFault = (x: NDArray): string | null => {
  const isShape = Array.isArray(x.shape) && x.shape.every((n) => Number.isSafeInteger(n) && n >= 0)
  if (!isShape) return `an array of shape ${show(x.shape)}`
  if (x.body.trace !== null || x.size > 1e6) return null
  const { length } = x.dataSync()
  return length === x.size ? null : `an array of shape [${x.shape.join()}] with ${length} elements`
}

/** What is wrong with a result: elements that do not fill their shape, or a failure without a tag and a message. */
const resultFault = (result: unknown): string | null => {
  const fault = arraysIn(result).map(arrayFault).find((f) => f !== null) // prettier-ignore
  if (fault !== undefined) return `gave ${fault}`
  const { _tag, left } = (typeof result === 'object' && result !== null ? result : {}) as { _tag?: unknown; left?: unknown } // prettier-ignore
  if (_tag !== 'Left') return null
  const error = left as { readonly _tag?: unknown; readonly message?: unknown } | null | undefined
  const isTagged = typeof error?._tag === 'string' && typeof error.message === 'string'
  return isTagged || left instanceof PullbackError ? null : `failed with ${show(left)}`
}

/** Checks of inputs speak in the name of the operation that they are given. */
const speaksFor = (message: string, args: readonly unknown[]): boolean =>
  args.some((name) => typeof name === 'string' && name !== '' && message.startsWith(name))

const errorFault = (error: unknown, args: readonly unknown[]): string | null => {
  if (isOwn(error)) return null
  if (!(error instanceof PullbackError)) {
    return `threw ${error instanceof Error ? `${error.name}: ${error.message}` : show(error)}`
  }
  // What is compared has a name of the caller's.
  return error instanceof testing.LawError || names.has(headOf(error.message)) || speaksFor(error.message, args)
    ? null
    : `threw a message that names no operation: ${error.message}`
}

/** No call of any of these takes so long, however busy the machine is: what asks for too much is refused at once. */
const LONGEST_MS = 20_000

interface Outcome {
  /** What is wrong; null if nothing is. */
  readonly fault: string | null
  readonly result: unknown
}

const settled = async (result: Promise<unknown>): Promise<unknown> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`nothing came within ${LONGEST_MS} ms`))
    }, LONGEST_MS)
  })
  try {
    return await Promise.race([result, late])
  } finally {
    clearTimeout(timer)
  }
}

const outcomeOf = async (call: Callable, args: readonly unknown[]): Promise<Outcome> => {
  try {
    const given = call(...args)
    const result = given instanceof Promise ? await settled(given) : given
    return { fault: resultFault(result), result }
  } catch (error) {
    return { fault: errorFault(error, args), result: undefined }
  }
}

/** Objects whose methods users do not call: fast-check calls those of arbitraries, the library those of devices. */
const hasOwnCallers = (x: object): boolean => x instanceof fc.Arbitrary || x instanceof WasmDevice

const isOfLibrary = (f: unknown): f is Callable => typeof f === 'function' && !isClass(f) && !isOwn(f)

/** Functions that a call gave and that are of this library: itself, its properties, methods of what is not an array. */
const functionsIn = (result: unknown): readonly (readonly [name: string, f: Callable])[] => {
  if (typeof result === 'function') {
    if (!isOfLibrary(result)) return []
    const properties = Object.entries(result).filter(([, f]: readonly [string, unknown]) => isOfLibrary(f))
    return [['()', result], ...properties.map(([key, f]) => [`.${key}`, f as Callable] as const)]
  }
  if (typeof result !== 'object' || result === null || result instanceof NDArray || hasOwnCallers(result)) return []
  const prototype = Object.getPrototypeOf(result) as object | null
  const isOfClass = prototype !== null && isClass(prototype.constructor)
  const methods = isOfClass ? methodNames(prototype) : Object.keys(result)
  const object = result as Readonly<Record<string, unknown>>
  return methods.flatMap((key) => {
    const f = object[key]
    return isOfLibrary(f)
      ? [[`.${key}`, (...args: readonly unknown[]): unknown => Reflect.apply(f, result, args)] as const]
      : []
  })
}

const switches = [debug.nans, debug.infs, debug.keyReuse, debug.customRules, debug.loopBounds]

/** Whatever was switched on or off, as it was. */
const reset = (): void => {
  for (const turn of switches) turn(false)
  debug.warnings(true)
}

/** Layers and optimizers are called as such, with parameters and states that are nearly right, so each must be known. */
const isUnknownPart = (name: string, result: unknown): boolean => {
  const isNamed = /^(nn|optim)\.\w+$/.test(name)
  if (!isNamed || typeof result !== 'object' || result === null || !('init' in result)) return false
  return !madeParts.some((part) => part.name === `${name}.init`)
}

/**
 * Calls a subject so often, and the functions that it gives; says what is wrong.
 *
 * @param before - is told of each call before it is made.
 */
export const faultsOf = async (
  subject: Subject,
  count: number,
  seed: number,
  before: (call: string) => void = () => undefined,
): Promise<readonly string[]> => {
  const faults: string[] = []
  const judge = async (name: string, call: Callable, args: readonly unknown[]): Promise<unknown> => {
    const written = `${name}(${args.map(show).join(', ')})`
    before(written)
    const start = performance.now()
    const { fault, result } = await outcomeOf(call, args)
    const took = performance.now() - start
    reset()
    if (fault !== null) faults.push(`${written} ${fault}`)
    if (took > LONGEST_MS) faults.push(`${written} took ${took.toFixed(0)} ms`)
    return result
  }
  for (const [i, args] of fc.sample(subject.args, { numRuns: count, seed }).entries()) {
    if (!allows(subject.name, args)) continue
    const result = await judge(subject.name, subject.call, args)
    if (isUnknownPart(subject.name, result)) faults.push(`${subject.name} gives a part that wildParts does not know.`)
    for (const [name, f] of functionsIn(result)) {
      const [more] = fc.sample(argumentsFor('np'), { numRuns: 1, seed: seed + i })
      await judge(subject.name + name, f, more!)
    }
  }
  return faults
}

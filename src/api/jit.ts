/** Functions traced once for each kind of arguments, and run as programs afterwards. */
import { ArgumentError } from '../core/errors.ts'
import type { TreeDef } from '../core/tree.ts'
import { flatten, unflatten } from '../core/tree.ts'
import type { Program } from '../ir/program.ts'
import { call } from '../ops/calls.ts'
import { optimize } from '../passes/pipeline.ts'
import { RecordedBody } from '../transforms/builder.ts'
import { stage } from '../transforms/stage.ts'
import { HostBody } from '../trace/value.ts'
import type { NDArray } from '../trace/value.ts'
import type { Argnums } from './arguments.ts'
import { positionsOf } from './arguments.ts'
import type { ArrayTree } from './leaves.ts'
import { flattenArrays, flattenResult, restore } from './leaves.ts'
import type { Signature } from './retrace.ts'
import { advise, explain } from './retrace.ts'
import type { Arrays, Fn } from './types.ts'

/** Options of `jit`. */
export interface JitOptions {
  /** Arguments that are JS values, not traced: each new one makes a new program. */
  readonly staticArgnums?: Argnums
  /** Arguments whose arrays the caller will not use again, so that their memory can serve for results. */
  readonly donateArgnums?: Argnums
}

/** A compiled function. */
export interface Jitted<A extends readonly unknown[], R> {
  (...args: A): Arrays<R>
  /** The optimised program for arguments of these types. */
  trace(...args: A): Program
  /** Forgets all programs. */
  clearCache(): void
}

interface Traced {
  /** As traced; `optimize` of it is remembered by the program. */
  readonly program: Program
  readonly outTree: TreeDef
  readonly captured: readonly NDArray[]
}

const identities = new WeakMap<object, number>()
let count = 0

/** Equal keys for equal static values: primitives and plain data by value, all else by identity. */
const staticKey = (x: unknown): string => {
  if (typeof x === 'function' || (typeof x === 'object' && x !== null && !isPlain(x))) {
    let id = identities.get(x)
    if (id === undefined) identities.set(x, (id = count++))
    return `#${id}`
  }
  return typeof x === 'object' && x !== null
    ? `{${Object.entries(x)
        .map(([k, v]) => `${JSON.stringify(k)}:${staticKey(v)}`)
        .join(',')}}`
    : `${typeof x}:${Object.is(x, -0) ? '-0' : String(x)}`
}

const isPlain = (x: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(x)
  return prototype === Object.prototype || prototype === null || prototype === Array.prototype
}

const describeStatic = (x: unknown): string =>
  typeof x === 'function'
    ? `the function ${x.name || '(anonymous)'} ${staticKey(x)}`
    : staticKey(x).replace(/^\w+:/, '')

const explainers = new WeakMap<object, (args: readonly unknown[]) => string>()

/**
 * Why a compiled function would be traced for these arguments, or was traced just now, in words: which argument differs
 * from what has been traced, and how.
 *
 * @throws ArgumentError if `f` is not what `jit` gave.
 * @example
 * ```ts
 * import { explainRetrace, jit, np } from 'pullback'
 * const f = jit(function double(x: NDArray) { return np.multiply(x, 2) })
 * f(np.zeros([2]))
 * explainRetrace(f, np.zeros([3])) // => double: would be traced again: argument [0] changed: shape [2] → [3].
 * ```
 */
export const explainRetrace = <A extends readonly unknown[], R>(f: Jitted<A, R>, ...args: A): string => {
  const explainer = explainers.get(f)
  if (explainer === undefined)
    throw new ArgumentError('explainRetrace: the function is not compiled; hand over jit(f).')
  return explainer(args)
}

const release = (x: NDArray): void => {
  if (x.body instanceof HostBody) x.body.release()
}

/**
 * Compiles a function: it is traced once for each structure, shapes and dtypes of its arguments, and the program that
 * this gives runs from then on. `f` must be pure: side effects happen while tracing only.
 *
 * @param options - `staticArgnums`, `donateArgnums`.
 * @returns a function of the same arguments; `.trace(...args)` gives the program, `.clearCache()` forgets all.
 * @throws TracerError if `f` uses a traced value as a JS boolean, number or index.
 * @example
 * ```ts
 * import { jit, np } from 'pullback'
 * const norm = jit((x: NDArray) => np.sqrt(np.sum(np.square(x))))
 * norm(np.array([3, 4])) // => 5.
 * ```
 */
export const jit = <A extends readonly unknown[], R>(f: Fn<A, R>, options: JitOptions = {}): Jitted<A, R> => {
  if (typeof f !== 'function') throw new ArgumentError('jit: expected a function. Write jit(f)(x), not jit(f(x)).')
  const name = f.name === '' ? 'f' : f.name
  const cache = new Map<string, Traced>()
  const made: Signature[] = []
  let advised = false

  const split = (args: readonly unknown[]) => {
    const statics =
      options.staticArgnums === undefined ? [] : positionsOf('jit', 'staticArgnums', options.staticArgnums, args.length)
    const dynamic = args.filter((_, i) => !statics.includes(i))
    return { statics, dynamic }
  }

  const trace = (self: unknown, args: readonly unknown[], statics: readonly number[], given: ArrayTree): Traced => {
    let outTree: TreeDef | undefined
    const { program, captured } = stage(
      'jit',
      (xs) => {
        const dynamic = unflatten(given.treedef, xs) as unknown[]
        let next = 0
        const full = args.map((x, i) => (statics.includes(i) ? x : dynamic[next++]))
        const result = flattenResult('jit', Reflect.apply(f, self, full))
        outTree = result.treedef
        return result.leaves
      },
      given.leaves.map((x) => x.aval),
    )
    advised ||= advise(name, program)
    return { program, outTree: outTree!, captured }
  }

  const signature = (self: unknown, args: readonly unknown[], captured: readonly NDArray[]): Signature => {
    const { statics, dynamic } = split(args)
    const { leaves, treedef } = flattenArrays('jit', dynamic)
    return {
      treedef,
      avals: leaves.map((x) => x.aval),
      statics: statics.map((i) => [i, describeStatic(args[i])]),
      self: self === undefined ? '' : staticKey(self),
      captured: captured.map((x) => x.aval),
    }
  }

  const keyFor = (self: unknown, args: readonly unknown[]) => {
    const { statics, dynamic } = split(args)
    const given = flattenArrays('jit', dynamic)
    let key = given.treedef.key
    for (const x of given.leaves) key += `,${x.aval.key}`
    if (statics.length > 0) key += statics.map((i) => `;${staticKey(args[i])}`).join('')
    if (self !== undefined) key += `@${staticKey(self)}`
    return { key, given, statics }
  }

  const traced = (self: unknown, args: readonly unknown[]) => {
    const { key, given, statics } = keyFor(self, args)
    let entry = cache.get(key)
    if (entry === undefined) {
      entry = trace(self, args, statics, given)
      // A closure over values of an enclosing transformation holds for this call only.
      if (entry.captured.length === 0) cache.set(key, entry)
      if (made.length < 100) made.push(signature(self, args, entry.captured))
    }
    return { entry, leaves: given.leaves }
  }

  const donate = (args: readonly unknown[]): void => {
    const positions = positionsOf('jit', 'donateArgnums', options.donateArgnums!, args.length)
    const arrays = flatten(positions.map((p) => args[p])).leaves
    arrays.forEach((x) => {
      if (typeof x === 'object' && x !== null && 'body' in x) release(x as NDArray)
    })
  }

  const jitted = function (this: unknown, ...args: A): Arrays<R> {
    const { entry, leaves } = traced(this, args)
    const operands = entry.captured.length === 0 ? leaves : [...entry.captured, ...leaves]
    // Inside a program that is being written down, the whole is optimised once, at its end.
    const isWritten = operands.some((x) => x.body instanceof RecordedBody)
    const outputs = call(isWritten ? entry.program : optimize(entry.program), name, operands)
    if (options.donateArgnums !== undefined) donate(args)
    return restore(entry.outTree, outputs)
  }
  explainers.set(jitted, (args) => explain(name, made, signature(undefined, args, [])))
  return Object.assign(jitted, {
    trace(this: unknown, ...args: A): Program {
      return optimize(traced(this === jitted ? undefined : this, args).entry.program)
    },
    clearCache: () => {
      cache.clear()
      made.length = 0
    },
  })
}

/** Functions traced once for each combination of argument types, and run as programs afterwards. */
import type { Aval } from '../core/aval.ts'
import { ArgumentError } from '../core/errors.ts'
import { LruMap } from '../core/lru.ts'
import type { TreeDef } from '../core/treedef.ts'
import { flatten, leavesOf, unflatten } from '../core/tree.ts'
import { valueKey } from '../core/valueKey.ts'
import type { Program } from '../ir/program.ts'
import { call } from '../ops/calls.ts'
import { optimize } from '../passes/pipeline.ts'
import { asArray, isArrayLeaf } from '../runtime/installArrays.ts'
import { installBackend } from '../runtime/backend.ts'
import { defaultDevice } from '../runtime/devices.ts'
import { installWhole } from '../runtime/whole.ts'
import * as must from '../conversions/arguments.ts'
import { RecordedBody, isOutOfReach } from '../transforms/builder.ts'
import { stage } from '../transforms/stage.ts'
import type { ArrayLike } from '../trace/surface.ts'
import { ConcreteBody } from '../trace/body.ts'
import { NDArray, offering } from '../trace/value.ts'
import type { Argnums } from './arguments.ts'
import { argnums, positionsOf } from './arguments.ts'
import type { ArrayTree } from './leaves.ts'
import { flattenArrays, flattenResult, restore } from './leaves.ts'
import type { Signature } from './retrace.ts'
import { advise, explain } from './retrace.ts'
import type { AnyTree, ArrayArguments, Arrays, TreeOfArrays, Fn } from './types.ts'
import { runWhole } from './whole.ts'

// Only here, so that a bundle without `jit` does not need the compiler.
installBackend(defaultDevice)
installWhole(runWhole)

/** Options of `jit`. */
export interface JitOptions {
  /** Arguments that are JS values, not traced: each new value makes a new program. */
  readonly staticArgnums?: Argnums
  /** Arguments whose arrays the caller will not use again, so that results can reuse their memory. */
  readonly donateArgnums?: Argnums
}

/** A compiled function. */
export interface Jitted<A extends readonly unknown[], R> {
  (...args: A): R
  /** The optimised program for arguments of these types. */
  trace(...args: A): Program
  /** Drops all programs. */
  clearCache(): void
}

/** Programs that a jitted function remembers. */
const capacity = 512

interface Traced {
  /** As traced; the program caches its optimised form. */
  readonly program: Program
  readonly outTree: TreeDef
  readonly captured: readonly NDArray[]
}

const describeStatic = (x: unknown): string =>
  typeof x === 'function' ? `the function ${x.name || '(anonymous)'} ${valueKey(x)}` : valueKey(x)

const explainers = new WeakMap<object, (args: readonly unknown[]) => string>()

/**
 * Explains why a compiled function would be traced for these arguments, or was traced just now: which argument differs from
 * those traced before, and how.
 *
 * @throws ArgumentError if `f` was not returned by `jit`.
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

/** A call, and its program if there already is one. */
interface Request {
  readonly self: unknown
  readonly args: readonly unknown[]
  readonly statics: readonly number[]
  readonly given: ArrayTree
  readonly key: string
  readonly entry: Traced | undefined
}

/** The previous call: for arguments of the same types, everything is already known. */
interface Recent {
  readonly treedef: TreeDef
  readonly avals: readonly Aval[]
  readonly entry: Traced
}

/** The arrays among the arguments, if their types are those of the previous call. */
const leavesLike = ({ treedef, avals }: Recent, args: readonly unknown[]): NDArray[] | null => {
  const leaves = leavesOf(treedef, args, isArrayLeaf)
  if (leaves === null) return null
  for (let i = 0; i < leaves.length; i++) {
    const x = asArray(leaves[i] as ArrayLike)
    if (!x.aval.equals(avals[i]!)) return null
    leaves[i] = x
  }
  return leaves as NDArray[]
}

const jitOptions: must.OptionTable<JitOptions> = { staticArgnums: argnums, donateArgnums: argnums }
const jitDoor = must.door('jit', { f: must.func, options: must.optionsOf(jitOptions) })

/**
 * Compiles a function: it is traced once for each combination of structure, shapes and dtypes of its arguments, and the
 * resulting program runs from then on. `f` must be pure: side effects happen only while tracing.
 *
 * @param options - `staticArgnums`, `donateArgnums`.
 * @returns a function of the same arguments; `.trace(...args)` returns the program, `.clearCache()` drops all programs.
 * @throws TracerError if `f` uses a traced value as a JS boolean, number or index.
 * @example
 * ```ts
 * import { jit, np } from 'pullback'
 * const norm = jit((x: NDArray) => np.sqrt(np.sum(np.square(x))))
 * norm(np.array([3, 4])) // => 5.
 * ```
 */
export function jit<A extends readonly unknown[] = ArrayArguments, R extends TreeOfArrays<R> = NDArray>(
  f: Fn<A, R>,
  options?: JitOptions,
): Jitted<A, R>
export function jit<A extends readonly unknown[] = ArrayArguments, R extends AnyTree = AnyTree>(
  f: Fn<A, R>,
  options?: JitOptions,
): Jitted<A, Arrays<R>>
export function jit<A extends readonly unknown[], R>(f: Fn<A, R>, options: JitOptions = {}): Jitted<A, Arrays<R>> {
  if (typeof f !== 'function') throw new ArgumentError('jit: expected a function. Write jit(f)(x), not jit(f(x)).')
  jitDoor(f, options)
  const name = f.name === '' ? 'f' : f.name
  const cache = new LruMap<string, Traced>(capacity)
  let recent: Recent | null = null
  const made: Signature[] = []
  let advised = false

  const split = (args: readonly unknown[]) => {
    const statics =
      options.staticArgnums === undefined ? [] : positionsOf('jit', 'staticArgnums', options.staticArgnums, args.length)
    const dynamic = args.filter((_, i) => !statics.includes(i))
    return { statics, dynamic }
  }

  const trace = ({ self, args, statics, given: { leaves, treedef } }: Request): Traced => {
    let outTree: TreeDef | undefined
    // Equations keep the stack, and with it this scope, alive as long as the program: so drop the call's arrays from it.
    let request: { readonly self: unknown; readonly args: readonly unknown[] } | null = { self, args }
    const { program, captured } = stage(
      'jit',
      (xs) => {
        const dynamic = unflatten(treedef, xs) as unknown[]
        let next = 0
        const full = request!.args.map((x, i) => (statics.includes(i) ? x : dynamic[next++]))
        const result = flattenResult('jit', Reflect.apply(f, request!.self, full))
        outTree = result.treedef
        return result.leaves
      },
      leaves.map((x) => x.aval),
    )
    request = null
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
      self: self === undefined ? '' : valueKey(self),
      captured: captured.map((x) => x.aval),
    }
  }

  const keyOf = (self: unknown, args: readonly unknown[], statics: readonly number[], given: ArrayTree): string => {
    let key = given.treedef.key
    for (const x of given.leaves) key += `,${x.aval.key}`
    if (statics.length > 0) key += statics.map((i) => `;${valueKey(args[i])}`).join('')
    if (self !== undefined) key += `@${valueKey(self)}`
    return key
  }

  const isPlain = (self: unknown): boolean => self === undefined && options.staticArgnums === undefined

  const find = (self: unknown, args: readonly unknown[]): Request => {
    const leaves = recent !== null && isPlain(self) ? leavesLike(recent, args) : null
    if (leaves !== null) {
      const { treedef, entry } = recent!
      return { self, args, statics: [], given: { leaves, treedef }, key: '', entry }
    }
    const { statics, dynamic } = split(args)
    const given = flattenArrays('jit', dynamic)
    const key = keyOf(self, args, statics, given)
    return { self, args, statics, given, key, entry: cache.get(key) }
  }

  const remember = ({ self, args, key }: Request, entry: Traced): Traced => {
    // A closure over values of an enclosing transformation is only valid for this call; one over an array that is out of reach
    // stays valid.
    if (entry.captured.every(isOutOfReach)) cache.set(key, entry)
    if (made.length < 100) made.push(signature(self, args, entry.captured))
    return entry
  }

  // Few variables: functions that trace each other a thousand levels deep need all of the stack.
  const traced = (request: Request): Traced => request.entry ?? remember(request, trace(request))

  /** The arrays that a call donates: none while it is only recorded, or differentiated. */
  const donations = (args: readonly unknown[], operands: readonly NDArray[]): readonly NDArray[] => {
    if (options.donateArgnums === undefined) return []
    if (!operands.every((x) => x.body instanceof ConcreteBody)) return []
    const positions = positionsOf('jit', 'donateArgnums', options.donateArgnums, args.length)
    return flatten(positions.map((p) => args[p])).leaves.filter((x) => x instanceof NDArray)
  }

  const run = ({ self, args, given: { leaves, treedef } }: Request, entry: Traced): Arrays<R> => {
    const isClosed = entry.captured.length === 0
    if (isClosed && isPlain(self) && recent?.entry !== entry) {
      recent = { treedef, avals: leaves.map((x) => x.aval), entry }
    }
    const operands = isClosed ? leaves : [...entry.captured, ...leaves]
    // Inside a program that is being staged, only the whole is optimised, once, at its end.
    const isWritten = operands.some((x) => x.body instanceof RecordedBody)
    const program = isWritten ? entry.program : optimize(entry.program)
    const given = donations(args, operands)
    const outputs = offering(given, () => call(program, name, operands))
    for (const x of given) x.donate()
    return restore(entry.outTree, outputs)
  }

  const jitted = function (this: unknown, ...args: A): Arrays<R> {
    const request = find(this, args)
    return run(request, traced(request))
  }
  explainers.set(jitted, (args) => explain(name, made, signature(undefined, args, [])))
  return Object.assign(jitted, {
    trace(this: unknown, ...args: A): Program {
      return optimize(traced(find(this === jitted ? undefined : this, args)).program)
    },
    clearCache: () => {
      cache.clear()
      recent = null
      made.length = 0
    },
  })
}

/** Control flow that can be traced: choices and loops on arrays. */
import { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import { isFloat, isInteger, promoteTwo } from '../core/dtype.ts'
import { ArgumentError, DTypeError, LoopBoundError, ShapeError, TreeError } from '../core/errors.ts'
import { settings } from '../core/settings.ts'
import { sameShape } from '../core/shape.ts'
import type { TreeDef } from '../core/treedef.ts'
import type { ScanParams } from '../ir/op.ts'
import { call } from '../ops/calls.ts'
import * as control from '../primitives/control/operations.ts'
import { scalar } from '../ops/creation.ts'
import { add, cast, lt, ne } from '../ops/elementwise.ts'
import { concatenate, reshape, sliceInDim } from '../ops/movement.ts'
import { asArray } from '../runtime/array.ts'
import * as must from '../surface/arguments.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import { requireFunctions } from './arguments.ts'
import { castOutputs, closeList, closeTree, placeOf, shareCaptured } from './closures.ts'
import type { Closure } from './closures.ts'
import type { ArrayTree } from './leaves.ts'
import { checkNoPromise, flattenArrays, flattenResult, restore } from './leaves.ts'
import { aLoopCheckpoint, anUnroll, blockOf, scanSteps, unrollOf } from './scanSteps.ts'
import type { AnyTree, Arrays, TreeOfArrays, Carry, Fn, NextCarry, Operands, TupleHint } from './types.ts'
import { vmap } from './vmap.ts'

/** The type of `x` after promotion with `y`. */
const promoted = (x: Aval, y: Aval): Aval => {
  const { dtype, weak } = promoteTwo(x, y)
  return dtype === x.dtype && weak === x.weak ? x : new Aval(dtype, x.shape, weak)
}

const scalarOf = (name: string, what: string, x: ArrayLike): NDArray => {
  const array = asArray(x)
  if (array.aval.rank === 0) return array
  throw new ShapeError(
    `${name}: the ${what} must be a scalar, got ${array.aval}. ` +
      'Use np.where to choose element by element, or vmap to choose for each element of a batch.',
  )
}

const sameTrees = (name: string, wanted: TreeDef, got: TreeDef, whose: readonly [string, string]): void => {
  if (got.equals(wanted)) return
  throw new TreeError(
    `${name}: ${whose[0]} has the structure ${wanted.toString()}, ${whose[1]} ${got.toString()}; they must be the same.`,
  )
}

/** The type that results of all branches can have: weak ones give way to strong ones. */
const commonAval = (name: string, avals: readonly Aval[], place: string, labels: readonly string[]): Aval => {
  const common = avals.reduce(promoted)
  const bad = avals.findIndex((a) => !sameShape(a.shape, common.shape) || (!a.weak && a.dtype !== common.dtype))
  if (bad < 0) return common
  const other = avals.findIndex((a) => !a.matches(avals[bad]!))
  const [low, high] = bad < other ? [bad, other] : [other, bad]
  throw new TreeError(
    `${name}: the result${place} is ${avals[low]!} from ${labels[low]!} and ${avals[high]!} from ${labels[high]!}; ` +
      'all branches must give one shape and dtype.',
  )
}

const choose = (
  name: string,
  index: NDArray,
  branches: readonly Fn<never[], unknown>[],
  labels: readonly string[],
  operands: unknown[],
) => {
  const given = flattenArrays(name, operands)
  const avals = given.leaves.map((x) => x.aval)
  const closures = branches.map((f) => closeTree(name, f, given.treedef, avals))
  const { out } = closures[0]!
  closures.forEach((c, i) => {
    sameTrees(name, out, c.out, [`the result of ${labels[0]!}`, `that of ${labels[i]!}`])
  })
  const { programs, captured } = shareCaptured(closures)
  const outAvals = programs[0]!.outAvals.map((_, k) =>
    commonAval(
      name,
      programs.map((p) => p.outAvals[k]!),
      placeOf(out, k),
      labels,
    ),
  )
  const typed = programs.map((p) => castOutputs(p, outAvals))
  return restore(out, control.cond(typed, index, [...captured, ...given.leaves]))
}

/**
 * `onTrue(...operands)` if `predicate` holds, `onFalse(...operands)` if not. Both are traced and must give the same
 * structure, shapes and dtypes; only the chosen one runs. Under `vmap` over the predicate both run, each on the elements
 * that take it, and derivatives of one never see the other's NaNs.
 *
 * @param predicate - a scalar; a number counts as true unless 0.
 * @throws ShapeError if the predicate is no scalar; TreeError if the branches differ, naming the leaf and both types.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * const f = (x: NDArray) => lax.cond(x.greater(0), (y) => np.sqrt(y), () => np.array(0), x)
 * f(np.array(4)) // => 2.
 * grad(f)(np.array(-4)) // => 0.
 * ```
 */
export function cond<A extends TreeOfArrays<A> & readonly unknown[], R extends TreeOfArrays<R>>(
  predicate: ArrayLike,
  onTrue: Fn<NoInfer<A>, R>,
  onFalse: Fn<NoInfer<A>, R>,
  ...operands: A
): R
export function cond<A extends readonly unknown[], R extends AnyTree>(
  predicate: ArrayLike,
  onTrue: Fn<Operands<A>, R>,
  onFalse: Fn<Operands<A>, R>,
  ...operands: A
): Arrays<R>
export function cond<A extends readonly unknown[], R>(
  predicate: ArrayLike,
  onTrue: Fn<Operands<A>, R>,
  onFalse: Fn<Operands<A>, R>,
  ...operands: A
): Arrays<R> {
  const p = scalarOf('cond', 'predicate', predicate)
  const holds = p.aval.dtype === 'bool' ? p : ne(p, scalar(0, p.aval.dtype, p.aval.weak))
  const branches = [onFalse, onTrue] as unknown as readonly Fn<never[], unknown>[]
  return choose('cond', cast(holds, 'int32'), branches, ['onFalse', 'onTrue'], [...operands]) as Arrays<R>
}

const switchDoor = must.door('switch', {
  index: must.arrayLike,
  branches: must.listOf(must.func, 'a list of functions'),
})

/**
 * `branches[index](...operands)`, the index clamped into range. As `cond` otherwise; exported as `lax.switch`.
 *
 * @param index - an integer scalar.
 * @throws DTypeError if the index is no integer; otherwise as `cond`.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.switch(2, [(x: NDArray) => x, (x: NDArray) => np.sin(x), (x: NDArray) => np.square(x)], np.array(3)) // => 9.
 * ```
 */
export function switchCase<A extends TreeOfArrays<A> & readonly unknown[], R extends TreeOfArrays<R>>(
  index: ArrayLike,
  branches: readonly Fn<NoInfer<A>, R>[],
  ...operands: A
): R
export function switchCase<A extends readonly unknown[], R extends AnyTree>(
  index: ArrayLike,
  branches: readonly Fn<Operands<A>, R>[],
  ...operands: A
): Arrays<R>
export function switchCase<A extends readonly unknown[], R>(
  index: ArrayLike,
  branches: readonly Fn<Operands<A>, R>[],
  ...operands: A
): Arrays<R> {
  switchDoor(index, branches)
  const i = scalarOf('switch', 'index', index)
  if (i.aval.dtype === 'bool' || isFloat(i.aval.dtype)) {
    throw new DTypeError(`switch: the index must be an integer, got ${i.aval}. For a predicate use lax.cond.`)
  }
  if (branches.length === 0) throw new ArgumentError('switch: there are no branches.')
  const functions = branches as unknown as readonly Fn<never[], unknown>[]
  const labels = branches.map((_, k) => `branch ${k}`)
  return choose('switch', cast(i, 'int32'), functions, labels, [...operands]) as Arrays<R>
}

/** What one step of a loop gives: the next carry, and arrays to be stacked. */
interface Step {
  readonly carry: ArrayTree
  readonly ys: readonly NDArray[]
}

const checkCarry = (name: string, start: TreeDef, carry: readonly Aval[], next: ArrayTree): void => {
  sameTrees(name, start, next.treedef, ['the initial carry', 'the carry that the body returns'])
  next.leaves.forEach((x, i) => {
    const wanted = carry[i]!
    // Weak types give way, on either side.
    if (sameShape(wanted.shape, x.shape) && (wanted.weak || x.aval.weak || wanted.dtype === x.dtype)) return
    throw carryError(name, start, i, wanted, x.aval)
  })
}

const carryError = (name: string, tree: TreeDef, i: number, wanted: Aval, got: Aval): TreeError =>
  new TreeError(
    `${name}: the carry${placeOf(tree, i)} is ${wanted} going in and ${got} coming out of the body; ` +
      'a loop keeps shapes and dtypes.',
  )

/**
 * The body of a loop, traced with a carry whose types it keeps: a weak value that meets a strong one on its way round
 * takes that one's type, and the body is traced again.
 */
const closeLoop = (
  name: string,
  start: ArrayTree,
  elements: readonly Aval[],
  step: (carry: readonly NDArray[], xs: readonly NDArray[]) => Step,
): Closure & { readonly carry: readonly NDArray[] } => {
  const count = start.leaves.length
  let avals = start.leaves.map((x) => x.aval)
  for (let round = 0; ; round++) {
    const given = avals
    const { program, captured } = closeList(
      name,
      (xs) => {
        const { carry, ys } = step(xs.slice(0, count), xs.slice(count))
        checkCarry(name, start.treedef, given, carry)
        return [...carry.leaves, ...ys]
      },
      [...given, ...elements],
    )
    const next = program.outAvals
    avals = given.map((a, i) => (a.weak ? promoted(a, next[i]!) : a))
    if (avals.every((a, i) => a.equals(given[i]!))) {
      const bad = avals.findIndex((a, i) => (next[i]!.weak ? promoted(a, next[i]!) : next[i]!).dtype !== a.dtype)
      if (bad >= 0) throw carryError(name, start.treedef, bad, avals[bad]!, next[bad]!)
      const carry = start.leaves.map((x, i) => cast(x, avals[i]!.dtype, avals[i]!.weak))
      return { program: castOutputs(program, [...avals, ...next.slice(count)]), captured, carry }
    }
  }
}

/** Options of `scan`. */
export interface ScanOptions {
  /** Number of steps; needed where there are no arrays to read. */
  readonly length?: number
  /** From the last element to the first; stacked outputs keep the places of their elements. */
  readonly reverse?: boolean
  /**
   * How many steps are written out one after the other in the body of the loop, what is left over after it (true or 0:
   * all, and there is no loop). 1 by default. Means the same; costs a longer program, and saves the loop's own work
   * where steps are short.
   */
  readonly unroll?: number | boolean
  /**
   * What reverse mode keeps of each step: everything (`'none'`, the default), or only the carry at every n-th step
   * (a number; `'sqrt'` for ⌈√length⌉), computing the steps between again.
   */
  readonly checkpoint?: 'none' | 'sqrt' | number
}

const lengthOf = (name: string, xs: ArrayTree, option: number | undefined): number => {
  let length = option
  xs.leaves.forEach((x, i) => {
    const place = placeOf(xs.treedef, i)
    if (x.aval.rank === 0) {
      throw new ShapeError(
        `${name}: xs${place} is a scalar ${x.aval}; it needs a first axis to go along. A JS array is a tree of ` +
          'scalars: np.array(list) makes one array.',
      )
    }
    const [extent] = x.shape
    if (length !== undefined && extent !== length) {
      throw new ShapeError(`${name}: xs${place} (${x.aval}) has ${extent} elements, expected ${length}.`)
    }
    length = extent
  })
  if (length === undefined) throw new ArgumentError(`${name}: without arrays to read it needs { length }.`)
  if (!Number.isInteger(length) || length < 0) throw new ArgumentError(`${name}: length ${length} is no length.`)
  return length
}

/** Steps of a scan, as `f` returns them. */
const pairOf = (result: unknown): readonly [unknown, unknown] => {
  if (Array.isArray(result) && result.length === 2) return result as unknown as readonly [unknown, unknown]
  checkNoPromise('scan', result)
  throw new TreeError('scan: the body must return [carry, y]; y may be null.')
}

const scanOptions: must.OptionTable<ScanOptions> = {
  length: must.natural,
  reverse: must.boolean,
  unroll: anUnroll,
  checkpoint: aLoopCheckpoint,
}
const scanDoor = must.door('scan', {
  f: must.func,
  init: must.anything,
  xs: must.anything,
  options: must.optionsOf(scanOptions),
})

/**
 * A fold that remembers: `f(carry, x)` gives `[carry, y]`, for each element `x` along the first axis of `xs`.
 * Traced once, whatever the number of steps; differentiable in both modes.
 *
 * @param f - from the carry and one element to the next carry and an output; either may be any tree, or null.
 * @param init - the first carry. Its types must be those that `f` returns; weak ones give way.
 * @param xs - arrays with a first axis of one extent; null where there are none and `length` is given.
 * @returns the last carry, and the outputs stacked along a new first axis.
 * @throws TreeError if `f` changes the carry's structure or types, naming the leaf and both types; ShapeError if `xs`
 *   have no common first extent; ArgumentError for options that are none.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const [total, partial] = lax.scan((sum: NDArray, x: NDArray) => [sum.add(x), sum], 0, np.array([1, 2, 3]))
 * total // => 6.
 * partial // => [0. 1. 3.]
 * ```
 */
// Up to TypeScript 5.7 an omitted element, as in `const [, ys] = scan(...)`, is inferred from as any: NoInfer in the result.
export function scan<C extends TreeOfArrays<C>, X extends TreeOfArrays<X>, Y extends TreeOfArrays<Y>>(
  f: (carry: NoInfer<C>, x: NoInfer<X>) => readonly [carry: NoInfer<C | NextCarry<C>>, y: Y],
  init: C,
  xs: X,
  options?: ScanOptions,
): [carry: NoInfer<C>, ys: NoInfer<Y>]
export function scan<C extends AnyTree, X extends AnyTree, Y extends AnyTree>(
  f: (carry: NoInfer<Carry<C>>, x: NoInfer<Carry<X>>) => readonly [carry: NoInfer<NextCarry<C>>, y: Y],
  init: C,
  xs: X,
  options?: ScanOptions,
): [carry: NoInfer<Carry<C>>, ys: NoInfer<Arrays<Y>>]
export function scan<C, X, Y>(
  f: (carry: Carry<C>, x: Carry<X>) => readonly [carry: unknown, y: Y],
  init: C,
  xs: X,
  options: ScanOptions = {},
): [carry: Carry<C>, ys: Arrays<Y>] {
  requireFunctions('scan', { f })
  scanDoor(f, init, xs, options)
  const { length, reverse = false, unroll = 1, checkpoint = 'none' } = options
  const start = flattenArrays('scan', init, 'initial carry')
  const given = flattenArrays('scan', xs, 'second argument')
  const steps = lengthOf('scan', given, length)
  let yTree: TreeDef | undefined
  const { program, captured, carry } = closeLoop(
    'scan',
    start,
    given.leaves.map((x) => x.aval.withShape(x.shape.slice(1))),
    (c, x) => {
      const [next, y] = pairOf(f(restore(start.treedef, c), restore(given.treedef, x)))
      const out = flattenResult('scan', y)
      yTree = out.treedef
      return { carry: flattenResult('scan', next), ys: out.leaves }
    },
  )
  const params: ScanParams = { body: program, length: steps, reverse, consts: captured.length, carry: carry.length }
  const operands = [...captured, ...carry, ...given.leaves]
  const outs = scanSteps(params, operands, unrollOf(unroll, steps), blockOf(checkpoint, steps))
  return [restore(start.treedef, outs.slice(0, carry.length)), restore(yTree!, outs.slice(carry.length))]
}

const requireInit = (call: string, init: unknown): void => {
  if (init === undefined) throw new ArgumentError(`${call} needs an initial carry, the last argument before options.`)
}

/** Options of `whileLoop`. */
export interface WhileOptions {
  /**
   * The loop ends after so many steps in any case, silently, even where its condition still holds: the result is then that
   * of so many steps. `debug.loopBounds(true)` makes it an error. With a bound the loop has a reverse derivative, which keeps the carry at
   * 2 √maxSteps places and computes the rest again.
   */
  readonly maxSteps?: number
}

const whileOptions: must.OptionTable<WhileOptions> = {
  maxSteps: must.kind('a positive integer', (x) => x === Infinity || must.count.accepts(x)),
}
const whileDoor = must.door('whileLoop', {
  cond: must.func,
  body: must.func,
  init: must.anything,
  options: must.optionsOf(whileOptions),
})

/**
 * Repeats `body` on the carry while `cond` holds, but not more than `maxSteps` times. Forward mode always works; reverse
 * mode needs `maxSteps`. A loop that has made so many steps ends without a word: see `debug.loopBounds`.
 *
 * @param cond - from the carry to a bool scalar.
 * @param body - from the carry to the next one, of the same structure and types.
 * @throws TreeError if the body changes the carry's structure or types, naming the leaf and both types; DTypeError or
 *   ShapeError if the condition is no bool scalar; ProgramError from reverse mode without `maxSteps`; LoopBoundError at
 *   the bound, with `debug.loopBounds(true)`.
 * @example
 * ```ts
 * import { lax } from 'pullback'
 * lax.whileLoop((x) => x.less(100), (x) => x.mul(3), 2) // => 162
 * ```
 */
export function whileLoop<C extends TreeOfArrays<C>>(
  cond: (carry: NoInfer<C>) => ArrayLike,
  body: (carry: NoInfer<C>) => NoInfer<C | NextCarry<C>> | TupleHint,
  init: C,
  options?: WhileOptions,
): C
export function whileLoop<C extends AnyTree>(
  cond: (carry: NoInfer<Carry<C>>) => ArrayLike,
  body: (carry: NoInfer<Carry<C>>) => NoInfer<NextCarry<C>> | TupleHint,
  init: C,
  options?: WhileOptions,
): Carry<C>
export function whileLoop<C>(
  cond: (carry: Carry<C>) => ArrayLike,
  body: (carry: Carry<C>) => unknown,
  init: C,
  options: WhileOptions = {},
): Carry<C> {
  requireFunctions('whileLoop', { cond, body })
  requireInit('whileLoop(cond, body, init)', init)
  whileDoor(cond, body, init, options)
  const { maxSteps = Infinity } = options
  const start = flattenArrays('whileLoop', init, 'initial carry')
  const step = closeLoop('whileLoop', start, [], (c) => ({
    carry: flattenResult('whileLoop', body(restore(start.treedef, c))),
    ys: [],
  }))
  const test = closeList(
    'whileLoop',
    (c) => [predicateOf(cond(restore(start.treedef, c)))],
    step.carry.map((x) => x.aval),
  )
  const params = {
    cond: test.program,
    body: step.program,
    condConsts: test.captured.length,
    bodyConsts: step.captured.length,
    maxSteps,
  }
  const end = control.whileLoop(params, [...test.captured, ...step.captured, ...step.carry])
  if (settings.loopBounds && maxSteps !== Infinity) watchBound(test, end, maxSteps)
  return restore(start.treedef, end)
}

/** Raises, whenever the program runs, if the loop's condition still holds at its end. */
const watchBound = (test: Closure, end: readonly NDArray[], maxSteps: number): void => {
  const run = ([holds]: readonly TypedArray[]): readonly TypedArray[] => {
    if (holds![0] === 0) return []
    throw new LoopBoundError(
      `whileLoop: the condition still holds after maxSteps = ${maxSteps} steps. Give a larger bound, or switch the check ` +
        'off with debug.loopBounds(false).',
    )
  }
  const watch = {
    callback: { name: 'debug.loopBounds', run },
    results: [],
    effect: true,
    vmapMethod: 'sequential',
  } as const
  control.callback(watch, call(test.program, 'cond', [...test.captured, ...end]))
}

const predicateOf = (result: ArrayLike): NDArray => {
  const predicate = asArray(result)
  if (predicate.dtype !== 'bool') {
    throw new DTypeError(`whileLoop: the condition must give a bool, got ${predicate.aval}. Compare: x.greater(0).`)
  }
  if (predicate.aval.rank === 0) return predicate
  throw new ShapeError(
    `whileLoop: the condition must give a scalar, got ${predicate.aval}. Reduce it with np.any or np.all, or use vmap.`,
  )
}

/** Options of `foriLoop`. */
export interface ForiOptions {
  /** As in `scan`. Only with JS numbers for bounds. */
  readonly unroll?: number | boolean
  /** As in `scan`. Only with JS numbers for bounds. */
  readonly checkpoint?: 'none' | 'sqrt' | number
}

const nextIndex = (i: NDArray): NDArray => add(i, scalar(1, i.aval.dtype, i.aval.weak))

const foriOptions: must.OptionTable<ForiOptions> = { unroll: anUnroll, checkpoint: aLoopCheckpoint }
const foriDoor = must.door('foriLoop', {
  lower: must.arrayLike,
  upper: must.arrayLike,
  body: must.func,
  init: must.anything,
  options: must.optionsOf(foriOptions),
})

/**
 * `init` after `body(i, carry)` for i from `lower` up to, but not including, `upper`. With JS numbers for bounds it is a
 * `scan`, and has a reverse derivative; with arrays it is a `whileLoop`, and has none.
 *
 * @throws as `scan` and `whileLoop`; DTypeError if a bound is no integer scalar; ArgumentError for `unroll` or
 *   `checkpoint` with arrays for bounds.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.foriLoop(1, 5, (i, product) => product.mul(i), np.array(1)) // => 24.
 * ```
 */
export function foriLoop<C extends TreeOfArrays<C>>(
  lower: ArrayLike,
  upper: ArrayLike,
  body: (i: NDArray, carry: NoInfer<C>) => NoInfer<C | NextCarry<C>> | TupleHint,
  init: C,
  options?: ForiOptions,
): C
export function foriLoop<C extends AnyTree>(
  lower: ArrayLike,
  upper: ArrayLike,
  body: (i: NDArray, carry: NoInfer<Carry<C>>) => NoInfer<NextCarry<C>> | TupleHint,
  init: C,
  options?: ForiOptions,
): Carry<C>
export function foriLoop<C>(
  lower: ArrayLike,
  upper: ArrayLike,
  body: (i: NDArray, carry: Carry<C>) => unknown,
  init: C,
  options: ForiOptions = {},
): Carry<C> {
  requireFunctions('foriLoop', { body })
  requireInit('foriLoop(lower, upper, body, init)', init)
  foriDoor(lower, upper, body, init, options)
  const [low, high] = [boundOf('lower', lower), boundOf('upper', upper)]
  if (typeof lower === 'number' && typeof upper === 'number') {
    const count = Math.max(0, upper - lower)
    const step = ([i, carry]: readonly [NDArray, Carry<C>]) => [[nextIndex(i), body(i, carry)], null] as const
    const [[, result]] = scan(step as never, [low, init] as never, null, { ...options, length: count }) as unknown as [
      carry: readonly [NDArray, Carry<C>],
      ys: null,
    ]
    return result
  }
  const { unroll = 1, checkpoint = 'none' } = options
  if (unrollOf(unroll, Infinity) !== 1 || blockOf(checkpoint, 1) !== null) {
    throw new ArgumentError(
      'foriLoop: unroll and checkpoint need bounds that are JS numbers; with arrays for bounds nobody knows the number of steps.',
    )
  }
  const dtype = promoted(low.aval, high.aval)
  const start = [cast(low, dtype.dtype, dtype.weak), init] as const
  const end = cast(high, dtype.dtype, dtype.weak)
  const [, result] = whileLoop(
    ([i]: readonly [NDArray, unknown]) => lt(i, end),
    (([i, carry]: readonly [NDArray, Carry<C>]) => [nextIndex(i), body(i, carry)]) as never,
    start as never,
  ) as unknown as readonly [unknown, Carry<C>]
  return result
}

const boundOf = (which: string, bound: ArrayLike): NDArray => {
  const array = scalarOf('foriLoop', `${which} bound`, bound)
  if (isInteger(array.dtype)) return array
  throw new DTypeError(`foriLoop: the ${which} bound must be an integer, got ${array.aval}.`)
}

/** Options of `map`. */
export interface MapOptions {
  /** How many elements are done at once, by `vmap`; one by default. */
  readonly batchSize?: number
}

const mapOptions: must.OptionTable<MapOptions> = { batchSize: must.count }
const mapDoor = must.door('map', { f: must.func, xs: must.anything, options: must.optionsOf(mapOptions) })

/**
 * `f` of each element along the first axis of `xs`, one after the other (or `batchSize` at once), the results stacked.
 * Takes less memory than `vmap`, which does all at once.
 *
 * @throws as `scan`.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.map((x: NDArray) => np.square(x), np.array([1, 2, 3]), { batchSize: 2 }) // => [1. 4. 9.]
 * ```
 */
export function map<X extends TreeOfArrays<X>, Y extends TreeOfArrays<Y>>(
  f: (x: NoInfer<X>) => Y,
  xs: X,
  options?: MapOptions,
): Y
export function map<X extends AnyTree, Y extends AnyTree>(
  f: (x: NoInfer<Carry<X>>) => Y,
  xs: X,
  options?: MapOptions,
): Arrays<Y>
export function map<X, Y>(f: (x: Carry<X>) => Y, xs: X, options: MapOptions = {}): Arrays<Y> {
  requireFunctions('map', { f })
  mapDoor(f, xs, options)
  const { batchSize } = options
  if (batchSize === undefined) {
    const each = (_: null, x: Carry<X>): readonly [null, Y] => [null, f(x)]
    return scan(each as never, null, xs as never)[1] as Arrays<Y>
  }
  const { leaves, treedef } = flattenArrays('map', xs)
  const count = lengthOf('map', { leaves, treedef }, undefined)
  const blocks = Math.floor(count / batchSize)
  const whole = blocks * batchSize
  const part = (from: number, to: number): NDArray[] => leaves.map((x) => sliceInDim(x, from, to, 0))
  const together = vmap(f as (x: unknown) => Y)
  const inBlocks = part(0, whole).map((x) => reshape(x, [blocks, batchSize, ...x.shape.slice(1)]))
  const stacked = map((x) => together(x), restore<X>(treedef, inBlocks))
  const flat = flattenArrays('map', stacked)
  const done = flat.leaves.map((y) => reshape(y, [whole, ...y.shape.slice(2)]))
  if (whole === count) return restore(flat.treedef, done)
  const rest = flattenArrays('map', together(restore(treedef, part(whole, count)))).leaves
  return restore(
    flat.treedef,
    done.map((y, i) => concatenate([y, rest[i]!], 0)),
  )
}

/** Loops that end on a condition or at a bound: `whileLoop` and `foriLoop`. */
import * as control from '../primitives/control/operations.ts'
import * as must from '../conversions/arguments.ts'
import type { TypedArray } from '../core/dtype.ts'
import { isInteger } from '../core/dtype.ts'
import { ArgumentError, DTypeError, LoopBoundError, ShapeError } from '../core/errors.ts'
import { settings } from '../core/settings.ts'
import { call } from '../ops/calls.ts'
import { scalar } from '../ops/creation.ts'
import { add, cast, lt } from '../ops/elementwise.ts'
import { asArray } from '../runtime/installArrays.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { requireFunctions } from './arguments.ts'
import type { Closure } from './closures.ts'
import { closeList } from './closures.ts'
import { flattenArrays, flattenResult, restore } from './leaves.ts'
import { aLoopCheckpoint, anUnroll, blockOf, unrollOf } from './scanSteps.ts'
import type { AnyTree, TreeOfArrays, Carry, NextCarry, TupleHint } from './types.ts'
import { promoted, closeLoop } from './carry.ts'
import { scalarOf } from './branches.ts'
import { scan } from './scan.ts'

const requireInit = (call: string, init: unknown): void => {
  if (init === undefined) throw new ArgumentError(`${call} needs an initial carry, the last argument before options.`)
}

/** Options of `whileLoop`. */
export interface WhileOptions {
  /**
   * The loop ends after this many steps in any case, silently, even if its condition still holds: the result is then that of
   * `maxSteps` steps. `debug.loopBounds(true)` makes this an error. With a bound the loop has a reverse derivative, which keeps
   * 2 √maxSteps copies of the carry and computes the rest again.
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
 * Repeats `body` on the carry while `cond` holds, but at most `maxSteps` times. Forward mode always works; reverse mode needs
 * `maxSteps`. A loop that has made `maxSteps` steps ends silently: see `debug.loopBounds`.
 *
 * @param cond - from the carry to a bool scalar.
 * @param body - from the carry to the next one, of the same structure and types.
 * @throws TreeError if the body changes the carry's structure or types, naming the leaf and both types; DTypeError or
 *   ShapeError if the condition is not a bool scalar; ProgramError from reverse mode without `maxSteps`; LoopBoundError at
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

/** Throws, whenever the program runs, if the loop's condition still holds at its end. */
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
 * @throws as `scan` and `whileLoop`; DTypeError if a bound is not an integer scalar; ArgumentError for `unroll` or
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

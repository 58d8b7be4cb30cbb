/** Loops over the leading axis of arrays: `scan` and `map`. */
import * as must from '../conversions/arguments.ts'
import { ArgumentError, ShapeError, TreeError } from '../core/errors.ts'
import type { TreeDef } from '../core/treedef.ts'
import type { ScanParams } from '../ir/op.ts'
import { concatenate, reshape, sliceInDim } from '../ops/movement.ts'
import type { NDArray } from '../trace/value.ts'
import { requireFunctions } from './arguments.ts'
import { placeOf } from './closures.ts'
import type { ArrayTree } from './leaves.ts'
import { checkNoPromise, flattenArrays, flattenResult, restore } from './leaves.ts'
import { aLoopCheckpoint, anUnroll, blockOf, scanSteps, unrollOf } from './scanSteps.ts'
import type { AnyTree, Arrays, TreeOfArrays, Carry, NextCarry } from './types.ts'
import { vmap } from './vmap.ts'
import { closeLoop } from './carry.ts'

/** Options of `scan`. */
export interface ScanOptions {
  /** Number of steps; needed where there are no arrays to scan over. */
  readonly length?: number
  /** From the last element to the first; outputs are stacked at the indices of their elements. */
  readonly reverse?: boolean
  /**
   * How many steps each iteration of the loop makes; the remaining steps come after it (true or 0: all steps, without a loop).
   * 1 by default. The result is the same; the program is longer, and saves the loop's own cost where steps are short.
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
  if (!Number.isInteger(length) || length < 0) throw new ArgumentError(`${name}: length ${length} is not a length.`)
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
 * A fold that keeps an output of each step: `f(carry, x)` returns `[carry, y]`, for each element `x` along the first axis of
 * `xs`. Traced once, whatever the number of steps; differentiable in both modes.
 *
 * @param f - takes the carry and one element, returns the next carry and an output; either may be any tree, or null.
 * @param init - the first carry. Its types must be those that `f` returns; weak types are promoted.
 * @param xs - arrays with the same first extent; null if there are none and `length` is given.
 * @returns the last carry, and the outputs stacked along a new first axis.
 * @throws TreeError if `f` changes the carry's structure or types, naming the leaf and both types; ShapeError if `xs`
 *   have no common first extent; ArgumentError for invalid options.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const [total, partial] = lax.scan((sum: NDArray, x: NDArray) => [sum.add(x), sum], 0, np.array([1, 2, 3]))
 * total // => 6.
 * partial // => [0. 1. 3.]
 * ```
 */
// Up to TypeScript 5.7 an omitted element, as in `const [, ys] = scan(...)`, is inferred as any: NoInfer in the result.
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

/** Options of `map`. */
export interface MapOptions {
  /** How many elements are computed at once, by `vmap`; one by default. */
  readonly batchSize?: number
}

const mapOptions: must.OptionTable<MapOptions> = { batchSize: must.count }

const mapDoor = must.door('map', { f: must.func, xs: must.anything, options: must.optionsOf(mapOptions) })

/**
 * `f` of each element along the first axis of `xs`, one after the other (or `batchSize` at once), the results stacked.
 * Takes less memory than `vmap`, which computes all at once.
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

/** User functions that run on the host while a program runs. */
import { print as show } from '../core/console.ts'
import { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import { ArgumentError, TreeError } from '../core/errors.ts'
import type { TreeDef } from '../core/treedef.ts'
import { flatten } from '../core/tree.ts'
import type { HostCallback, VmapMethod } from '../ir/op.ts'
import * as control from '../primitives/control/operations.ts'
import { cast } from '../ops/elementwise.ts'
import { asArray, isArrayLeaf } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { fromHost } from '../trace/value.ts'
import { placeOf } from './closures.ts'
import { flattenArrays, flattenResult, restore } from './leaves.ts'
import { ShapeDtypeStruct } from './program.ts'
import type { Arrays, Operands } from './types.ts'

type HostFunction = (...args: never[]) => unknown

const nameOf = (f: { readonly name: string }): string => (f.name === '' ? 'callback' : f.name)

/** A function of trees of concrete arrays as a callback. `accept` checks and flattens its result. */
const hostCallback = (
  f: HostFunction,
  args: TreeDef,
  accept: (result: unknown, results: readonly Aval[]) => readonly TypedArray[],
): HostCallback => ({
  name: nameOf(f),
  run: (data, operands, results) => {
    const arrays = operands.map((aval, i) => fromHost(aval, data[i]!))
    return accept(f(...restore<never[]>(args, arrays)), results)
  },
})

const methods: readonly VmapMethod[] = ['sequential', 'expandDims', 'broadcastAll']

/** A function for `pureCallback`, and how it behaves under `vmap`. */
export interface HostCall<A extends readonly unknown[]> {
  readonly callback: (...args: Operands<A>) => unknown
  /**
   * `'sequential'` (the default): one call for each element of the batch. Otherwise one call for the whole batch: arguments
   * have a leading batch axis, and so must results. Arguments that are the same for all elements have a batch axis of extent 1
   * (`'expandDims'`) or are repeated (`'broadcastAll'`).
   */
  readonly vmapMethod?: VmapMethod
}

const aHostCall = must.optionsOf<HostCall<readonly unknown[]>>({
  callback: must.required(must.func),
  vmapMethod: must.oneOf(methods),
})
const pureCallbackDoor = must.door('pureCallback', {
  f: {
    ...aHostCall,
    accepts: (x) => typeof x === 'function' || aHostCall.accepts(x),
    refuse: (operation, name, value, before) =>
      (typeof value === 'object' ? aHostCall : must.func).refuse(operation, name, value, before),
  },
})

/**
 * The result of a JS function on concrete arrays, inside transformed functions: under `jit` it runs whenever the program
 * does, under `vmap` once for each element, or once for all with another `vmapMethod`. It must be pure: the call may be dropped
 * where its result is not used. It has no derivative of its own; give it one with `customJvp` or `customVjp`.
 *
 * @param f - the function, or `{ callback, vmapMethod }`.
 * @param result - a tree of `ShapeDtypeStruct`s: what `f` returns.
 * @throws TreeError when `f` returns something else, naming the leaf and both types; ProgramError when differentiated;
 *   ArgumentError for an unknown `vmapMethod`.
 * @example
 * ```ts
 * import { jit, np, pureCallback, ShapeDtypeStruct, vmap } from 'pullback'
 * const onHost = (x: NDArray) => np.array(x.dataSync().sort())
 * const sorted = (x: NDArray) => pureCallback(onHost, new ShapeDtypeStruct(x.shape, x.dtype), x)
 * jit(sorted)(np.array([3, 1, 2])) // => [1. 2. 3.]
 * let calls = 0
 * const callback = (x: NDArray, y: NDArray) => {
 *   calls++
 *   return np.add(x, y)
 * }
 * const add = (x: NDArray, y: NDArray) =>
 *   pureCallback({ callback, vmapMethod: 'expandDims' }, new ShapeDtypeStruct([], x.dtype), x, y)
 * vmap(add, { inAxes: [0, null] })(np.array([1, 2, 3]), np.array(10)) // => [11. 12. 13.]
 * calls // => 1
 * ```
 */
export const pureCallback = <A extends readonly unknown[], R>(
  f: ((...args: Operands<A>) => unknown) | HostCall<A>,
  result: R,
  ...args: A
): Arrays<R> => {
  const name = 'pureCallback'
  pureCallbackDoor(f)
  const { callback: run, vmapMethod = 'sequential' } = typeof f === 'function' ? { callback: f } : f
  const given = flattenArrays(name, args)
  const wanted = flatten(result)
  const avals = wanted.leaves.map((x, i) => {
    if (x instanceof ShapeDtypeStruct) return new Aval(x.dtype, x.shape)
    if (isArrayLeaf(x)) return asArray(x).aval
    throw new TreeError(`${name}: the result${placeOf(wanted.treedef, i)} must be described by a ShapeDtypeStruct.`)
  })
  const accept = (returned: unknown, results: readonly Aval[]): readonly TypedArray[] => {
    const { leaves, treedef } = flattenResult(name, returned)
    if (!treedef.equals(wanted.treedef)) {
      throw new TreeError(
        `${name}: ${nameOf(run)} returned the structure ${treedef.toString()}, announced was ${wanted.treedef.toString()}.`,
      )
    }
    return leaves.map((y, i) => {
      const due = results[i]!
      const value = y.aval.weak ? cast(y, due.dtype) : y
      if (value.aval.matches(due)) return value.body.host(name)
      const batched =
        due.rank === avals[i]!.rank ? '' : `, with the batch axes in front that ${vmapMethod} asks for: ${due}`
      throw new TreeError(
        `${name}: ${nameOf(run)} returned ${y.aval}${placeOf(treedef, i)}, announced was ${avals[i]!}${batched}.`,
      )
    })
  }
  const host = hostCallback(run, given.treedef, accept)
  const params = { callback: host, results: avals, effect: false, vmapMethod }
  return restore(wanted.treedef, control.callback(params, given.leaves))
}

const callbackDoor = must.door('debug.callback', { f: must.func })

/**
 * Runs a JS function for its side effects, with concrete arrays: whenever the program runs, in order, once for each element
 * under `vmap`. It does not affect derivatives.
 *
 * @example
 * ```ts
 * import { debug, grad, np } from 'pullback'
 * const seen: number[] = []
 * const f = (x: NDArray) => {
 *   debug.callback((y: NDArray) => seen.push(y.item()), x)
 *   return np.sin(x)
 * }
 * grad(f)(np.array(0)) // => 1.
 * seen.length // => 1
 * ```
 */
export const callback = <A extends readonly unknown[]>(f: (...args: Operands<A>) => unknown, ...args: A): void => {
  callbackDoor(f)
  const given = flattenArrays('debug.callback', args)
  const host = hostCallback(f, given.treedef, () => [])
  control.callback({ callback: host, results: [], effect: true, vmapMethod: 'sequential' }, given.leaves)
}

const holes = /\{(\w*)\}/g

/** The text with its placeholders filled: `{}` by the values in order, `{name}` by the fields of a plain object given last. */
const fill = (format: string, values: readonly unknown[]): string => {
  const last = values.at(-1)
  const fields = (typeof last === 'object' && last !== null ? last : {}) as Readonly<Record<string, unknown>>
  let next = 0
  return format.replace(holes, (hole, name: string) => {
    if (name === '') return next < values.length ? String(values[next++]) : hole
    return name in fields ? String(fields[name]) : hole
  })
}

const countHoles = (format: string): number => [...format.matchAll(holes)].filter(([, name]) => name === '').length

const printDoor = must.door('debug.print', { format: must.string })

/**
 * Prints values while a program runs, under `jit`, `grad` and `vmap` too (there once for each element).
 *
 * @param format - text with `{}` for each value in order, and `{name}` for the fields of a plain object given last.
 * @throws ArgumentError if there are more placeholders than values.
 * @example
 * ```ts
 * import { debug, jit, np } from 'pullback'
 * const f = (x: NDArray) => {
 *   debug.print('x = {}, its sine {sine}', x, { sine: np.sin(x) })
 *   return x
 * }
 * jit(f)(np.array(0)) // => 0.
 * ```
 */
export const print = (format: string, ...values: readonly unknown[]): void => {
  printDoor(format)
  if (countHoles(format) > values.length) {
    throw new ArgumentError(
      `debug.print: ${countHoles(format)} holes in ${JSON.stringify(format)} for ${values.length} values.`,
    )
  }
  callback(
    (...xs: readonly unknown[]) => {
      show(fill(format, xs))
    },
    ...values,
  )
}

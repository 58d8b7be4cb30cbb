/**
 * Runs long functions of the library as one compiled program, as under `jit`, when they are called outside all transformations
 * on large arrays; otherwise every intermediate result would go through memory. Small arrays and traced code are not affected.
 * The compiler comes with `jit`; without it in the bundle, these functions run operation by operation.
 */
import { settings } from '../core/settings.ts'
import { isPlainObject, valueKey } from '../core/valueKey.ts'
import { currentInterpreter, rootInterpreter } from '../trace/interpreter.ts'
import type { ConcreteBody } from '../trace/body.ts'
import { NDArray } from '../trace/value.ts'
import { backendFor } from './backend.ts'

/** From this many elements on, a program saves more time than looking it up costs, about 50 µs. */
const MANY = 2 ** 16

/** Returns the results of `f` on these arrays; equal keys promise equal functions on arrays of equal types. */
export type RunWhole = (
  name: string,
  key: string,
  f: (arrays: readonly NDArray[]) => NDArray,
  arrays: readonly NDArray[],
) => NDArray

let runWhole: RunWhole | null = null

/** Called once, by `jit`. */
export const installWhole = (run: RunWhole): void => {
  runWhole = run
}

/** Replaces an array among arguments. */
const PLACE = Symbol('array')

const isOptions = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === 'object' && x !== null && isPlainObject(x)

/** Separates arrays, among arguments and their options, from the rest. */
const separate = (
  args: readonly unknown[],
): { readonly rest: readonly unknown[]; readonly arrays: readonly NDArray[] } => {
  const arrays: NDArray[] = []
  const without = (x: unknown): unknown => {
    if (!(x instanceof NDArray)) return x
    arrays.push(x)
    return PLACE
  }
  const rest = args.map((x) =>
    isOptions(x) ? Object.fromEntries(Object.entries(x).map(([name, y]) => [name, without(y)])) : without(x),
  )
  return { rest, arrays }
}

const joined = (rest: readonly unknown[], arrays: readonly NDArray[]): readonly unknown[] => {
  let next = 0
  const back = (x: unknown): unknown => (x === PLACE ? arrays[next++] : x)
  return rest.map((x) =>
    isOptions(x) ? Object.fromEntries(Object.entries(x).map(([name, y]) => [name, back(y)])) : back(x),
  )
}

const isEager = (arrays: readonly NDArray[]): boolean => {
  if (currentInterpreter() !== rootInterpreter() || settings.nans || settings.infs) return false
  if (arrays.some((x) => x.body.trace !== null)) return false
  return backendFor(arrays.map((x) => x.body as ConcreteBody)).operation !== undefined
}

/** The largest number of elements among arguments. */
const largest = (args: readonly unknown[]): number =>
  args.reduce<number>((n, x) => (x instanceof NDArray ? Math.max(n, x.size) : n), 0)

/**
 * A function of arrays and plain values that runs as one program where that pays: `size` is about the number of elements that
 * it computes with. It must only compute: checks of values and side effects come before it.
 */
export const asOneProgram =
  <A extends readonly unknown[]>(
    name: string,
    f: (...args: A) => NDArray,
    size: (...args: A) => number = (...args) => largest(args),
  ): ((...args: A) => NDArray) =>
  (...args) => {
    if (runWhole === null || size(...args) < MANY) return f(...args)
    const { rest, arrays } = separate(args)
    if (!isEager(arrays)) return f(...args)
    const g = (xs: readonly NDArray[]): NDArray => f(...(joined(rest, xs) as unknown as A))
    return runWhole(name, `${name} ${valueKey(rest)}`, g, arrays)
  }

/** Users' functions, compiled without copies of the arrays that they close over. */
import { closeTree } from '../api/closures.ts'
import { jit } from '../api/jit.ts'
import { flattenArrays } from '../api/leaves.ts'
import { unflatten } from '../core/tree.ts'
import { call } from '../ops/calls.ts'
import type { NDArray } from '../trace/value.ts'

type Leaves = readonly NDArray[]

/**
 * `f`, compiled for each combination of argument types. Captured arrays become arguments: functions to be explained close over
 * a model's weights or the data, which `jit` would copy into the program, with a warning.
 */
export const compiled = <A extends readonly unknown[], R>(
  operation: string,
  f: (...args: A) => R,
): ((...args: A) => R) => {
  const programs = new Map<string, (leaves: Leaves) => R>()
  const compile = (args: A): ((leaves: Leaves) => R) => {
    const { leaves, treedef } = flattenArrays(operation, args)
    const { program, captured, out } = closeTree(operation, f, treedef, leaves.map((x) => x.aval)) // prettier-ignore
    const run = jit((closed: Leaves, given: Leaves): Leaves => call(program, operation, [...closed, ...given]))
    return (given) => unflatten(out, run(captured, given)) as R
  }
  return (...args) => {
    const { leaves, treedef } = flattenArrays(operation, args)
    const key = [treedef.key, ...leaves.map((x) => x.aval.key)].join()
    if (!programs.has(key)) programs.set(key, compile(args))
    return programs.get(key)!(leaves)
  }
}

/** The carry of a loop, whose structure and types each step preserves. */
import { Aval } from '../core/aval.ts'
import { promoteTwo } from '../core/dtype.ts'
import { TreeError } from '../core/errors.ts'
import { sameShape } from '../core/shape.ts'
import type { TreeDef } from '../core/treedef.ts'
import { cast } from '../ops/elementwise.ts'
import type { NDArray } from '../trace/value.ts'
import type { Closure } from './closures.ts'
import { castOutputs, closeList, placeOf } from './closures.ts'
import type { ArrayTree } from './leaves.ts'

/** The type of `x` after promotion with `y`. */
export const promoted = (x: Aval, y: Aval): Aval => {
  const { dtype, weak } = promoteTwo(x, y)
  return dtype === x.dtype && weak === x.weak ? x : new Aval(dtype, x.shape, weak)
}

export const sameTrees = (name: string, wanted: TreeDef, got: TreeDef, whose: readonly [string, string]): void => {
  if (got.equals(wanted)) return
  throw new TreeError(
    `${name}: ${whose[0]} has the structure ${wanted.toString()}, ${whose[1]} ${got.toString()}; they must be the same.`,
  )
}

/** The result of one step of a loop: the next carry, and arrays to be stacked. */
interface Step {
  readonly carry: ArrayTree
  readonly ys: readonly NDArray[]
}

const checkCarry = (name: string, start: TreeDef, carry: readonly Aval[], next: ArrayTree): void => {
  sameTrees(name, start, next.treedef, ['the initial carry', 'the carry that the body returns'])
  next.leaves.forEach((x, i) => {
    const wanted = carry[i]!
    // A weak type, on either side, is promoted.
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
 * The body of a loop, traced with a carry whose types it preserves: if the carry is weakly typed and the body returns a strong
 * type for it, it takes that type, and the body is traced again.
 */
export const closeLoop = (
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

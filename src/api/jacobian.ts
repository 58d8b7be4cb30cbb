/** Jacobians and Hessians. */
import type { TreeDef } from '../core/treedef.ts'
import { unflatten } from '../core/tree.ts'
import { movePermutation } from '../core/shape.ts'
import { iota, zerosOf } from '../ops/creation.ts'
import { cast, eq } from '../ops/elementwise.ts'
import { reshape, transpose } from '../ops/movement.ts'
import { Aval } from '../core/aval.ts'
import type { Tangent } from '../primitives/primitive.ts'
import * as must from '../conversions/arguments.ts'
import * as transforms from '../transforms/programs.ts'
import type { NDArray } from '../trace/value.ts'
import type { Argnums } from './arguments.ts'
import { positionsOf, replaceAt } from './arguments.ts'
import { jvp } from './derivatives.ts'
import { grad, gradOptions } from './grad.ts'
import { flattenDifferentiable, flattenResult } from './leaves.ts'
import type { AnyTree, ArrayArguments, Arrays, AtArgnums, Fn, GradOptions, Scalar } from './types.ts'
import type { MapLeaves } from '../core/leafTypes.ts'

type AnyFunction = (...args: never[]) => unknown

/** For every leaf of the result, the tree of derivatives with respect to the argument. */
export type Jacobian<A extends readonly unknown[], N extends number | readonly number[], R> = MapLeaves<
  R,
  AtArgnums<A, N>
>

/** The unit vectors of a type, along a new first axis. */
const basis = (aval: Aval): NDArray => {
  const n = aval.size
  const rows = iota('int32', [n, n], 0)
  const columns = iota('int32', [n, n], 1)
  return reshape(cast(eq(rows, columns), aval.dtype, aval.weak), [n, ...aval.shape])
}

/** One column or row of blocks: `push` applied to every unit vector of one leaf. */
const pushBasis = (
  name: string,
  avals: readonly Aval[],
  place: number,
  push: (vectors: readonly Tangent[]) => readonly Tangent[],
): { readonly values: readonly Tangent[]; readonly axes: readonly (number | null)[] } => {
  const aval = avals[place]!
  let present: readonly boolean[] = []
  const result = transforms.batch(
    name,
    ([unit]) => {
      const out = push(avals.map((_, i) => (i === place ? unit! : null)))
      present = out.map((t) => t !== null)
      return out.filter((t) => t !== null)
    },
    [basis(aval)],
    [0],
    aval.size,
  )
  let next = 0
  const values: Tangent[] = []
  const axes: (number | null)[] = []
  for (const there of present) {
    values.push(there ? result.outputs[next]! : null)
    axes.push(there ? result.axes[next++]! : null)
  }
  return { values, axes }
}

interface Prepared {
  readonly inputs: readonly NDArray[]
  readonly inTree: TreeDef
  readonly outputs: readonly NDArray[]
  readonly outTree: TreeDef
  readonly linear: ReturnType<typeof transforms.linearize>['linear']
}

const prepare = (name: string, f: AnyFunction, args: readonly unknown[], options: GradOptions): Prepared => {
  const positions = positionsOf(name, 'argnums', options.argnums ?? 0, args.length)
  const { leaves, treedef } = flattenDifferentiable(
    name,
    positions.map((p) => args[p]),
    options.allowInt,
  )
  let outTree: TreeDef | undefined
  const { outputs, linear } = transforms.linearize(
    name,
    (xs) => {
      const given = unflatten(treedef, xs) as unknown[]
      const result = flattenResult(name, f(...(replaceAt(args, positions, given) as never[])))
      outTree = result.treedef
      return result.leaves
    },
    leaves,
  )
  return { inputs: leaves, inTree: treedef, outputs, outTree: outTree!, linear }
}

/** The blocks in the tree of the result, with the tree of the argument at each leaf. */
const assemble = (p: Prepared, argnums: Argnums | undefined, block: (o: number, i: number) => NDArray): unknown => {
  const rows = p.outputs.map((_, o) => {
    const tree = unflatten(
      p.inTree,
      p.inputs.map((__, i) => block(o, i)),
    ) as unknown[]
    return argnums === undefined || typeof argnums === 'number' ? tree[0] : tree
  })
  return unflatten(p.outTree, rows)
}

const blockAval = (p: Prepared, o: number, i: number): Aval =>
  new Aval(p.outputs[o]!.aval.dtype, [...p.outputs[o]!.aval.shape, ...p.inputs[i]!.aval.shape])

const jacfwdDoor = must.door('jacfwd', { f: must.func, options: must.optionsOf(gradOptions) })

/**
 * The Jacobian, one column at a time, all at once: forward mode under `vmap`. Best where there are fewer inputs than
 * outputs.
 *
 * @returns a function of the same arguments that returns, for each leaf of the result, a tree like the argument with
 *   arrays of shape `[...result shape, ...argument shape]`.
 * @throws DTypeError if a differentiated leaf is not a float.
 * @example
 * ```ts
 * import { jacfwd, np } from 'pullback'
 * jacfwd((x: NDArray) => np.multiply(x, x))(np.array([1, 2])).toArray() // => 2,0,0,4
 * ```
 */
export const jacfwd = <
  A extends readonly unknown[] = ArrayArguments,
  R extends AnyTree = AnyTree,
  const N extends number | readonly number[] = 0,
>(
  f: Fn<A, R>,
  options: GradOptions<N> = {},
): ((...args: A) => Jacobian<A, N, R>) => {
  jacfwdDoor(f, options)
  return ((...args: A) => {
    const p = prepare('jacfwd', f, args, options)
    const inAvals = p.inputs.map((x) => x.aval)
    const columns = inAvals.map((_, i) =>
      pushBasis('jacfwd', inAvals, i, (ts) =>
        transforms.pushForward(
          p.linear,
          ts.map((t, j) => t ?? zerosOf(inAvals[j]!)),
        ),
      ),
    )
    return assemble(p, options.argnums, (o, i) => {
      const aval = blockAval(p, o, i)
      const { values, axes } = columns[i]!
      const y = values[o]!
      if (y === null) return zerosOf(aval)
      const size = inAvals[i]!.size
      const placed = transforms.placeBatchAxis(y, axes[o]!, 0, size)
      return reshape(transpose(placed, movePermutation(placed.aval.rank, 0, placed.aval.rank - 1)), aval.shape)
    })
  }) as unknown as Fn<A, Jacobian<A, N, R>>
}

const jacrevDoor = must.door('jacrev', { f: must.func, options: must.optionsOf(gradOptions) })

/**
 * The Jacobian, one row at a time, all at once: reverse mode under `vmap`. Best where there are fewer outputs than
 * inputs.
 *
 * @returns as `jacfwd`.
 * @throws DTypeError if a differentiated leaf is not a float.
 * @example
 * ```ts
 * import { jacrev, np } from 'pullback'
 * jacrev((x: NDArray) => np.sum(np.multiply(x, x)))(np.array([1, 2])) // => [2. 4.]
 * ```
 */
export const jacrev = <
  A extends readonly unknown[] = ArrayArguments,
  R extends AnyTree = AnyTree,
  const N extends number | readonly number[] = 0,
>(
  f: Fn<A, R>,
  options: GradOptions<N> = {},
): ((...args: A) => Jacobian<A, N, R>) => {
  jacrevDoor(f, options)
  return ((...args: A) => {
    const p = prepare('jacrev', f, args, options)
    const outAvals = p.outputs.map((y) => y.aval)
    const rows = outAvals.map((_, o) => pushBasis('jacrev', outAvals, o, (cts) => transforms.pullback(p.linear, cts)))
    return assemble(p, options.argnums, (o, i) => {
      const aval = blockAval(p, o, i)
      const { values, axes } = rows[o]!
      const x = values[i]!
      if (x === null) return zerosOf(aval)
      return reshape(transforms.placeBatchAxis(x, axes[i]!, 0, outAvals[o]!.size), aval.shape)
    })
  }) as unknown as Fn<A, Jacobian<A, N, R>>
}

/**
 * `jacrev`, under the name for when the mode does not matter.
 *
 * @example
 * ```ts
 * import { jacobian, np } from 'pullback'
 * jacobian((x: NDArray) => np.multiply(x, 2))(np.array([1, 2])) // => [[2. 0.]\n [0. 2.]]
 * ```
 */
export const jacobian = jacrev

const hessianDoor = must.door('hessian', { f: must.func, options: must.optionsOf(gradOptions) })

/**
 * Second derivatives of a function: `jacfwd` of `jacrev`.
 *
 * @returns for a scalar function of an array of shape S, an array of shape `[...S, ...S]`; in general the tree of the
 *   result with, at each leaf, the tree of the argument twice over.
 * @example
 * ```ts
 * import { hessian, np } from 'pullback'
 * hessian((x: NDArray) => np.prod(x))(np.array([2, 3])).toArray() // => 0,1,1,0
 * ```
 */
export const hessian = <
  A extends readonly unknown[] = ArrayArguments,
  R extends AnyTree = AnyTree,
  const N extends number | readonly number[] = 0,
>(
  f: Fn<A, R>,
  options: GradOptions<N> = {},
): ((...args: A) => Jacobian<A, N, Jacobian<A, N, R>>) => {
  hessianDoor(f, options)
  return jacfwd(jacrev(f, options), options)
}

const hvpDoor = must.door('hvp', { f: must.func, x: must.anything, v: must.anything })

/**
 * The Hessian of a scalar function times a vector, without the Hessian: forward mode over reverse mode.
 *
 * @param f - from one tree to a float scalar.
 * @param v - a tree like `x`.
 * @returns a tree like `x`.
 * @example
 * ```ts
 * import { hvp, np } from 'pullback'
 * hvp((x: NDArray) => np.sum(np.power(x, 3)), np.array([1, 2]), np.array([1, 1])) // => [ 6. 12.]
 * ```
 */
export const hvp = <T>(f: (x: T) => Scalar, x: T, v: Arrays<T> | T): Arrays<T> => {
  hvpDoor(f, x, v)
  return jvp(grad(f), [x] as [T], [v] as never)[1] as Arrays<T>
}

/** Derivatives as linear maps: pushing tangents forward, pulling cotangents back. */
import { ArgumentError } from '../core/errors.ts'
import type { TreeDef } from '../core/treedef.ts'
import { flatten, unflatten } from '../core/tree.ts'
import { zerosOf } from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import { asArray, isArrayLeaf } from '../runtime/installArrays.ts'
import * as transforms from '../transforms/programs.ts'
import { stage } from '../transforms/stage.ts'
import { isDifferentiable } from '../trace/value.ts'
import type { NDArray } from '../trace/value.ts'
import { requireFunctions } from './arguments.ts'
import { flattenDifferentiable, flattenResult, flattenTangents, restore } from './leaves.ts'
import { avalsOf } from './program.ts'
import type { Types } from './program.ts'
import type { AnyTree, Arrays, Fn, Operands } from './types.ts'

type Values = readonly NDArray[]
type Tangents<A extends readonly unknown[]> = { readonly [I in keyof A]: Arrays<A[I]> | A[I] }

/** Turns a function of trees into a function of arrays; remembers the structure of the result. */
const liftFunction = (name: string, f: (...args: never[]) => unknown, args: TreeDef) => {
  requireFunctions(name, { f })
  const lifted = {
    out: undefined as TreeDef | undefined,
    call: (xs: Values): Values => {
      const result = flattenResult(name, f(...(unflatten(args, xs) as never[])))
      lifted.out = result.treedef
      return result.leaves
    },
  }
  return lifted
}

/**
 * Pushes a tangent forward: `f(primals)`, and its derivative in the direction `tangents`.
 *
 * @param primals - one tree for each argument of `f`.
 * @param tangents - the same trees, with the shapes and dtypes of the primals.
 * @returns `[out, tangentOut]`, both in the tree of the result.
 * @throws TreeError, ShapeError or DTypeError if tangents do not match primals; ArgumentError unless `f` is a function.
 * @example
 * ```ts
 * import { jvp, np } from 'pullback'
 * const [y, dy] = jvp((x: NDArray) => np.sin(x), [np.array(0)], [np.array(2)])
 * y // => 0.
 * dy // => 2.
 * ```
 */
export function jvp<A extends readonly unknown[] | [], R extends AnyTree>(
  f: Fn<Operands<NoInfer<A>>, R>,
  primals: A,
  tangents: Tangents<NoInfer<A>>,
): [out: Arrays<R>, tangentOut: Arrays<R>]
export function jvp<A extends readonly unknown[], R extends AnyTree>(
  f: Fn<A, R>,
  primals: A,
  tangents: Tangents<A>,
): [out: Arrays<R>, tangentOut: Arrays<R>]
export function jvp<A extends readonly unknown[], R>(
  f: Fn<A, R>,
  primals: A,
  tangents: Tangents<A>,
): [out: Arrays<R>, tangentOut: Arrays<R>] {
  if (!Array.isArray(primals) || !Array.isArray(tangents) || primals.length !== tangents.length) {
    throw new ArgumentError('jvp: primals and tangents are arrays of arguments of one length: jvp(f, [x], [t]).')
  }
  const { leaves, treedef } = flattenDifferentiable('jvp', primals, true)
  const avals = leaves.map((x) => x.aval)
  const moved = flattenTangents('jvp', 'tangent', tangents, treedef, avals)
  const lifted = liftFunction('jvp', f, treedef)
  const result = transforms.jvp(
    'jvp',
    lifted.call,
    leaves,
    moved.map((t, i) => (isDifferentiable(avals[i]!) ? t : null)),
  )
  const tangentsOut = result.tangents.map((t, i) => t ?? zerosOf(result.outputs[i]!.aval))
  return [restore(lifted.out!, result.outputs), restore(lifted.out!, tangentsOut)]
}

/**
 * The value at a point, and the pullback: from cotangents of the result to cotangents of the arguments.
 *
 * @returns `[out, pullback]`; `pullback(ct)` takes a tree like `out` and returns one tree for each argument. It may be called
 *   any number of times.
 * @throws TreeError, ShapeError or DTypeError if cotangents do not match the result; ArgumentError unless `f` is a function.
 * @example
 * ```ts
 * import { np, vjp } from 'pullback'
 * const [y, pullback] = vjp((x: NDArray, w: NDArray) => np.multiply(x, w), np.array([1, 2]), np.array([3, 4]))
 * y // => [3. 8.]
 * pullback(np.array([1, 10]))[0] // => [ 3. 40.]
 * ```
 */
export function vjp<A extends readonly unknown[], R extends AnyTree>(
  f: Fn<Operands<NoInfer<A>>, R>,
  ...primals: A
): [out: Arrays<R>, pullback: (cotangent: Arrays<R>) => Operands<A>]
export function vjp<A extends readonly unknown[], R extends AnyTree>(
  f: Fn<A, R>,
  ...primals: A
): [out: Arrays<R>, pullback: (cotangent: Arrays<R>) => Operands<A>]
export function vjp<A extends readonly unknown[], R>(
  f: Fn<A, R>,
  ...primals: A
): [out: Arrays<R>, pullback: (cotangent: Arrays<R>) => Operands<A>] {
  const { leaves, treedef } = flattenDifferentiable('vjp', primals, true)
  const lifted = liftFunction('vjp', f, treedef)
  const { outputs, linear } = transforms.linearize('vjp', lifted.call, leaves)
  const avals = outputs.map((y) => y.aval)
  const pull = (cotangent: Arrays<R>) => {
    const cotangents = flattenTangents('vjp', 'cotangent', cotangent, lifted.out!, avals)
    const results = transforms.pullback(linear, cotangents)
    return restore<Operands<A>>(
      treedef,
      results.map((ct, i) => ct ?? zerosOf(leaves[i]!.aval)),
    )
  }
  return [restore(lifted.out!, outputs), pull]
}

/**
 * The value at a point, and the derivative there as a linear function. What does not depend on tangents is computed
 * once, here.
 *
 * @returns `[out, linear]`; `linear(...tangents)` returns the tangent of the result.
 * @example
 * ```ts
 * import { linearize, np } from 'pullback'
 * const [, push] = linearize((x: NDArray) => np.square(x), np.array(3))
 * push(np.array(1)) // => 6.
 * push(np.array(10)) // => 60.
 * ```
 */
export function linearize<A extends readonly unknown[], R extends AnyTree>(
  f: Fn<Operands<NoInfer<A>>, R>,
  ...primals: A
): [out: Arrays<R>, linear: (...tangents: Operands<A>) => Arrays<R>]
export function linearize<A extends readonly unknown[], R extends AnyTree>(
  f: Fn<A, R>,
  ...primals: A
): [out: Arrays<R>, linear: (...tangents: Operands<A>) => Arrays<R>]
export function linearize<A extends readonly unknown[], R>(
  f: Fn<A, R>,
  ...primals: A
): [out: Arrays<R>, linear: (...tangents: Operands<A>) => Arrays<R>] {
  const { leaves, treedef } = flattenDifferentiable('linearize', primals, true)
  const avals = leaves.map((x) => x.aval)
  const lifted = liftFunction('linearize', f, treedef)
  const { outputs, linear } = transforms.linearize('linearize', lifted.call, leaves)
  const push = (...tangents: Operands<A>): Arrays<R> => {
    const moved = flattenTangents('linearize', 'tangent', tangents, treedef, avals)
    const results = transforms.pushForward(linear, moved)
    return restore(
      lifted.out!,
      results.map((t, i) => t ?? zerosOf(outputs[i]!.aval)),
    )
  }
  return [restore(lifted.out!, outputs), push]
}

/**
 * The transpose of a linear function. Only shapes and dtypes of the arguments matter, so they may be `ShapeDtypeStruct`s.
 *
 * @param f - linear in all its arguments.
 * @returns a function from cotangents of the result to one tree for each argument.
 * @throws ProgramError if `f` applies an operation that is not linear.
 * @example
 * ```ts
 * import { linearTranspose, np, ShapeDtypeStruct } from 'pullback'
 * const scale = (x: NDArray) => np.multiply(x, np.array([2, 3]))
 * linearTranspose(scale, new ShapeDtypeStruct([2], 'float32'))(np.array([1, 1]))[0] // => [2. 3.]
 * ```
 */
export function linearTranspose<A extends readonly unknown[], R extends AnyTree>(
  f: Fn<Operands<NoInfer<A>>, R>,
  ...primals: A
): (cotangent: Arrays<R>) => Operands<A>
export function linearTranspose<A extends readonly unknown[], R extends AnyTree>(
  f: Fn<A, R>,
  ...primals: Types<A>
): (cotangent: Arrays<R>) => Operands<A>
export function linearTranspose<A extends readonly unknown[], R>(
  f: Fn<A, R>,
  ...primals: readonly unknown[]
): (cotangent: Arrays<R>) => Operands<A> {
  const { avals, treedef } = avalsOf('linearTranspose', primals)
  const lifted = liftFunction('linearTranspose', f, treedef)
  const { program, captured } = stage('linearTranspose', lifted.call, avals)
  return (cotangent) => {
    const cotangents = flattenTangents('linearTranspose', 'cotangent', cotangent, lifted.out!, program.outAvals)
    const results = transforms.transposeApply(program, captured, cotangents)
    return restore(
      treedef,
      results.map((ct, i) => ct ?? zerosOf(avals[i]!)),
    )
  }
}

/**
 * The same arrays, through which no derivative flows.
 *
 * @example
 * ```ts
 * import { grad, np, stopGradient } from 'pullback'
 * grad((x: NDArray) => np.multiply(x, stopGradient(x)))(np.array(3)) // => 3.
 * ```
 */
export const stopGradient = <T>(tree: T): Arrays<T> => {
  const { leaves, treedef } = flatten(tree)
  return unflatten(
    treedef,
    leaves.map((x) => (isArrayLeaf(x) ? stopLeaf(asArray(x)) : x)),
  ) as Arrays<T>
}

const stopLeaf = (x: NDArray): NDArray => (isDifferentiable(x.aval) ? e.stopGradient(x) : x)

/** Gradients of scalar functions. */
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.ts'
import { isFloat } from '../core/dtype.ts'
import { show } from '../core/show.ts'
import type { TreeDef } from '../core/treedef.ts'
import { flatten, unflatten } from '../core/tree.ts'
import { scalar, zerosOf } from '../ops/creation.ts'
import { cast } from '../ops/elementwise.ts'
import { asArray, isArrayLeaf } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { linearize, pullback } from '../transforms/programs.ts'
import type { NDArray } from '../trace/value.ts'
import type { Argnums } from './arguments.ts'
import { argnums, positionsOf, replaceAt } from './arguments.ts'
import { flattenDifferentiable, flattenResult, restore } from './leaves.ts'
import type { AnyTree, ArrayArguments, TreeOfArrays, AtArgnums, Auxiliaries, Fn, GradOptions, Scalar } from './types.ts'

type AnyFunction = (...args: never[]) => unknown

/** Differentiation with respect to the first argument, the default. */
interface FirstArgument {
  readonly argnums?: never
  readonly allowInt?: boolean
}

/** Carries the auxiliary tree past the differentiation: its arrays are passed along as outputs, its other leaves are kept here. */
class Auxiliary {
  #leaves: readonly unknown[] = []
  #treedef: TreeDef | undefined

  /** The arrays among the leaves. */
  take(tree: unknown): readonly NDArray[] {
    const { leaves, treedef } = flatten(tree)
    this.#leaves = leaves
    this.#treedef = treedef
    return leaves.filter(isArrayLeaf).map(asArray)
  }

  restore(arrays: readonly NDArray[]): unknown {
    let next = 0
    return unflatten(
      this.#treedef!,
      this.#leaves.map((x) => (isArrayLeaf(x) ? arrays[next++] : x)),
    )
  }
}

const checkScalar = (name: string, result: unknown): NDArray => {
  const { leaves } = flattenResult(name, result)
  const y = leaves[0]
  if (leaves.length !== 1 || y?.aval.rank !== 0) {
    const got = leaves.length === 1 ? `an array ${y!.aval}` : `${leaves.length} arrays`
    throw new ShapeError(
      `${name}: the function must return one scalar, got ${got}. Sum or average it, or use jacrev or vjp; ` +
        'for [scalar, extra] pass { hasAux: true }.',
    )
  }
  // A JS number is a float here, even an integer.
  if (typeof flatten(result).leaves[0] === 'number') return cast(y, 'float32', true)
  if (!isFloat(y.aval.dtype)) {
    throw new DTypeError(`${name}: the function must return a float scalar, got ${y.aval}.`)
  }
  return y
}

const splitAux = (name: string, result: unknown): readonly [unknown, unknown] => {
  if (Array.isArray(result) && result.length === 2) return result as unknown as readonly [unknown, unknown]
  throw new ArgumentError(`${name}: with hasAux the function must return [value, aux].`)
}

interface Differentiated {
  readonly value: NDArray
  readonly aux: unknown
  readonly gradients: readonly unknown[]
}

const differentiate = (
  name: string,
  f: AnyFunction,
  args: readonly unknown[],
  options: GradOptions & { readonly hasAux?: boolean },
): Differentiated => {
  const positions = positionsOf(name, 'argnums', options.argnums ?? 0, args.length)
  const { leaves, treedef } = flattenDifferentiable(
    name,
    positions.map((p) => args[p]),
    options.allowInt,
  )
  const auxiliary = new Auxiliary()
  const { outputs, linear } = linearize(
    name,
    (xs) => {
      const result = f(...(replaceAt(args, positions, unflatten(treedef, xs) as unknown[]) as never[]))
      if (options.hasAux !== true || result instanceof Promise) return [checkScalar(name, result)]
      const [value, aux] = splitAux(name, result)
      return [checkScalar(name, value), ...auxiliary.take(aux)]
    },
    leaves,
  )
  const [value, ...aux] = outputs
  const cotangents = pullback(linear, [scalar(1, value!.aval.dtype, value!.aval.weak), ...aux.map(() => null)])
  return {
    value: value!,
    aux: options.hasAux === true ? auxiliary.restore(aux) : undefined,
    gradients: restore<unknown[]>(
      treedef,
      cotangents.map((ct, i) => ct ?? zerosOf(leaves[i]!.aval)),
    ),
  }
}

const oneOrAll = (gradients: readonly unknown[], argnums: Argnums | undefined): unknown =>
  argnums === undefined || typeof argnums === 'number' ? gradients[0] : gradients

const checkFunction = (name: string, f: unknown): void => {
  if (typeof f !== 'function') {
    throw new ArgumentError(`${name}: expected a function, got ${show(f)}. Write ${name}(f)(x), not ${name}(f(x)).`)
  }
}

/** The options of `grad`, and of the functions built on it. */
export const gradOptions: must.OptionTable<GradOptions> = { argnums, allowInt: must.boolean }

const parameters = {
  f: must.anything,
  options: must.optionsOf<GradOptions & { readonly hasAux?: boolean }>({ ...gradOptions, hasAux: must.boolean }),
}
const valueAndGradDoor = must.door('valueAndGrad', parameters)
const gradDoor = must.door('grad', parameters)

/**
 * The value and the gradient of a scalar function. JS numbers among the differentiated leaves count as floats.
 *
 * @param f - returns a float scalar; with `hasAux`, `[scalar, aux]`, where `aux` is any tree.
 * @returns a function of the same arguments that returns `[value, gradient]` (`[[value, aux], gradient]` with `hasAux`);
 *   the gradient has the tree, shapes and dtypes of the argument.
 * @throws ShapeError if `f` does not return a scalar; DTypeError if a differentiated leaf is not a float.
 * @example
 * ```ts
 * import { np, valueAndGrad } from 'pullback'
 * const [value, slope] = valueAndGrad((x: NDArray) => np.sum(np.square(x)))(np.array([1, 2]))
 * value // => 5.
 * slope // => [2. 4.]
 * ```
 */
export function valueAndGrad<A extends readonly [TreeOfArrays<A[0]>, ...unknown[]] = [NDArray, ...NDArray[]]>(
  f: Fn<A, Scalar>,
  options?: FirstArgument & { readonly hasAux?: false },
): (...args: A) => [value: NDArray, gradient: A[0]]
export function valueAndGrad<
  A extends readonly unknown[] = ArrayArguments,
  const N extends number | readonly number[] = 0,
>(
  f: Fn<A, Scalar>,
  options?: GradOptions<N> & { readonly hasAux?: false },
): (...args: A) => [value: NDArray, gradient: AtArgnums<A, N>]
export function valueAndGrad<
  A extends readonly [TreeOfArrays<A[0]>, ...unknown[]] = [NDArray, ...NDArray[]],
  X extends TreeOfArrays<X> = NDArray,
>(
  f: Fn<A, readonly [Scalar, X]>,
  options: FirstArgument & { readonly hasAux: true },
): (...args: A) => [value: [NDArray, X], gradient: A[0]]
export function valueAndGrad<
  A extends readonly unknown[] = ArrayArguments,
  X extends AnyTree = AnyTree,
  const N extends number | readonly number[] = 0,
>(
  f: Fn<A, readonly [Scalar, X]>,
  options: GradOptions<N> & { readonly hasAux: true },
): (...args: A) => [value: [NDArray, Auxiliaries<X>], gradient: AtArgnums<A, N>]
export function valueAndGrad(
  f: AnyFunction,
  options: GradOptions & { readonly hasAux?: boolean } = {},
): (...args: readonly unknown[]) => unknown {
  checkFunction('valueAndGrad', f)
  valueAndGradDoor(f, options)
  return (...args) => {
    const { value, aux, gradients } = differentiate('valueAndGrad', f, args, options)
    return [options.hasAux === true ? [value, aux] : value, oneOrAll(gradients, options.argnums)]
  }
}

/**
 * The gradient of a scalar function, by reverse mode: one pass back for any number of parameters.
 *
 * @param f - returns a float scalar; with `hasAux`, `[scalar, aux]`.
 * @returns a function of the same arguments that returns the gradient, in the tree of the argument (`[gradient, aux]` with
 *   `hasAux`).
 * @throws ShapeError if `f` does not return a scalar; DTypeError if a differentiated leaf is not a float.
 * @example
 * ```ts
 * import { grad, np } from 'pullback'
 * const cube = (x: NDArray | number) => np.power(x, 3)
 * grad(cube)(2) // => 12.
 * grad(grad(cube))(2) // => 12.
 * grad((p: { w: NDArray; b: number }) => np.sum(p.w).mul(p.b))({ w: np.array([1, 2]), b: 3 }).w // => [3. 3.]
 * ```
 */
export function grad<A extends readonly [TreeOfArrays<A[0]>, ...unknown[]] = [NDArray, ...NDArray[]]>(
  f: Fn<A, Scalar>,
  options?: FirstArgument & { readonly hasAux?: false },
): (...args: A) => A[0]
export function grad<A extends readonly unknown[] = ArrayArguments, const N extends number | readonly number[] = 0>(
  f: Fn<A, Scalar>,
  options?: GradOptions<N> & { readonly hasAux?: false },
): (...args: A) => AtArgnums<A, N>
export function grad<
  A extends readonly [TreeOfArrays<A[0]>, ...unknown[]] = [NDArray, ...NDArray[]],
  X extends TreeOfArrays<X> = NDArray,
>(
  f: Fn<A, readonly [Scalar, X]>,
  options: FirstArgument & { readonly hasAux: true },
): (...args: A) => [gradient: A[0], aux: X]
export function grad<
  A extends readonly unknown[] = ArrayArguments,
  X extends AnyTree = AnyTree,
  const N extends number | readonly number[] = 0,
>(
  f: Fn<A, readonly [Scalar, X]>,
  options: GradOptions<N> & { readonly hasAux: true },
): (...args: A) => [gradient: AtArgnums<A, N>, aux: Auxiliaries<X>]
export function grad(
  f: AnyFunction,
  options: GradOptions & { readonly hasAux?: boolean } = {},
): (...args: readonly unknown[]) => unknown {
  checkFunction('grad', f)
  gradDoor(f, options)
  return (...args) => {
    const { aux, gradients } = differentiate('grad', f, args, options)
    const gradient = oneOrAll(gradients, options.argnums)
    return options.hasAux === true ? [gradient, aux] : gradient
  }
}

/** Converts between the trees that users pass and the arrays that transformations work on. */
import type { Aval } from '../core/aval.ts'
import { ArgumentError, DTypeError, FrozenError, ShapeError, TreeError } from '../core/errors.ts'
import type { TreeDef } from '../core/treedef.ts'
import { flatten, frozenLeaf, leafPaths, unflatten } from '../core/tree.ts'
import { keystr } from '../core/path.ts'
import { isFloat } from '../core/dtype.ts'
import { sameShape } from '../core/shape.ts'
import { cast } from '../ops/elementwise.ts'
import { asArray, isArrayLeaf } from '../runtime/installArrays.ts'
import type { NDArray } from '../trace/value.ts'

/** The arrays of a tree, in order, and its structure. */
export interface ArrayTree {
  readonly leaves: readonly NDArray[]
  readonly treedef: TreeDef
}

const describeLeaf = (x: unknown): string => {
  if (typeof x === 'string') return `the string ${JSON.stringify(x.slice(0, 40))}`
  if (typeof x === 'function') return `the function ${x.name || '(anonymous)'}`
  return typeof x === 'object' && x !== null ? `a ${x.constructor.name}` : typeof x
}

const placeOf = (treedef: TreeDef, i: number): string => {
  const path = keystr(leafPaths(treedef)[i]!)
  return path === '' ? '' : ` at ${path}`
}

/**
 * The leaves of a tree as arrays.
 *
 * @throws TreeError for a leaf that is not an array, naming its path.
 */
export const flattenArrays = (operation: string, tree: unknown, what = 'argument'): ArrayTree => {
  const { leaves, treedef } = flatten(tree)
  const arrays = leaves.map((x, i) => {
    if (isArrayLeaf(x)) return asArray(x)
    throw new TreeError(
      `${operation}: the ${what} has ${describeLeaf(x)}${placeOf(treedef, i)}; leaves are arrays and numbers. ` +
        'Split other values out with tree.partition, close over them, or make the argument static (staticArgnums).',
    )
  })
  return { leaves: arrays, treedef }
}

/** @throws ArgumentError for the result of an async function. */
export const checkNoPromise = (operation: string, result: unknown): void => {
  if (!(result instanceof Promise)) return
  throw new ArgumentError(
    `${operation}: the function returned a Promise. Transformed functions are synchronous: await data before, not inside.`,
  )
}

/** As `flattenArrays`, with a separate message for a Promise. */
export const flattenResult = (operation: string, result: unknown): ArrayTree => {
  checkNoPromise(operation, result)
  return flattenArrays(operation, result, 'result')
}

const asFloat = (x: unknown): NDArray => {
  const array = asArray(x as NDArray)
  return typeof x === 'number' ? cast(array, 'float32', true) : array
}

/**
 * The leaves of differentiated arguments. JS numbers count as floats.
 *
 * @throws DTypeError for integers and booleans, unless `allowInt`; FrozenError for classes registered as frozen, whatever
 *   `allowInt` is.
 */
export const flattenDifferentiable = (operation: string, tree: unknown, allowInt = false): ArrayTree => {
  const given = flatten(tree).leaves
  const { leaves, treedef } = flattenArrays(operation, tree)
  const frozen = frozenLeaf(treedef)
  if (frozen !== null) {
    const place = frozen.path.length === 0 ? '' : ` at ${keystr(frozen.path)}`
    throw new FrozenError(`${operation}: the differentiated argument has${place} ${frozen.why}.`)
  }
  const floats = leaves.map((x, i) => (typeof given[i] === 'number' ? asFloat(given[i]) : x))
  const bad = floats.findIndex((x) => !isFloat(x.aval.dtype))
  if (bad >= 0 && !allowInt) {
    throw new DTypeError(
      `${operation}: the differentiated argument has ${floats[bad]!.aval}${placeOf(treedef, bad)}; derivatives are of floats. ` +
        "Convert it with np.astype(x, 'float32'), split it out with tree.partition, or pass { allowInt: true } for zeros there.",
    )
  }
  return { leaves: floats, treedef }
}

/**
 * Tangents or cotangents for a tree of arrays: same structure, same shapes and dtypes; numbers are cast.
 *
 * @throws TreeError if the structures differ; ShapeError if only shapes do; DTypeError if dtypes do.
 */
export const flattenTangents = (
  operation: string,
  what: 'tangent' | 'cotangent',
  tree: unknown,
  like: TreeDef,
  avals: readonly Aval[],
): NDArray[] => {
  const { leaves, treedef } = flattenArrays(operation, tree, what)
  if (!treedef.equals(like)) {
    throw new TreeError(`${operation}: ${what}s have the structure ${treedef.toString()}, values ${like.toString()}.`)
  }
  return leaves.map((t, i) => {
    const aval = avals[i]!
    const y = t.aval.weak && t.aval.dtype !== aval.dtype ? cast(t, aval.dtype, aval.weak) : t
    if (y.aval.matches(aval)) return y
    const Mismatch = y.aval.dtype === aval.dtype && !sameShape(y.aval.shape, aval.shape) ? ShapeError : DTypeError
    throw new Mismatch(
      `${operation}: the ${what}${placeOf(treedef, i)} is ${y.aval}, its value ${aval}; both must have one shape and dtype.`,
    )
  })
}

/** The tree of a result, rebuilt from its arrays. */
export const restore = <T>(treedef: TreeDef, leaves: readonly NDArray[]): T => unflatten(treedef, leaves) as T

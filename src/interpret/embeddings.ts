/** Functions of token ids as functions of their embedding rows. */
import { LinearOperator, isLinearOperator } from '../api/linearOperator.ts'
import { isQuantized } from '../api/quantized.ts'
import type { Scalar } from '../api/types.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { sameShape, showShape } from '../core/shape.ts'
import { flatten, leafPaths, unflatten } from '../core/tree.ts'
import { registerPytreeNode } from '../core/registration.ts'
import type { Weight } from '../models/layers.ts'
import { knownElements, tokenArray } from '../models/inputs.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray } from '../trace/value.ts'
import type { ArrayLike, TakeOptions } from '../trace/surface.ts'

/** A table in which look-ups of certain ids return other rows. Its products are the table's, so tied heads do not change. */
class ReplacedRows extends LinearOperator {
  readonly table: Weight
  readonly ids: NDArray
  /** Shape `[...ids.shape, columns]`. */
  readonly replacement: NDArray
  readonly onUse: () => void

  constructor(table: Weight, ids: NDArray, replacement: NDArray, onUse: () => void) {
    super()
    this.onUse = onUse
    this.table = table
    this.ids = ids
    this.replacement = replacement
  }

  get shape() {
    return this.table.shape
  }

  get dtype() {
    return this.table.dtype
  }

  multiply(x: NDArray, transposed: boolean): NDArray {
    return np.einsum(transposed ? '...i,oi->...o' : '...o,oi->...i', x, this.table)
  }

  dense(): NDArray {
    return denseOf(this.table)
  }

  override rows(indices: ArrayLike, options: TakeOptions = {}): NDArray {
    const asked = np.asarray(indices)
    if (!isSame(asked, this.ids)) return np.take(this.table, asked, { ...options, axis: 0 })
    this.onUse()
    return this.replacement
  }
}

/** Whether these are the same ids; for traced ids only the shapes are compared. */
const isSame = (asked: NDArray, ids: NDArray): boolean => {
  if (!sameShape(asked.shape, ids.shape)) return false
  const [a, b] = [knownElements(asked), knownElements(ids)]
  return a === null || b === null || a.every((id, i) => Number(id) === Number(b[i]))
}

registerPytreeNode<ReplacedRows>(
  ReplacedRows,
  ({ table, ids, replacement, onUse }) => ({
    children: [table, ids, replacement],
    keys: ['table', 'ids', 'replacement'],
    aux: onUse,
  }),
  (onUse, [table, ids, replacement]) =>
    new ReplacedRows(table as Weight, ids as NDArray, replacement as NDArray, onUse as () => void),
)

const denseOf = (table: Weight): NDArray =>
  table instanceof NDArray ? table : np.take(table, np.arange(table.shape[0]!), { axis: 0 })

/** The names of word embedding tables in the trees of `pullback/models`. */
const TABLES = /(^|\.)(word_embeddings|wte|embed_tokens|shared)\.weight$/

const isWeight = (x: unknown): x is Weight => x instanceof NDArray || isQuantized(x) || isLinearOperator(x)

interface Place {
  readonly path: string
  readonly weight: Weight
  readonly replace: (weight: Weight) => unknown
}

/** The weights of a tree by their paths, each with a function that replaces it. */
const weightsOf = (params: unknown): readonly Place[] => {
  const isWhole = (x: unknown): boolean => isQuantized(x) || isLinearOperator(x)
  const { leaves, treedef } = flatten(params, isWhole)
  const paths = leafPaths(treedef)
  return leaves.flatMap((weight, i) =>
    isWeight(weight)
      ? [{ path: paths[i]!.join('.'), weight, replace: (w: Weight) => unflatten(treedef, leaves.with(i, w)) }]
      : [],
  )
}

/** A function of token ids, viewed as a function of their embedding rows. */
export interface EmbeddingView {
  /** Shape `[batch, length]`. */
  readonly ids: NDArray
  /** The rows of the table, shape `[batch, length, features]`: the point at which to take gradients. */
  readonly embeddings: NDArray
  /** The value for other rows. */
  readonly f: (embeddings: NDArray) => NDArray
  /** The table: shape `[vocabulary, features]`. */
  readonly table: Weight
  /** The rows of other ids, such as a baseline of padding or mask tokens. */
  readonly lookup: (ids: ArrayLike) => NDArray
  /** The same function at other ids. */
  readonly at: (ids: ArrayLike) => EmbeddingView
}

/** Options of `byEmbeddings`. */
export interface EmbeddingOptions {
  /**
   * The path of the table in the tree of parameters: `bert.embeddings.word_embeddings.weight`. If left out, the table is found
   * by its name.
   */
  readonly table?: string
}

const tableOf = (params: unknown, path: string | undefined): Place => {
  const weights = weightsOf(params)
  const found = weights.filter((w) => (path === undefined ? TABLES.test(w.path) : w.path === path))
  if (found.length === 1) {
    if (found[0]!.weight.ndim === 2) return found[0]!
    throw new ShapeError(`byEmbeddings: ${found[0]!.path} is not a table, [tokens, features], but ${showShape(found[0]!.weight.shape)}.`) // prettier-ignore
  }
  const names = (found.length > 0 ? found : weights.filter((w) => w.weight.ndim === 2)).map((w) => w.path)
  const which = names.slice(0, 8).join(', ')
  throw new ArgumentError(
    `byEmbeddings: ${path === undefined ? `there are ${found.length} tables of word embeddings` : `there is no weight ${path}`} in params. ` +
      (names.length === 0 ? 'The tree has no matrices.' : `Give its path as { table }: one of ${which}.`),
  )
}

const viewOf = <P>(run: (params: P, ids: NDArray) => Scalar, params: P, place: Place, ids: NDArray): EmbeddingView => {
  const { weight } = place
  const lookup = (others: ArrayLike): NDArray => np.take(weight, tokenArray('byEmbeddings', others), { axis: 0 })
  const embeddings = lookup(ids)
  const f = (rows: NDArray): NDArray => {
    if (!sameShape(rows.shape, embeddings.shape)) {
      throw new ShapeError(`byEmbeddings: rows of shape ${showShape(embeddings.shape)} are wanted, got ${rows.aval}.`)
    }
    let isUsed = false
    const table = new ReplacedRows(weight, ids, rows, () => {
      isUsed = true
    })
    const value = np.asarray(run(place.replace(table) as P, ids))
    if (isUsed) return value
    throw new ArgumentError(
      `byEmbeddings: the function looks up no rows of ${place.path} for these ids, so it does not depend on them. Is it given both its arguments, params and ids?`,
    )
  }
  return {
    ids,
    embeddings,
    f,
    table: weight,
    lookup,
    at: (others) => viewOf(run, params, place, tokenArray('byEmbeddings', others)),
  }
}

const byEmbeddingsDoor = must.door('byEmbeddings', {
  run: must.func,
  params: must.anything,
  ids: must.arrayLike,
  options: must.optionsOf<EmbeddingOptions>({ table: must.string }),
})

/**
 * A function of token ids as a function of their embeddings, so that attributions can be computed for them. It works with every
 * model that looks up rows of a table, those of `pullback/models` and others: the table is replaced by a `LinearOperator` whose
 * look-ups of these ids return the given rows. If a head shares the table (tied weights), the head still uses the table.
 *
 * @param run - from parameters and ids to a scalar, such as the score of a class.
 * @param ids - shape `[batch, length]`.
 * @throws ArgumentError if the table is not found, or if `run` does not look up these ids in it.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { byEmbeddings, integratedGradients, tokenScores } from 'pullback/interpret'
 * import { layers, makeModel } from 'pullback/models'
 * const bag = makeModel({
 *   type: 'bag',
 *   specs: { word_embeddings: layers.embedding(100, 8), classifier: layers.linear(2, 8) },
 *   prefix: 'bag',
 *   stddev: 1,
 *   apply: (params, { inputIds }: { readonly inputIds: NDArray }) =>
 *     layers.applyLinear(params.classifier, np.mean(layers.applyEmbedding(params.word_embeddings, inputIds), { axis: 1 })),
 * })
 * const view = byEmbeddings(
 *   (params, inputIds) => bag.apply(params, { inputIds }).at(0, 1).get(),
 *   bag.init(random.key(0)),
 *   [[3, 14, 15]],
 * )
 * const { attributions } = integratedGradients(view.f, view.embeddings)
 * tokenScores(attributions).shape // => 1,3
 * ```
 */
export const byEmbeddings = <P>(
  run: (params: P, ids: NDArray) => Scalar,
  params: P,
  ids: ArrayLike,
  options: EmbeddingOptions = {},
): EmbeddingView => {
  byEmbeddingsDoor(run, params, ids, options)
  return viewOf(run, params, tableOf(params, options.table), tokenArray('byEmbeddings', ids))
}

const tokenScoresDoor = must.door('tokenScores', { attributions: must.arrayLike })

/**
 * The attribution of each token: the sum over its features.
 *
 * @param attributions - shape `[..., features]`.
 * @returns shape `[...]`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { tokenScores } from 'pullback/interpret'
 * tokenScores(np.array([[1, 2], [3, -4]])) // => [ 3. -1.]
 * ```
 */
export const tokenScores = (attributions: ArrayLike): NDArray => {
  tokenScoresDoor(attributions)
  const x = np.asarray(attributions)
  if (x.ndim === 0) throw new ShapeError('tokenScores: attributions are [..., features], got a scalar.')
  return np.sum(x, { axis: -1 })
}

/** Einstein summation with ellipsis, repeated labels and implicit output. */
import { isListOf } from '../core/arguments.ts'
import { besideOperator, isLinearOperator } from '../api/linearOperator.ts'
import type { LinearOperator } from '../api/linearOperator.ts'
import type { Factor, QuantizedArray } from '../api/quantized.ts'
import { besideQuantized, isQuantized, multiplyQuantized } from '../api/quantized.ts'
import { show } from '../core/show.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { range } from '../core/shape.ts'
import { iota, zerosLike } from '../ops/creation.ts'
import { dotGeneral } from '../ops/contraction.ts'
import { eq, select } from '../ops/elementwise.ts'
import { broadcast, reshape, transpose } from '../ops/movement.ts'
import { reduceSum } from '../ops/reduction.ts'
import { asArray } from '../runtime/installArrays.ts'
import { promoteAll } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/** An operand with a label for each axis. */
interface Labelled {
  readonly value: NDArray
  readonly labels: readonly string[]
}

// Axes under an ellipsis are labelled by their position from the end.
const ellipsisLabels = (count: number): string[] => range(count).map((i) => `.${count - i}`)

const splitLabels = (term: string, rank: number | null, subscripts: string): string[] => {
  const parts = term.split('...')
  if (parts.length > 2 || /[^A-Za-z]/.test(parts.join(''))) {
    throw new ArgumentError(
      `np.einsum: '${term}' in '${subscripts}' is not a list of labels: letters, and at most one '...'.`,
    )
  }
  const [before, after] = [parts[0]!, parts[1] ?? '']
  const named = before.length + after.length
  const hidden = rank === null ? 0 : rank - named
  if (rank !== null && (hidden < 0 || (parts.length === 1 && hidden !== 0))) {
    throw new ShapeError(`np.einsum: '${term}' in '${subscripts}' has ${named} labels for an operand of rank ${rank}.`)
  }
  return [...before.split(''), ...(parts.length === 2 ? ellipsisLabels(hidden) : []), ...after.split('')]
}

/** NumPy's implicit output: the ellipsis, then labels that occur once, in alphabetical order. */
const implicitOutput = (terms: readonly (readonly string[])[]): string[] => {
  const all = terms.flat()
  const dots = [...new Set(all.filter((l) => l.startsWith('.')))].sort(
    (a, b) => Number(b.slice(1)) - Number(a.slice(1)),
  )
  const once = [...new Set(all)].filter((l) => !l.startsWith('.') && all.filter((m) => m === l).length === 1)
  return [...dots, ...once.sort()]
}

const explicitOutput = (term: string, terms: readonly (readonly string[])[], subscripts: string): string[] => {
  const dots = implicitOutput(terms).filter((l) => l.startsWith('.'))
  const labels = splitLabels(term, null, subscripts)
  const place = term.includes('...') ? term.indexOf('...') : -1
  const out = place < 0 ? labels : [...labels.slice(0, place), ...dots, ...labels.slice(place)]
  const known = new Set(terms.flat())
  const unknown = out.find((l) => !known.has(l))
  if (unknown !== undefined)
    throw new ArgumentError(`np.einsum: output label '${unknown}' of '${subscripts}' is in no operand.`)
  if (new Set(out).size !== out.length)
    throw new ArgumentError(`np.einsum: '${subscripts}' names an output label twice.`)
  return out
}

/** A label that occurs twice in one operand takes the diagonal. */
const takeDiagonals = ({ value, labels }: Labelled): Labelled => {
  const repeated = labels.findIndex((l, i) => labels.indexOf(l) < i)
  if (repeated < 0) return { value, labels }
  const first = labels.indexOf(labels[repeated]!)
  const { shape } = value.aval
  if (shape[first] !== shape[repeated]) {
    throw new ShapeError(
      `np.einsum: label '${labels[first]!}' names axes of extents ${shape[first]!} and ${shape[repeated]!} of ${value.aval}.`,
    )
  }
  const onDiagonal = eq(iota('int32', shape, first), iota('int32', shape, repeated))
  const summed = reduceSum(select(onDiagonal, value, zerosLike(value)), [repeated])
  return takeDiagonals({ value: summed, labels: labels.filter((_, i) => i !== repeated) })
}

const sumOut = ({ value, labels }: Labelled, keep: (label: string) => boolean): Labelled => {
  const axes = range(labels.length).filter((i) => !keep(labels[i]!))
  return { value: reduceSum(value, axes), labels: labels.filter(keep) }
}

const dropAxis = ({ value, labels }: Labelled, label: string): Labelled => {
  const axis = labels.indexOf(label)
  return {
    value: reshape(
      value,
      value.aval.shape.filter((_, i) => i !== axis),
    ),
    labels: labels.filter((l) => l !== label),
  }
}

const extentOf = ({ value, labels }: Labelled, label: string): number => value.aval.shape[labels.indexOf(label)]!

/** Contracts two operands into one, over the labels that nothing else needs. */
const contractPair = (x: Labelled, y: Labelled, needed: (label: string) => boolean): Labelled => {
  // An extent of 1 beside a longer one is broadcast: it takes no part in the contraction.
  const shared = x.labels.filter((l) => y.labels.includes(l))
  const left = shared.filter((l) => extentOf(x, l) === 1 && extentOf(y, l) !== 1).reduce(dropAxis, x)
  const right = shared.filter((l) => extentOf(y, l) === 1 && extentOf(x, l) !== 1).reduce(dropAxis, y)
  const a = sumOut(left, (l) => needed(l) || right.labels.includes(l))
  const b = sumOut(right, (l) => needed(l) || a.labels.includes(l))
  const both = a.labels.filter((l) => b.labels.includes(l))
  const batch = both.filter(needed)
  const contract = both.filter((l) => !needed(l))
  const place = (o: Labelled, ls: readonly string[]): number[] => ls.map((l) => o.labels.indexOf(l))
  const value = dotGeneral(a.value, b.value, {
    contract: [place(a, contract), place(b, contract)],
    batch: [place(a, batch), place(b, batch)],
  })
  const free = (o: Labelled): string[] => o.labels.filter((l) => !both.includes(l))
  return { value, labels: [...batch, ...free(a), ...free(b)] }
}

const checkExtents = (operands: readonly Labelled[], subscripts: string): ReadonlyMap<string, number> => {
  const extents = new Map<string, number>()
  for (const { value, labels } of operands) {
    labels.forEach((l, i) => {
      const n = value.aval.shape[i]!
      const known = extents.get(l) ?? 1
      if (known !== n && known !== 1 && n !== 1) {
        throw new ShapeError(`np.einsum: label '${l}' of '${subscripts}' has extents ${known} and ${n}.`)
      }
      extents.set(l, known === 1 ? n : known)
    })
  }
  return extents
}

/**
 * Sum of products written with labels: `einsum('ij,jk->ik', a, b)` is a matrix product. Without `->` the output has the labels
 * that occur once, in alphabetical order. `...` stands for any number of axes, which broadcast.
 *
 * Labels may be numbers instead of a string: each operand is followed by the list of its labels, which may contain `'...'`, and
 * one more list at the end is the output's.
 *
 * One of two operands may be a `QuantizedArray` or a `LinearOperator` in a product of matrices: `'...i,oi->...o'`.
 *
 * @throws ArgumentError for malformed subscripts; ShapeError if a label has two extents.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.einsum('ij,j->i', np.array([[1, 2], [3, 4]]), np.array([1, 1])) // => [3. 7.]
 * np.einsum('ii', np.eye(3)) // => 3.
 * np.einsum(np.array([[1, 2], [3, 4]]), [0, 1], np.array([1, 1]), [1], [0]) // => [3. 7.]
 * ```
 */
export function einsum(subscripts: string, ...operands: readonly Factor[]): NDArray
/** With lists of labels between operands. */
export function einsum(operand: Factor, labels: Labels, ...rest: readonly (Factor | Labels)[]): NDArray
export function einsum(first: string | Factor, ...rest: readonly (Factor | Labels)[]): NDArray {
  if (typeof first === 'string') return einsumOf(first, rest as readonly Factor[])
  const items = [first, ...rest]
  const operands = items.filter((_, i) => i % 2 === 0 && i < items.length - 1)
  const lists = items.filter((_, i) => i % 2 === 1)
  const inputs = lists.map((labels) => labelsOf(labels)).join(',')
  const hasOutput = items.length % 2 === 1
  const subscripts = hasOutput ? `${inputs}->${labelsOf(items.at(-1))}` : inputs
  return einsumOf(subscripts, operands as readonly Factor[])
}

/** Labels of an operand's axes as numbers from 0 to 51. */
export type Labels = readonly (number | '...')[]

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

const isLabel = (x: unknown): x is Labels[number] => x === '...' || (typeof x === 'number' && letters[x] !== undefined)

const isLabels = (x: unknown): x is Labels => isListOf(x, isLabel)

const labelsOf = (labels: unknown): string => {
  if (isLabels(labels)) return labels.map((label) => (label === '...' ? label : letters[label]!)).join('')
  throw new ArgumentError(
    `np.einsum: labels are lists of numbers from 0 to 51, after each operand; got ${show(labels)}.`,
  )
}

const einsumOf = (subscripts: string, operands: readonly Factor[]): NDArray => {
  const [input, output, ...rest] = subscripts.replaceAll(/\s/g, '').split('->')
  const terms = input!.split(',')
  if (rest.length > 0 || terms.length !== operands.length || operands.length === 0) {
    throw new ArgumentError(`np.einsum: '${subscripts}' speaks of ${terms.length} operands, got ${operands.length}.`)
  }
  if (operands.some(isMatrix)) return einsumMatrix(subscripts, terms, output, operands)
  const values = promoteAll((operands as readonly ArrayLike[]).map((x) => asArray(x)))
  const labelled = values.map((value, i) => ({ value, labels: splitLabels(terms[i]!, value.aval.rank, subscripts) }))
  const termLabels = labelled.map((o) => o.labels)
  const out = output === undefined ? implicitOutput(termLabels) : explicitOutput(output, termLabels, subscripts)
  const extents = checkExtents(labelled, subscripts)
  let [current, ...pending] = labelled.map(takeDiagonals)
  while (pending.length > 0) {
    const [next, ...later] = pending
    current = contractPair(current!, next!, (l) => out.includes(l) || later.some((o) => o.labels.includes(l)))
    pending = later
  }
  const { value, labels } = sumOut(current!, (l) => out.includes(l))
  const arranged = transpose(
    value,
    out.map((l) => labels.indexOf(l)),
  )
  return broadcast(
    arranged,
    out.map((l) => extents.get(l)!),
    range(out.length),
  )
}

/** Operands that support only products. */
type Matrix = QuantizedArray | LinearOperator

const isMatrix = (x: unknown): x is Matrix => isQuantized(x) || isLinearOperator(x)

/** The roles of the labels of a matrix: shared with the other operand and kept, then rows, then columns, the last axis. */
const rolesOf = (w: readonly string[], x: readonly string[], out: readonly string[]) => {
  const [leading, column] = [w.slice(0, -1), w.at(-1)]
  const first = leading.findIndex((l) => !x.includes(l) || !out.includes(l))
  const batch = first < 0 ? leading.slice(0, -1) : leading.slice(0, first)
  const rows = leading.slice(batch.length)
  const [meets, stays] = [
    (l: string): boolean => x.includes(l) && !out.includes(l),
    (l: string): boolean => !x.includes(l) && out.includes(l),
  ]
  if (column === undefined || new Set(w).size !== w.length) return null
  if (meets(column) && rows.every(stays)) return { batch, rows, column, transposed: false }
  return stays(column) && rows.every(meets) ? { batch, rows, column, transposed: true } : null
}

/** The other operand as an array. */
const besideMatrix = (w: Matrix, x: Factor): NDArray =>
  isLinearOperator(w) ? besideOperator('np.einsum', x) : besideQuantized('np.einsum', x)

/** Two operands, one of them a matrix that supports only products, or a stack of quantised ones. */
const einsumMatrix = (
  subscripts: string,
  terms: readonly string[],
  output: string | undefined,
  operands: readonly Factor[],
): NDArray => {
  const place = operands.findIndex(isMatrix)
  const w = operands[place] as Matrix
  const x = operands.length === 2 ? besideMatrix(w, operands[1 - place]!) : null
  const ranks = [x?.ndim ?? 0, w.ndim]
  const labels = terms.map((term, i) => splitLabels(term, ranks[i === place ? 1 : 0]!, subscripts))
  const out = output === undefined ? implicitOutput(labels) : explicitOutput(output, labels, subscripts)
  const given = x === null ? null : takeDiagonals({ value: x, labels: labels[1 - place]! })
  const roles = given === null ? null : rolesOf(labels[place]!, given.labels, out)
  if (given === null || roles === null) {
    throw new ArgumentError(
      `np.einsum: '${subscripts}' is not a product of an array with ${w}, in which either the last axis is summed over ` +
        `('...i,oi->...o'), or all axes before it are ('...o,oi->...i'). Expand it with ${isQuantized(w) ? 'dequantize' : 'dense'}().`,
    )
  }
  const { batch, rows, column, transposed } = roles
  const wLabels = labels[place]!
  const left = sumOut(given, (l) => out.includes(l) || wLabels.includes(l))
  const extent = (l: string): number => w.shape[wLabels.indexOf(l)]!
  const odd = left.labels.find((l) => wLabels.includes(l) && extentOf(left, l) !== extent(l))
  if (odd !== undefined) {
    throw new ShapeError(
      `np.einsum: label '${odd}' of '${subscripts}' has extents ${extentOf(left, odd)} and ${extent(odd)}.`,
    )
  }
  const met = transposed ? rows : [column]
  const free = left.labels.filter((l) => !batch.includes(l) && !met.includes(l))
  const order = [...batch, ...free, ...met]
  const arranged = transpose(
    left.value,
    order.map((l) => left.labels.indexOf(l)),
  )
  const kept = arranged.shape.slice(0, order.length - met.length)
  const count = (ls: readonly string[]): number => ls.reduce((n, l) => n * extent(l), 1)
  const vectors = reshape(arranged, [...kept, count(met)])
  const product = isLinearOperator(w)
    ? w.multiply(vectors, !transposed)
    : multiplyQuantized(
        vectors,
        w.mapPayload((p) => reshape(p, [...batch.map(extent), count(rows), p.shape.at(-1)!])),
        transposed,
      )
  const result = [...batch, ...free, ...(transposed ? [column] : rows)]
  const whole = reshape(product, [...kept, ...(transposed ? [column] : rows).map(extent)])
  return transpose(
    whole,
    out.map((l) => result.indexOf(l)),
  )
}

/** The labels of nodes and edges. */
import type { NDArray } from '../../trace/value.ts'
import { sizeOf } from '../../core/shape.ts'
import type { GraphEdge, GraphNode, GraphOptions, LocalDerivative } from './types.ts'

/** Arrays of more elements are shown by their shape. */
const MAX_SHOWN = 9

const numberText = (x: number): string => String(Number(x.toPrecision(4)))

const nestedText = (x: unknown): string =>
  Array.isArray(x) ? `[${x.map(nestedText).join(', ')}]` : numberText(Number(x))

/** An array in one line; null for a large one. */
const arrayText = (x: NDArray): string | null => (x.size > MAX_SHOWN ? null : nestedText(x.toArray()))

/** A node's label: what it is, and, where derivatives or values are shown, the name and the value of its result. */
export const nodeLines = (
  { kind, label, gives, value }: GraphNode,
  { derivatives = false, at }: GraphOptions,
): string[] => {
  const names = gives.join(', ')
  const named = derivatives && kind !== 'literal' && names !== '' && names !== label ? `${names} = ${label}` : label
  const text = at === undefined || value === null || kind === 'literal' ? null : arrayText(value)
  return text === null ? [named] : [named, text]
}

/** A Jacobian of one shape over the same shape, all of whose entries off the diagonal are 0: the diagonal; else null. */
const diagonalOf = (jacobian: NDArray): readonly number[] | null => {
  const half = jacobian.shape.length / 2
  const n = sizeOf(jacobian.shape.slice(0, half))
  if (!Number.isInteger(half) || n < 2 || jacobian.shape.slice(0, half).join() !== jacobian.shape.slice(half).join())
    return null
  const entries = Array.from(jacobian.dataSync(), Number)
  if (entries.some((x, i) => x !== 0 && i % (n + 1) !== 0)) return null
  return entries.filter((_, i) => i % (n + 1) === 0)
}

const jacobianText = (jacobian: NDArray): string | null => {
  const diagonal = diagonalOf(jacobian)
  if (diagonal !== null && diagonal.length <= MAX_SHOWN) return `diag(${diagonal.map(numberText).join(', ')})`
  return arrayText(jacobian)
}

const derivativeText = ({ of, by, formula, jacobian }: LocalDerivative): string => {
  const number = jacobian === null ? null : jacobianText(jacobian)
  return [`∂${of}/∂${by}`, formula, number === formula ? null : number].filter((part) => part !== null).join(' = ')
}

/** An edge's label: its type, or its derivatives. */
export const edgeLines = ({ type, derivatives }: GraphEdge): string[] =>
  derivatives.length === 0 ? [type] : derivatives.map(derivativeText)

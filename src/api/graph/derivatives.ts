/** Derivatives across one node of a graph. */
import { PullbackError } from '../../core/errors.ts'
import { isDifferentiable } from '../../trace/value.ts'
import type { NDArray } from '../../trace/value.ts'
import { literalValue } from '../../transforms/apply.ts'
import type { Variable } from '../../ir/program.ts'
import { bindAll } from '../../trace/interpreter.ts'
import { jacfwd } from '../jacobian.ts'
import type { Node, Value } from './build.ts'
import { formulaOf } from './formula.ts'
import type { LocalDerivative } from './types.ts'

/** Jacobians with more entries are left out: nobody reads them. */
const MAX_ENTRIES = 10_000

/** The results of a node as a function of one of its operands, with the others fixed. */
const across =
  (node: Node, by: Value, results: readonly Value[]) =>
  (x: NDArray): readonly NDArray[] => {
    const inside = new Map<Variable, NDArray>()
    const arrayOf = (v: Variable): NDArray => {
      const value = node.run.get(v)!
      return inside.get(v) ?? (value === by ? x : value.array!)
    }
    for (const eqn of node.equations) {
      const operands = eqn.inputs.map((a) => ('value' in a ? literalValue(a) : arrayOf(a)))
      const arrays = bindAll(eqn.op, eqn.params, operands)
      eqn.outputs.forEach((v, i) => inside.set(v, arrays[i]!))
    }
    return results.map((r) => inside.get(r.variable!)!)
  }

const jacobians = (node: Node, by: Value, results: readonly Value[]): readonly (NDArray | null)[] => {
  const { array } = by
  const none = results.map(() => null)
  // Values that differ from step to step have no arrays.
  if (array === null || node.equations.length === 0 || [...node.takes].some((v) => v.array === null)) return none
  const entries = results.reduce((n, { aval }) => n + aval.size * by.aval.size, 0)
  if (entries > MAX_ENTRIES) return none
  try {
    return jacfwd(across(node, by, results))(array)
  } catch (error) {
    // A callback has no derivative.
    if (error instanceof PullbackError) return none
    throw error
  }
}

/** In the names of values. If an operand occurs several times, its contributions are added up. */
const formula = (node: Node, by: Value, result: Value): string | null => {
  const [eqn, ...more] = node.equations
  if (eqn === undefined || more.length > 0 || node.kind === 'closed') {
    return node.kind === 'closed' ? `${node.label}′` : null
  }
  const values = eqn.inputs.map((a) => ('value' in a ? null : node.run.get(a)!))
  const names = eqn.inputs.map((a, i) => ('value' in a ? String(a.value) : values[i]!.name))
  const terms = values.flatMap((value, k) => (value === by ? [formulaOf(eqn, k, names, result.name)] : []))
  const moving = terms.filter((t) => t !== '0')
  if (terms.includes(null) || terms.length === 0) return null
  return moving.length === 0 ? '0' : moving.join(' + ')
}

/** The derivatives of all float results of a node with respect to one of its operands. */
export const derivativesAcross = (node: Node, by: Value): readonly LocalDerivative[] => {
  if (!isDifferentiable(by.aval) || by.variable === null) return []
  const results = [...node.gives].filter((r) => isDifferentiable(r.aval))
  if (results.length === 0) return []
  const numbers = jacobians(node, by, results)
  return results.map((result, i) => ({
    of: result.name,
    by: by.name,
    formula: formula(node, by, result),
    jacobian: numbers[i]!,
  }))
}

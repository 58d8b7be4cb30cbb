/** Modules by the names of their leaves: a linear layer has a `weight`, and possibly a `bias`. */
import { isLinearOperator } from '../../api/linearOperator.ts'
import { isQuantized } from '../../api/quantized.ts'
import { ArgumentError } from '../../core/errors.ts'
import type { Weight } from '../../models/layers.ts'
import { NDArray } from '../../trace/value.ts'
import type { NamedTree, ParamLeaf } from '../leaves.ts'

/** An actual leaf, not just its type. */
export const asWeight = (operation: string, name: string, leaf: ParamLeaf): Weight => {
  if (leaf instanceof NDArray || isQuantized(leaf) || isLinearOperator(leaf)) return leaf
  throw new ArgumentError(`${operation}: ${name} must be an array, got ${leaf}.`)
}

/** The matrices of linear layers and tables, by the names of their modules. */
export const matrixModules = ({ names, leaves }: NamedTree): ReadonlyMap<string, ParamLeaf> =>
  new Map(
    names.flatMap((name, i) => {
      const leaf = leaves[i]!
      return name.endsWith('.weight') && leaf.shape.length === 2 ? [[name.slice(0, -'.weight'.length), leaf]] : []
    }),
  )

/** GPT-2's layers, whose weights are [inputs, outputs]. */
export const isConv1D = (module: string): boolean => /(^|\.)(c_attn|c_proj|c_fc|q_attn)$/.test(module)

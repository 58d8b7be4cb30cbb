/** Programs as graphs: the result of `programGraph`, and the options of the functions that draw. */
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'

/** Options of `programGraph`, `toMermaid` and `toDot`. */
export interface GraphOptions {
  /**
   * Which boxes are open: none (false, the default), all (true), those inside fewer boxes than a number, or those with the
   * names in a list. Boxes are scopes (`namedScope`), functions of `nn` and `optim` (`relu`, `softmax`, losses), functions
   * under `jit`, custom derivatives and checkpoints, branches and bodies of loops.
   */
  readonly expand?: boolean | number | readonly string[]
  /** Label each edge with the partial derivative of the operation's result with respect to this operand. */
  readonly derivatives?: boolean
  /** Arguments of the program, one for each input: nodes then show their values, and derivatives theirs. */
  readonly at?: readonly ArrayLike[]
}

/** The kind of a node. A box that is not open is one node, of kind `closed`. */
export type NodeKind = 'input' | 'constant' | 'literal' | 'operation' | 'closed' | 'output'

/** One node of a graph: an input, an operation, a closed box, an output. */
export interface GraphNode {
  readonly id: string
  readonly kind: NodeKind
  /** The operation and its parameters, the name of the box, or the path of the input among the arguments. */
  readonly label: string
  /** Names of the values that it computes. */
  readonly gives: readonly string[]
  /** Its value at the arguments in `at`, if it has exactly one; else null. */
  readonly value: NDArray | null
  /** The open box that it is in. */
  readonly box: string | null
}

/** A box that is open. */
export interface GraphBox {
  readonly id: string
  readonly label: string
  readonly box: string | null
}

/** The derivative of one value with respect to another, across one node. */
export interface LocalDerivative {
  /** The result of the node. */
  readonly of: string
  /** The operand of the node. */
  readonly by: string
  /** In the names of values, element by element; for matrix products, the other factor; null where there is no short formula. */
  readonly formula: string | null
  /** At the arguments in `at`: shape of the result, then shape of the operand. Null without them, and where it is large. */
  readonly jacobian: NDArray | null
}

/** A value, from the node that computes it to one that uses it. */
export interface GraphEdge {
  readonly from: string
  readonly to: string
  readonly name: string
  /** As in printed programs: `f32[2,3]`. */
  readonly type: string
  /** With the option `derivatives`: one for each float result of the node. */
  readonly derivatives: readonly LocalDerivative[]
}

/** A program as a graph, in the order of its equations. */
export interface ProgramGraph {
  readonly nodes: readonly GraphNode[]
  readonly boxes: readonly GraphBox[]
  readonly edges: readonly GraphEdge[]
}

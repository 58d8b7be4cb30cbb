/** Programs as graphs: what `programGraph` gives, and the options of all that draws. */
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
  /** Write beside each edge how much the operation's result changes with this operand: its partial derivative. */
  readonly derivatives?: boolean
  /** Arguments of the program, one for each input: values stand beside nodes, numbers beside derivatives. */
  readonly at?: readonly ArrayLike[]
}

/** What stands at a place of a graph. A box that is not open is `closed`, and one node. */
export type NodeKind = 'input' | 'constant' | 'literal' | 'operation' | 'closed' | 'output'

/** One place of a graph: an input, an operation, a closed box, an output. */
export interface GraphNode {
  readonly id: string
  readonly kind: NodeKind
  /** The operation and its parameters, the name of the box, the place of the input among the arguments. */
  readonly label: string
  /** Names of the values that it gives. */
  readonly gives: readonly string[]
  /** What it gives, if there is one such value, at the arguments in `at`; else null. */
  readonly value: NDArray | null
  /** The open box that it stands in. */
  readonly box: string | null
}

/** A box that is open. */
export interface GraphBox {
  readonly id: string
  readonly label: string
  readonly box: string | null
}

/** The derivative of one value by another, across one node. */
export interface LocalDerivative {
  /** The value that the node gives. */
  readonly of: string
  /** The value that the node takes. */
  readonly by: string
  /** In the names of values, element by element; of products of matrices the other factor; null where there is no short one. */
  readonly formula: string | null
  /** At the arguments in `at`: shape of the result, then shape of the operand. Null without them, and where it is large. */
  readonly jacobian: NDArray | null
}

/** A value on its way from the node that gives it to one that takes it. */
export interface GraphEdge {
  readonly from: string
  readonly to: string
  readonly name: string
  /** As in printed programs: `f32[2,3]`. */
  readonly type: string
  /** With the option `derivatives`: one for each float that the node gives. */
  readonly derivatives: readonly LocalDerivative[]
}

/** A program as a graph, in the order of its equations. */
export interface ProgramGraph {
  readonly nodes: readonly GraphNode[]
  readonly boxes: readonly GraphBox[]
  readonly edges: readonly GraphEdge[]
}

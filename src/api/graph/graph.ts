/** Programs as graphs: as data, and as text for Mermaid and Graphviz. */
import { ArgumentError } from '../../core/errors.ts'
import { sameShape } from '../../core/shape.ts'
import { show } from '../../core/show.ts'
import { Program } from '../../ir/program.ts'
import { asArray } from '../../runtime/installArrays.ts'
import type { NDArray } from '../../trace/value.ts'
import { GraphBuilder } from './build.ts'
import { derivativesAcross } from './derivatives.ts'
import { dotText } from './dot.ts'
import { mermaidText } from './mermaid.ts'
import type { GraphOptions, ProgramGraph } from './types.ts'

const argumentsAt = (name: string, { inAvals }: Program, at: GraphOptions['at']): readonly NDArray[] | null => {
  if (at === undefined) return null
  const arrays = at.map((x) => asArray(x))
  if (arrays.length === inAvals.length && arrays.every((x, i) => sameShape(x.shape, inAvals[i]!.shape))) {
    return arrays.map((x, i) => (x.dtype === inAvals[i]!.dtype ? x : x.astype(inAvals[i]!.dtype)))
  }
  throw new ArgumentError(
    `${name}: the program takes (${inAvals.join(', ')}), { at } has (${arrays.map((x) => x.aval).join(', ')}). ` +
      'Give one array for each input, in order: tree.leaves([params, x]).',
  )
}

const graphOf = (name: string, program: Program, options: GraphOptions): ProgramGraph => {
  if (!Program.is(program)) {
    throw new ArgumentError(`${name} takes a Program, got ${show(program)}. makeProgram(f)(...args) gives that of f.`)
  }
  const { expand = false, derivatives = false, at } = options
  const { nodes, boxes } = new GraphBuilder(program, expand, argumentsAt(name, program, at))
  return {
    nodes: nodes.map((node) => {
      const given = [...node.gives]
      return {
        id: node.id,
        kind: node.kind,
        label: node.label,
        gives: given.map((v) => v.name),
        value: at !== undefined && given.length === 1 ? given[0]!.array : null,
        box: node.box?.id ?? null,
      }
    }),
    boxes: boxes.map(({ id, label, box }) => ({ id, label, box: box?.id ?? null })),
    edges: nodes.flatMap((node) =>
      [...node.takes].map((value) => ({
        from: value.node.id,
        to: node.id,
        name: value.name,
        type: value.aval.toString(),
        derivatives: derivatives ? derivativesAcross(node, value) : [],
      })),
    ),
  }
}

/**
 * A program as a graph: a node for each input, operation and output, an edge for each value that one node computes and another
 * uses. Inputs are named by their paths among the arguments; `namedScope`s and functions of the library are boxes, closed
 * unless `expand` opens them. With `derivatives` each edge has the local derivatives across the node that it leads to; with
 * `at` also their values: multiplied along each path from an input to an output, and added up over the paths, they are what
 * `grad` returns. (Except through open bodies of loops and branches: their values differ from step to step.)
 *
 * @throws ArgumentError where `at` does not fit the program's inputs, or where no program is given.
 * @example
 * ```ts
 * import { makeProgram, np, programGraph } from 'pullback'
 * const program = makeProgram((x: NDArray, y: NDArray) => np.sin(x).mul(y))(np.array(0), np.array(2))
 * const { edges } = programGraph(program, { derivatives: true, at: [0, 2] })
 * edges.flatMap((e) => e.derivatives.map((d) => `∂${d.of}/∂${d.by} = ${d.formula}`)).join('; ') // => ∂a/∂x = cos(x); ∂b/∂a = y; ∂b/∂y = a
 * edges[0]!.derivatives[0]!.jacobian // => 1.
 * ```
 */
export const programGraph = (program: Program, options: GraphOptions = {}): ProgramGraph =>
  graphOf('programGraph', program, options)

/**
 * A program as a Mermaid flow chart, which GitHub and many editors show: inputs at the top, an edge for every value, labelled
 * with its type, or with local derivatives. See `programGraph` for what is drawn.
 *
 * @throws ArgumentError as `programGraph`.
 * @example
 * ```ts
 * import { makeProgram, nn, np, toMermaid } from 'pullback'
 * const program = makeProgram((x: NDArray) => nn.relu(x).mul(2))(np.zeros([2]))
 * toMermaid(program).split('\n')[2] // =>   n1[["relu"]]
 * toMermaid(program, { expand: true }).split('\n')[0] // => flowchart TD
 * ```
 */
export const toMermaid = (program: Program, options: GraphOptions = {}): string =>
  mermaidText(graphOf('toMermaid', program, options), options)

/**
 * A program as a Graphviz graph, with the options of `toMermaid`.
 *
 * @throws ArgumentError as `programGraph`.
 * @example
 * ```ts
 * import { makeProgram, np, toDot } from 'pullback'
 * toDot(makeProgram((x: NDArray) => np.sin(x))(np.zeros([2]))).split('\n')[0] // => digraph program {
 * ```
 */
export const toDot = (program: Program, options: GraphOptions = {}): string =>
  dotText(graphOf('toDot', program, options), options)

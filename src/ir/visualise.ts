/** Programs as graphs, for Mermaid and Graphviz. */
import type { Atom, Equation, Program, Variable } from './program.ts'

interface GraphNode {
  readonly id: string
  readonly label: string
  readonly kind: 'input' | 'constant' | 'literal' | 'equation' | 'output'
}

interface GraphEdge {
  readonly from: string
  readonly to: string
  readonly label: string
}

interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
}

const equationLabel = ({ op, params }: Equation): string => {
  const shown = Object.entries(params).flatMap(([k, v]) => {
    if (k === 'name') return [String(v)]
    return typeof v === 'number' || (Array.isArray(v) && v.length > 0) ? [`${k}=${JSON.stringify(v)}`] : []
  })
  return [op, ...shown].join(' ')
}

const graphOf = (program: Program): Graph => {
  const nodes: GraphNode[] = []
  const edges: GraphEdge[] = []
  const home = new Map<Variable, string>()
  const addNode = (kind: GraphNode['kind'], label: string): string => {
    const id = `n${nodes.length}`
    nodes.push({ id, label, kind })
    return id
  }
  const connect = (atom: Atom, to: string): void => {
    const from = 'value' in atom ? addNode('literal', String(atom.value)) : home.get(atom)!
    edges.push({ from, to, label: atom.aval.toString() })
  }
  program.inputs.forEach((v, i) => home.set(v, addNode('input', `input ${i}`)))
  program.constants.forEach(({ variable }) => home.set(variable, addNode('constant', 'constant')))
  for (const equation of program.equations) {
    const id = addNode('equation', equationLabel(equation))
    equation.inputs.forEach((a) => {
      connect(a, id)
    })
    equation.outputs.forEach((v) => home.set(v, id))
  }
  program.outputs.forEach((a, i) => {
    connect(a, addNode('output', `output ${i}`))
  })
  return { nodes, edges }
}

const escapeMermaid = (text: string): string => text.replaceAll('"', '#quot;')

const mermaidNode = ({ id, label, kind }: GraphNode): string => {
  const text = `"${escapeMermaid(label)}"`
  if (kind === 'equation') return `${id}[${text}]`
  return kind === 'literal' || kind === 'constant' ? `${id}(${text})` : `${id}([${text}])`
}

/**
 * A program as a Mermaid flow chart: inputs at the top, an edge for every value, labelled with its type.
 *
 * @example
 * ```ts
 * import { makeProgram, np, toMermaid } from 'pullback'
 * toMermaid(makeProgram((x: NDArray) => np.sin(x))(np.zeros([2]))).split('\n')[0] // => flowchart TD
 * ```
 */
export const toMermaid = (program: Program): string => {
  const { nodes, edges } = graphOf(program)
  const lines = [
    ...nodes.map(mermaidNode),
    ...edges.map(({ from, to, label }) => `${from} -->|"${escapeMermaid(label)}"| ${to}`),
  ]
  return ['flowchart TD', ...lines.map((l) => `  ${l}`)].join('\n')
}

const dotShapes: { readonly [K in GraphNode['kind']]: string } = {
  input: 'oval',
  output: 'oval',
  equation: 'box',
  literal: 'plaintext',
  constant: 'note',
}

/**
 * A program as a Graphviz graph.
 *
 * @example
 * ```ts
 * import { makeProgram, np, toDot } from 'pullback'
 * toDot(makeProgram((x: NDArray) => np.sin(x))(np.zeros([2]))).split('\n')[0] // => digraph program {
 * ```
 */
export const toDot = (program: Program): string => {
  const { nodes, edges } = graphOf(program)
  const lines = [
    ...nodes.map(({ id, label, kind }) => `${id} [label=${JSON.stringify(label)}, shape=${dotShapes[kind]}]`),
    ...edges.map(({ from, to, label }) => `${from} -> ${to} [label=${JSON.stringify(label)}]`),
  ]
  return ['digraph program {', ...lines.map((l) => `  ${l}`), '}'].join('\n')
}

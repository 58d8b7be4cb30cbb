/** Graphs as Mermaid flow charts (https://mermaid.js.org/syntax/flowchart.html). */
import { edgeLines, nodeLines } from './labels.ts'
import type { GraphNode, GraphOptions, NodeKind, ProgramGraph } from './types.ts'

// Labels are HTML, in quotes; special characters have codes.
const codes: Readonly<Record<string, string>> = {
  '"': '#quot;',
  '#': '#35;',
  '<': '#lt;',
  '>': '#gt;',
  '&': '#amp;',
  '`': '#96;',
  '\\': '#92;',
}

const labelText = (lines: readonly string[]): string =>
  `"${lines.map((line) => line.replaceAll(/["#<>&`\\]/g, (c) => codes[c]!).replaceAll(/[\r\n]+/g, ' ')).join('<br/>')}"`

const shapes: { readonly [K in NodeKind]: readonly [open: string, close: string] } = {
  input: ['([', '])'],
  output: ['([', '])'],
  constant: ['(', ')'],
  literal: ['(', ')'],
  operation: ['[', ']'],
  closed: ['[[', ']]'],
}

const nodeText = (node: GraphNode, options: GraphOptions): string => {
  const [open, close] = shapes[node.kind]
  return `${node.id}${open}${labelText(nodeLines(node, options))}${close}`
}

export const mermaidText = ({ nodes, boxes, edges }: ProgramGraph, options: GraphOptions): string => {
  const inside = (box: string | null): string[] => [
    ...nodes.filter((n) => n.box === box).map((n) => nodeText(n, options)),
    ...boxes
      .filter((b) => b.box === box)
      .flatMap((b) => [
        `subgraph ${b.id} [${labelText([b.label])}]`,
        ...inside(b.id).map((line) => `  ${line}`),
        'end',
      ]),
  ]
  const arrows = edges.map((e) => `${e.from} -->|${labelText(edgeLines(e))}| ${e.to}`)
  return ['flowchart TD', ...[...inside(null), ...arrows].map((line) => `  ${line}`)].join('\n')
}

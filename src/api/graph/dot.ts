/** Graphs in Graphviz's language (https://graphviz.org/doc/info/lang.html). */
import { edgeLines, nodeLines } from './labels.ts'
import type { GraphOptions, NodeKind, ProgramGraph } from './types.ts'

const labelText = (lines: readonly string[]): string =>
  `"${lines.map((line) => line.replaceAll(/["\\]/g, (c) => `\\${c}`).replaceAll(/[\r\n]+/g, ' ')).join('\\n')}"`

const styles: { readonly [K in NodeKind]: string } = {
  input: 'shape=oval',
  output: 'shape=oval',
  constant: 'shape=note',
  literal: 'shape=plaintext',
  operation: 'shape=box',
  closed: 'shape=box, peripheries=2',
}

export const dotText = ({ nodes, boxes, edges }: ProgramGraph, options: GraphOptions): string => {
  const inside = (box: string | null): string[] => [
    ...nodes
      .filter((n) => n.box === box)
      .map((n) => `${n.id} [label=${labelText(nodeLines(n, options))}, ${styles[n.kind]}]`),
    ...boxes
      .filter((b) => b.box === box)
      .flatMap((b) => [
        // Graphviz draws a frame around subgraphs whose names begin with `cluster`.
        `subgraph cluster_${b.id} {`,
        `  label=${labelText([b.label])}`,
        ...inside(b.id).map((line) => `  ${line}`),
        '}',
      ]),
  ]
  const arrows = edges.map((e) => `${e.from} -> ${e.to} [label=${labelText(edgeLines(e))}]`)
  return ['digraph program {', ...[...inside(null), ...arrows].map((line) => `  ${line}`), '}'].join('\n')
}

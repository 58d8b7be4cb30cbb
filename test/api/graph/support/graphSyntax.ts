/**
 * The syntax that graphs are written in, held strictly: only what Mermaid's and Graphviz's own grammars take in any version.
 * https://mermaid.js.org/syntax/flowchart.html, https://graphviz.org/doc/info/lang.html
 */
import { expect } from 'vitest'

// No quote, no hash but that of a code, no angle bracket but those of line breaks, nothing that starts Markdown.
const label = '"(?:[^"#<>&`\\\\\\n]|#(?:quot|35|lt|gt|amp|96|92);|<br/>)+"'
const mermaidLines = {
  node: new RegExp(`^(n\\d+)(?:\\(\\[${label}\\]\\)|\\(${label}\\)|\\[${label}\\]|\\[\\[${label}\\]\\])$`),
  open: new RegExp(`^subgraph (box\\d+) \\[${label}\\]$`),
  edge: new RegExp(`^(n\\d+) -->\\|${label}\\| (n\\d+)$`),
}

/** Throws unless the lines declare nodes, once, in subgraphs that are closed, then edges between them. */
const checkLines = (lines: readonly string[], patterns: typeof mermaidLines, close: string): void => {
  const declared = new Set<string>()
  let depth = 0
  for (const line of lines.map((l) => l.trim())) {
    const name = (patterns.node.exec(line) ?? patterns.open.exec(line))?.[1]
    if (patterns.open.test(line)) depth++
    if (name !== undefined) {
      expect(declared.has(name), line).toBe(false)
      declared.add(name)
    } else if (line === close) depth--
    else {
      const edge = patterns.edge.exec(line)
      expect(edge, line).not.toBeNull()
      expect([declared.has(edge![1]!), declared.has(edge![2]!)], line).toEqual([true, true])
    }
    expect(depth >= 0, line).toBe(true)
  }
  expect(depth).toBe(0)
}

export const checkMermaid = (text: string): void => {
  const [first, ...lines] = text.split('\n')
  expect(first).toBe('flowchart TD')
  checkLines(lines, mermaidLines, 'end')
}

const quoted = '"(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
const dotLines = {
  node: new RegExp(`^(n\\d+) \\[label=${quoted}(?:, [a-z]+=[a-z0-9]+)+\\]$`),
  open: /^subgraph (cluster_box\d+) \{$/,
  edge: new RegExp(`^(n\\d+) -> (n\\d+) \\[label=${quoted}\\]$`),
}

export const checkDot = (text: string): void => {
  const lines = text.split('\n')
  expect([lines[0], lines.at(-1)]).toEqual(['digraph program {', '}'])
  const labels = new RegExp(`^\\s*label=${quoted}$`)
  checkLines(
    lines.slice(1, -1).filter((line) => !labels.test(line)),
    dotLines,
    '}',
  )
}

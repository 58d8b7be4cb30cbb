/** Three significant digits. */
const digits = (x: number): string => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2))

export const duration = (microseconds: number): string =>
  microseconds >= 1000 ? `${digits(microseconds / 1000)} ms` : `${digits(microseconds)} µs`

export const factor = (ratio: number): string => `${digits(ratio)}×`

export const megabytes = (bytes: number): string => `${digits(bytes / 2 ** 20)} MB`

/** A Markdown table; the first column is text, the others numbers. */
export const markdown = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

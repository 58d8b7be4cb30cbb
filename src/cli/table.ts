/** Tables and numbers for people. */

/** Digits in groups of three: `22,713,728`. */
export const grouped = (n: number): string => n.toLocaleString('en-US')

/** `86.7 MB`, in units of 1000. */
export const bytesText = (n: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let [value, unit] = [n, 0]
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]!}`
}

/** Control characters could rewrite the terminal: names come from files. */
export const printable = (text: string): string =>
  text.replace(/\p{C}/gu, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`)

/** Rows with columns of equal width; numbers, in columns so named, to the right. */
export const table = (
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  right: ReadonlySet<string> = new Set(),
): string => {
  const widths = heads.map((head, i) => rows.reduce((w, row) => Math.max(w, row[i]!.length), head.length))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (right.has(heads[i]!) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [heads, ...rows].map(line).join('\n')
}

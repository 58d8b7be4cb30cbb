/** A number for each layer and step, as colours. */
import type { MetricsLine } from '../loop/metricsFile.ts'
import { extentOf, label, stepScale } from './scale.ts'
import { element, escaped, picture, text } from './svg.ts'

/** Rows by name, each with the values of stretches of steps. */
interface Cells {
  readonly names: readonly string[]
  /** The first step of each column, and the end of the last. */
  readonly steps: readonly number[]
  /** By rows; null where nothing was measured. */
  readonly values: readonly (readonly (number | null)[])[]
}

const MOST_COLUMNS = 120

/** viridis, at nine points: perceptually uniform, and suited to the colour-blind. */
const colours = ['#440154', '#472d7b', '#3b528b', '#2c728e', '#21918c', '#28ae80', '#5ec962', '#addc30', '#fde725'].map(
  (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)),
)

/** The colour of a place between 0 and 1. */
export const colourAt = (place: number): string => {
  const exact = Math.min(1, Math.max(0, place)) * (colours.length - 1)
  const below = Math.min(colours.length - 2, Math.floor(exact))
  const mixed = colours[below]!.map((c, i) => Math.round(c + (exact - below) * (colours[below + 1]![i]! - c)))
  return `rgb(${mixed.join(',')})`
}

/** The greatest value of a stretch, since peaks matter; values that are not finite count as greatest. */
const greatest = (values: readonly number[]): number | null => {
  if (values.length === 0) return null
  return values.every(Number.isFinite) ? Math.max(...values) : Infinity
}

/** The values of the metrics with a prefix for each stretch of steps, or null if there are none. */
export const cellsOf = (prefix: string, lines: readonly MetricsLine[]): Cells | null => {
  const names = [...new Set(lines.flatMap(({ metrics }) => Object.keys(metrics)))].filter((n) => n.startsWith(prefix))
  if (names.length === 0) return null
  const measured = lines.filter(({ metrics }) => names.some((name) => name in metrics))
  const size = Math.ceil(measured.length / MOST_COLUMNS)
  const columns = Array.from({ length: Math.ceil(measured.length / size) }, (_, i) =>
    measured.slice(i * size, (i + 1) * size),
  )
  return {
    names: names.map((name) => name.slice(prefix.length)),
    steps: [...columns.map((column) => column[0]!.step), measured.at(-1)!.step],
    values: names.map((name) =>
      columns.map((column) => greatest(column.flatMap(({ metrics }) => (name in metrics ? [metrics[name]!] : [])))),
    ),
  }
}

/** Layers by number where they have one: 2 before 10. */
const inOrder = ({ names, values, steps }: Cells): Cells => {
  const order = names
    .map((name, i) => ({ name, i }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
  return { steps, names: order.map(({ name }) => name), values: order.map(({ i }) => values[i]!) }
}

const CELL = 16
const WIDTH = 680

/** The heat map of the metrics of a prefix, in powers of ten; null if there are none. */
export const drawHeatMap = (prefix: string, lines: readonly MetricsLine[]): string | null => {
  const found = cellsOf(prefix, lines)
  if (found === null) return null
  const { names, steps, values } = inOrder(found)
  const logs = values.flat().flatMap((x) => (x !== null && Number.isFinite(x) && x > 0 ? [Math.log10(x)] : []))
  const [least, most] = extentOf(logs) ?? [0, 0]
  const colourOf = (x: number): string => colourAt(most === least ? 0.5 : (Math.log10(x) - least) / (most - least))
  const left = 20 + 6.6 * Math.min(34, Math.max(...names.map((name) => name.length)))
  const width = (WIDTH - left - 16) / (steps.length - 1)
  const cell = (x: number | null, row: number, column: number): string => {
    if (x === null) return ''
    const kind = !Number.isFinite(x) ? { class: 'badcell' } : x > 0 ? { fill: colourOf(x) } : { class: 'zero' }
    return element(
      'rect',
      { x: left + column * width, y: row * CELL, width: width + 0.2, height: CELL - 1, ...kind },
      element('title', {}, escaped(`${names[row]!}, step ${steps[column]!}: ${label(x)}`)),
    )
  }
  const bottom = names.length * CELL
  const x = stepScale([steps[0]!, steps.at(-1)!], [left, WIDTH - 16])
  return picture(
    WIDTH,
    bottom + 64,
    `${prefix} by layer and step, from ${label(10 ** least)} to ${label(10 ** most)}`,
    ...names.map((name, row) =>
      text(left - 8, row * CELL + 12, name.length > 34 ? `…${name.slice(-33)}` : name, {
        class: 'tick',
        'text-anchor': 'end',
      }),
    ),
    ...values.flatMap((row, i) => row.map((value, j) => cell(value, i, j))),
    ...x.ticks.map(({ value, label: name }) =>
      text(x.at(value), bottom + 14, name, { class: 'tick', 'text-anchor': 'middle' }),
    ),
    ...scaleBar(left, bottom + 30, least, most),
  )
}

/** The legend of the colours. */
const scaleBar = (left: number, top: number, least: number, most: number): readonly string[] => {
  const [parts, width] = [60, 240]
  return [
    ...Array.from(
      { length: parts },
      (_, i) =>
      element('rect', { x: left + (i * width) / parts, y: top, width: width / parts + 0.2, height: 8, fill: colourAt(i / (parts - 1)) }), // prettier-ignore
    ),
    text(left, top + 22, label(10 ** least), { class: 'tick' }),
    text(left + width, top + 22, label(10 ** most), { class: 'tick', 'text-anchor': 'end' }),
    element('rect', { class: 'zero', x: left + width + 24, y: top, width: 12, height: 8 }),
    text(left + width + 42, top + 8, '0', { class: 'tick' }),
    element('rect', { class: 'badcell', x: left + width + 64, y: top, width: 12, height: 8 }),
    text(left + width + 82, top + 8, 'not finite', { class: 'tick' }),
  ]
}

/** Tables of weights as pictures. */
import * as Plot from '@observablehq/plot'
import { draw, titleMark } from './plot.ts'

/** A table of weights between 0 and 1, and what its rows and columns stand for, in order; names may come up again. */
export interface HeatMap {
  readonly title: string
  readonly rows: { readonly label: string; readonly names: readonly string[] }
  readonly columns: { readonly label: string; readonly names: readonly string[] }
  readonly weights: readonly (readonly number[])[]
}

const cellSize = 40

/** Darker cells for greater weights, which are written in them from 5 % on. */
export const drawHeatMap = ({ title, rows, columns, weights }: HeatMap): string => {
  const cells = weights.flatMap((row, i) => row.map((weight, j) => ({ row: i, column: j, weight })))
  const margins = { marginTop: 84, marginLeft: 88, marginRight: 24, marginBottom: 16 }
  const axis = ({ names }: HeatMap['rows']) => ({
    label: null,
    // Places, since names come up again.
    domain: names.map((_, place) => place),
    tickFormat: (place: number) => names[place]!,
    tickSize: 0,
  })
  const labelMark = (label: string, dx: number, dy: number): Plot.Markish =>
    Plot.text([label], { frameAnchor: 'top-left', dx, dy, fill: '#666', textAnchor: 'start' })
  return draw({
    ...margins,
    width: Math.max(
      columns.names.length * cellSize + margins.marginLeft + margins.marginRight,
      9 * title.length + margins.marginLeft,
    ),
    height: rows.names.length * cellSize + margins.marginTop + margins.marginBottom,
    style: { fontFamily: 'sans-serif', fontSize: '14px', background: 'white' },
    x: { ...axis(columns), axis: 'top' },
    y: axis(rows),
    color: { type: 'linear', scheme: 'blues', domain: [0, 1] },
    marks: [
      Plot.cell(cells, { x: 'column', y: 'row', fill: 'weight', inset: 0.5 }),
      Plot.text(
        cells.filter(({ weight }) => weight >= 0.05),
        {
          x: 'column',
          y: 'row',
          text: ({ weight }: { readonly weight: number }) => String(Math.round(100 * weight)),
          fill: ({ weight }: { readonly weight: number }) => (weight > 0.5 ? 'white' : 'black'),
          fontSize: 11,
        },
      ),
      titleMark(title, 72),
      labelMark(`${columns.label} →`, 0, -44),
      labelMark(`${rows.label} ↓`, -84, -22),
    ],
  })
}

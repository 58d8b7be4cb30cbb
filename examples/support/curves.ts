/** Training curves. */
import * as Plot from '@observablehq/plot'
import { draw } from './plot.ts'

/** One point of a curve. */
export interface Point {
  readonly epoch: number
  readonly value: number
  readonly curve: string
}

/** Curves over epochs, with a legend of direct labels at their ends. */
export const drawCurves = (
  title: string,
  points: readonly Point[],
  options: { readonly percent?: boolean } = {},
): string => {
  const last = Math.max(...points.map((p) => p.epoch))
  return draw({
    width: 640,
    height: 320,
    marginRight: 110,
    x: { label: 'epoch', ticks: Math.max(4, Math.min(last, 10)), tickFormat: String },
    y: { grid: true, label: title, ...(options.percent === true ? { tickFormat: '.0%' } : {}) },
    color: { type: 'categorical' },
    marks: [
      Plot.line(points, { x: 'epoch', y: 'value', z: 'curve', stroke: 'curve', strokeWidth: 2 }),
      Plot.dot(points, { x: 'epoch', y: 'value', fill: 'curve', r: 2.5 }),
      Plot.text(
        points.filter((p) => p.epoch === last),
        { x: 'epoch', y: 'value', text: 'curve', fill: 'curve', textAnchor: 'start', dx: 8 },
      ),
    ],
  })
}

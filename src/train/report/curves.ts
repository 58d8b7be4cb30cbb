/** Curves over steps: as they were measured, and smoothed. */
import type { MetricsLine } from '../loop/metricsFile.ts'
import type { Scale } from './scale.ts'
import { extentOf, label, linearScale, logScale, stepScale } from './scale.ts'
import { element, escaped, picture, text } from './svg.ts'

/** A value at a step. */
interface Point {
  readonly step: number
  readonly value: number
}

/** A curve, and its name. */
interface Curve {
  readonly name: string
  readonly points: readonly Point[]
  /** Whether the values are chosen, not measured, like a learning rate: then they are not smoothed. */
  readonly isExact?: boolean
}

const [WIDTH, HEIGHT] = [680, 260]
const frame = { left: 62, right: 16, top: 14, bottom: 34 }

/** The values of a metric. */
export const curveOf = (name: string, lines: readonly MetricsLine[]): Curve => ({
  name,
  points: lines.flatMap(({ step, metrics }) => (name in metrics ? [{ step, value: metrics[name]! }] : [])),
})

/** Exponentially weighted sums of the values so far, and of their weights. */
const running = (values: readonly number[], keep: number): readonly (readonly [sum: number, weight: number])[] => {
  let [sum, weight] = [0, 0]
  return values.map((value) => {
    sum = keep * sum + value
    weight = keep * weight + 1
    return [sum, weight]
  })
}

/**
 * A smoothed curve, `Σⱼ keep^|i-j| xⱼ / Σⱼ keep^|i-j|`: over both sides, so that it does not lag, and normalised, so that the
 * ends are as smooth as the middle. Values that are not finite are skipped.
 */
export const smoothed = (points: readonly Point[], keep: number): readonly Point[] => {
  const finite = points.filter(({ value }) => Number.isFinite(value))
  const values = finite.map(({ value }) => value)
  const before = running(values, keep)
  const after = running(values.toReversed(), keep).toReversed()
  return finite.map(({ step, value }, i) => {
    const [[sum, weight], [sumAfter, weightAfter]] = [before[i]!, after[i]!]
    return { step, value: (sum + sumAfter - value) / (weight + weightAfter - 1) }
  })
}

/** Thins out points beyond the number of pixels: keeps the least and the greatest of each stretch, so that spikes stay visible. */
const thinned = (points: readonly Point[], most: number): readonly Point[] => {
  if (points.length <= most) return points
  const size = Math.ceil((2 * points.length) / most)
  const stretches = Array.from({ length: Math.ceil(points.length / size) }, (_, i) =>
    points.slice(i * size, (i + 1) * size),
  )
  return stretches.flatMap((stretch) => {
    const byValue = stretch.toSorted((a, b) => a.value - b.value)
    return [byValue[0]!, byValue.at(-1)!].toSorted((a, b) => a.step - b.step)
  })
}

const pathOf = (points: readonly Point[], x: Scale, y: Scale): string =>
  points
    .map(({ step, value }, i) => `${i === 0 ? 'M' : 'L'}${x.at(step).toFixed(1)} ${y.at(value).toFixed(1)}`)
    .join('')

/** Points in stretches without a gap. */
const stretchesOf = (points: readonly Point[], isIn: (value: number) => boolean): readonly (readonly Point[])[] => {
  const stretches: Point[][] = [[]]
  for (const point of points) {
    if (isIn(point.value)) stretches.at(-1)!.push(point)
    else if (stretches.at(-1)!.length > 0) stretches.push([])
  }
  return stretches.filter((stretch) => stretch.length > 0)
}

const axes = (x: Scale, y: Scale): readonly string[] => {
  const [right, bottom] = [WIDTH - frame.right, HEIGHT - frame.bottom]
  return [
    ...y.ticks.flatMap(({ value, label: name }) => [
      element('line', { class: 'grid', x1: frame.left, x2: right, y1: y.at(value), y2: y.at(value) }),
      text(frame.left - 8, y.at(value) + 4, name, { class: 'tick', 'text-anchor': 'end' }),
    ]),
    ...x.ticks.map(({ value, label: name }) =>
      text(x.at(value), bottom + 18, name, { class: 'tick', 'text-anchor': 'middle' }),
    ),
    element('line', { class: 'axis', x1: frame.left, x2: right, y1: bottom, y2: bottom }),
  ]
}

/** A curve: faint as measured, and strong as smoothed; steps that are not finite are marked. */
const drawn = (
  { points, isExact = false }: Curve,
  i: number,
  x: Scale,
  y: Scale,
  isIn: (value: number) => boolean,
): readonly string[] => {
  const isLong = points.length > 30 && !isExact
  const raw = stretchesOf(points, isIn).flatMap((stretch) => [
    element('path', { class: `line c${i} ${isLong ? 'raw' : ''}`, d: pathOf(thinned(stretch, 1200), x, y) }),
    ...(points.length > 60 ? [] : stretch.map(({ step, value }) => element('circle', { class: `dot c${i}`, cx: x.at(step), cy: y.at(value), r: 2.2 }))), // prettier-ignore
  ])
  const keep = Math.min(0.98, Math.max(0.8, 1 - 20 / points.length))
  const mean = smoothed(points, keep).filter(({ value }) => isIn(value))
  const smooth = isLong ? [element('path', { class: `line c${i}`, d: pathOf(thinned(mean, 1200), x, y) })] : []
  const bad = points
    .filter(({ value }) => !Number.isFinite(value))
    .map(({ step, value }) =>
      element(
        'line',
        { class: 'bad', x1: x.at(step), x2: x.at(step), y1: frame.top, y2: HEIGHT - frame.bottom },
        element('title', {}, `step ${step}: ${value}`),
      ),
    )
  return [...raw, ...smooth, ...bad]
}

/**
 * Curves of one quantity, in one picture; null where there are no numbers. The scale is logarithmic where the values span a
 * factor above 300, unless they are exact: a rate that decays to 0 should not look like a cliff.
 */
export const drawCurves = (title: string, given: readonly Curve[]): string | null => {
  const curves = given.filter(({ points }) => points.length > 0)
  const all = curves.flatMap(({ points }) => points)
  const extent = extentOf(all.map(({ value }) => value))
  const steps = extentOf(all.map(({ step }) => step))
  if (extent === null || steps === null) return null
  const positive = extentOf(all.map(({ value }) => (value > 0 ? value : NaN)))
  const isMeasured = !curves.every(({ isExact = false }) => isExact)
  const isLog = isMeasured && positive !== null && extent[0] >= 0 && positive[1] / positive[0] > 300
  const places = [HEIGHT - frame.bottom, frame.top] as const
  const x = stepScale(steps, [frame.left, WIDTH - frame.right])
  const y = isLog ? logScale(positive, places) : linearScale(extent, places)
  const isIn = (value: number): boolean => Number.isFinite(value) && (!isLog || value > 0)
  const last = (points: readonly Point[]): string => label(points.at(-1)!.value)
  const legend = curves
    .map(({ name, points }, i) => `<span class="key c${i}">${element('b', {}, escaped(name))} ${last(points)}</span>`)
    .join(' ')
  const description = `${title} over steps ${steps[0]} to ${steps[1]}, between ${label(extent[0])} and ${label(extent[1])}`
  return (
    `<p class="legend">${legend}${isLog ? ' <span class="tick">(logarithmic)</span>' : ''}</p>` +
    picture(WIDTH, HEIGHT, description, ...axes(x, y), ...curves.flatMap((curve, i) => drawn(curve, i, x, y, isIn)))
  )
}

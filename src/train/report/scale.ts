/** Maps values to coordinates in a picture. */

/** A scale of values, with its tick labels. */
export interface Scale {
  readonly at: (value: number) => number
  readonly ticks: readonly { readonly value: number; readonly label: string }[]
}

/** 1, 2 or 5 times a power of ten, so that about `count` steps fill the range. */
const niceStep = (range: number, count: number): number => {
  const rough = range / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const digit = rough / power
  return power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10)
}

/** A readable number: 0.25, 1200, 2e-5. */
export const label = (x: number): string => {
  if (x === 0 || !Number.isFinite(x)) return String(x)
  const size = Math.abs(x)
  if (size >= 1e5 || size < 1e-3)
    return x
      .toExponential(2)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e')
  return String(Number(x.toPrecision(4)))
}

/** Widens the range of equal values. */
const widened = ([low, high]: readonly [number, number]): readonly [number, number] => {
  if (high > low) return [low, high]
  const room = low === 0 ? 1 : Math.abs(low) / 10
  return [low - room, high + room]
}

/** A linear scale. */
export const linearScale = (extent: readonly [number, number], places: readonly [number, number], count = 5): Scale => {
  const [low, high] = widened(extent)
  const step = niceStep(high - low, count)
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  const [from, to] = places
  return {
    at: (value) => from + ((value - low) / (high - low)) * (to - from),
    ticks: Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => {
      const value = Number(((first + i) * step).toPrecision(12))
      return { value, label: label(value) }
    }),
  }
}

/** A linear scale for steps, with ticks at integers only. */
export const stepScale = (extent: readonly [number, number], places: readonly [number, number]): Scale => {
  const scale = linearScale(extent, places, 8)
  return { ...scale, ticks: scale.ticks.filter(({ value }) => Number.isInteger(value)) }
}

/** A logarithmic scale, for values above 0. */
export const logScale = (extent: readonly [number, number], places: readonly [number, number]): Scale => {
  const [low, high] = [Math.log10(extent[0]), Math.log10(extent[1])]
  const inner = linearScale([low, high], places, 4)
  const powers = inner.ticks.filter(({ value }) => Number.isInteger(value))
  const chosen = powers.length >= 2 ? powers : inner.ticks
  return {
    at: (value) => inner.at(Math.log10(value)),
    ticks: chosen.map(({ value }) => ({ value: 10 ** value, label: label(10 ** value) })),
  }
}

/** The least and the greatest of the finite values, or null. */
export const extentOf = (values: readonly number[]): readonly [number, number] | null => {
  let [low, high] = [Infinity, -Infinity]
  for (const x of values) {
    if (!Number.isFinite(x)) continue
    low = Math.min(low, x)
    high = Math.max(high, x)
  }
  return low <= high ? [low, high] : null
}

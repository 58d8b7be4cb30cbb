/** What the axes of images and kernels are, by letters. */

/**
 * What the axes of `lhs`, `rhs` and the output are, one letter an axis: `N` the batch, `C` features; of `rhs` `O` output and
 * `I` input features; any other letters are spatial axes. `['NHWC', 'HWIO', 'NHWC']`, say.
 */
export type DimensionNumbers = readonly [lhs: string, rhs: string, out: string]

const SPATIAL = 'HWDXYZ'

/** The most spatial axes that have letters. */
export const MOST_SPATIAL = SPATIAL.length

/** Features before so many spatial axes: `NCHW`, `OIHW`. */
export const featuresFirst = (count: number): DimensionNumbers => {
  const spatial = SPATIAL.slice(0, count)
  return [`NC${spatial}`, `OI${spatial}`, `NC${spatial}`]
}

/** Features last: `NHWC`, `HWIO`. */
export const featuresLast = (count: number): DimensionNumbers => {
  const spatial = SPATIAL.slice(0, count)
  return [`N${spatial}C`, `${spatial}IO`, `N${spatial}C`]
}

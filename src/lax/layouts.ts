/** The axes of images and kernels, by letters. */

/**
 * The axes of `lhs`, `rhs` and the output, one letter for each axis: `N` is the batch, `C` features; in `rhs`, `O` is output
 * and `I` input features; any other letters are spatial axes. For example `['NHWC', 'HWIO', 'NHWC']`.
 */
export type DimensionNumbers = readonly [lhs: string, rhs: string, out: string]

const SPATIAL = 'HWDXYZ'

/** The most spatial axes that have letters. */
export const MOST_SPATIAL = SPATIAL.length

/** Features before `count` spatial axes: `NCHW`, `OIHW`. */
export const featuresFirst = (count: number): DimensionNumbers => {
  const spatial = SPATIAL.slice(0, count)
  return [`NC${spatial}`, `OI${spatial}`, `NC${spatial}`]
}

/** Features last: `NHWC`, `HWIO`. */
export const featuresLast = (count: number): DimensionNumbers => {
  const spatial = SPATIAL.slice(0, count)
  return [`N${spatial}C`, `${spatial}IO`, `N${spatial}C`]
}

/** Grids: ranges of indices with strides, in bytes, in each of several arrays. */
import type { Code, Expr } from '../asm/index.ts'
import { i32 } from '../asm/index.ts'
import { offsetBy, quotient, remainder, times } from './integers.ts'

type I32 = Expr<'i32'>

export interface Grid {
  readonly shape: readonly number[]
  /** For each array a stride along each axis. */
  readonly strides: readonly (readonly number[])[]
}

export const pointsOf = ({ shape }: Grid): number => shape.reduce((n, extent) => n * extent, 1)

/** The grid of some of the axes, in the order given. */
export const axesOf = ({ shape, strides }: Grid, axes: readonly number[]): Grid => ({
  shape: axes.map((d) => shape[d]!),
  strides: strides.map((s) => axes.map((d) => s[d]!)),
})

/** The same points in the same order over the fewest axes: without axes of extent 1, and with contiguous ones merged. */
export const simplify = (grid: Grid): Grid => {
  const shape: number[] = []
  const strides = grid.strides.map((): number[] => [])
  grid.shape.forEach((extent, d) => {
    if (extent === 1) return
    const continues = shape.length > 0 && grid.strides.every((s, a) => strides[a]!.at(-1) === s[d]! * extent)
    if (continues) shape.push(shape.pop()! * extent)
    else shape.push(extent)
    grid.strides.forEach((s, a) => {
      if (continues) strides[a]!.pop()
      strides[a]!.push(s[d]!)
    })
  })
  return { shape, strides }
}

/** The coordinates of a point by its number in row-major order. */
export const coordinates = (code: Code, shape: readonly number[], index: I32): readonly I32[] => {
  const found: I32[] = []
  let rest = index
  for (let d = shape.length - 1; d >= 0; d--) {
    found.unshift(d === 0 ? rest : code.let(remainder(rest, shape[d]!)))
    if (d > 0) rest = code.let(quotient(rest, shape[d]!))
  }
  return found
}

/** The addresses of a point, given those of the first one. */
export const addressesAt = (
  code: Code,
  { strides }: Grid,
  bases: readonly I32[],
  point: readonly I32[],
): readonly I32[] =>
  bases.map((base, a) => {
    const steps = point.map((x, d) => ({ x, stride: strides[a]![d]! })).filter(({ stride }) => stride !== 0)
    if (steps.length === 0) return base
    return code.let(
      offsetBy(
        base,
        steps.map(({ x, stride }) => times(x, stride)),
      ),
    )
  })

/** Visits all points in row-major order with their addresses. */
export const eachPoint = (
  code: Code,
  grid: Grid,
  bases: readonly I32[],
  visit: (addresses: readonly I32[]) => void,
): void => {
  const { shape } = grid
  const along = (d: number, addresses: readonly I32[]): void => {
    if (d === shape.length) {
      visit(addresses)
      return
    }
    code.for(i32(0), i32(shape[d]!), 1, (i) => {
      along(d + 1, addressesAt(code, axesOf(grid, [d]), addresses, [i]))
    })
  }
  along(0, bases)
}

/**
 * Windows over an operand that is padded with the identity of the reduction: then the index of an element is linear in the
 * output's and the window's coordinates. Outputs along one axis, with adjacent windows, are computed as vectors.
 */
import type { Aval } from '../../../core/aval.ts'
import { stridesOf } from '../../../core/shape.ts'
import type { WindowParams } from '../../../ir/op.ts'
import { slidingAxes } from '../../../primitives/convolution/sliding.ts'
import type { Code } from '../asm/index.ts'
import { i32, load } from '../asm/index.ts'
import type { Grid } from './grid.ts'
import { axesOf, eachPoint, pointsOf, simplify } from './grid.ts'
import { plus, times } from './integers.ts'
import type { Float, I32, Vector } from './matmulFloat.ts'
import type { AxisPadding } from './staging.ts'

/** Strides are in bytes: of the grids of outputs in the output, then in the padded operand. */
export interface WindowPlan {
  readonly float: Float
  /** Outputs with disjoint windows; then outputs whose windows may overlap. */
  readonly apart: Grid
  readonly together: Grid
  /** A line of outputs. */
  readonly line: { readonly extent: number; readonly out: number; readonly x: number }
  /** The window, in the padded operand. */
  readonly window: Grid
}

export const paddingOf = (x: Aval, params: WindowParams): AxisPadding[] =>
  slidingAxes(x.shape, params).map(({ low, high, baseDilation }) => ({ low, high, step: baseDilation }))

export const windowPlan = (params: WindowParams, padded: Aval, out: Aval, float: Float): WindowPlan => {
  const { windowDimensions, windowStrides, windowDilation } = params
  const toBytes = ({ shape }: Aval): number[] => stridesOf(shape).map((s) => s * float.bytes)
  const [outStrides, xStrides] = [toBytes(out), toBytes(padded)]
  const all: Grid = { shape: out.shape, strides: [outStrides, xStrides.map((s, d) => s * windowStrides[d]!)] }
  // Axes at the end along which nothing slides are one line; else the last axis is.
  const axes = windowDimensions.map((_, d) => d)
  const sliding = axes.filter((d) => windowDimensions[d]! > 1 || windowStrides[d]! > 1)
  const start = Math.min(Math.max(-1, ...sliding) + 1, out.rank - 1)
  const tail = simplify(axesOf(all, axes.filter((d) => d >= start))) // prettier-ignore
  const last = tail.shape.length - 1
  const before = axes.filter((d) => d < start)
  const rest = tail.shape.map((_, d) => d).filter((d) => d < last)
  const apart = axesOf(all, before.filter((d) => windowDimensions[d] === 1)) // prettier-ignore
  const outer = axesOf(tail, rest)
  return {
    float,
    apart: simplify({
      shape: [...apart.shape, ...outer.shape],
      strides: apart.strides.map((s, i) => [...s, ...outer.strides[i]!]),
    }),
    together: simplify(axesOf(all, before.filter((d) => windowDimensions[d]! > 1))), // prettier-ignore
    line: {
      extent: tail.shape[last] ?? 1,
      out: tail.strides[0]![last] ?? float.bytes,
      x: tail.strides[1]![last] ?? float.bytes,
    },
    window: simplify({ shape: windowDimensions, strides: [xStrides.map((s, d) => s * windowDilation[d]!)] }),
  }
}

/** The most window elements that are unrolled. */
const WRITTEN_OUT = 16

/**
 * Visits the window's elements in order: their offsets from its first one, and their numbers. With `again`, the first one may
 * be visited again or skipped.
 */
export const eachElement = (
  code: Code,
  window: Grid,
  visit: (offset: I32, index: I32) => void,
  again = false,
): void => {
  if (pointsOf(window) > WRITTEN_OUT) {
    const index = code.variable(i32(0))
    eachPoint(code, window, [i32(0)], ([offset]) => {
      visit(offset!, index.get)
      code.set(index, plus(index.get, 1))
    })
    return
  }
  const offsets = window.shape.reduce<readonly number[]>(
    (found, n, d) => found.flatMap((o) => Array.from({ length: n }, (_, k) => o + k * window.strides[0]![d]!)),
    [0],
  )
  offsets.forEach((offset, k) => {
    if (k > 0 || !again) visit(i32(offset), i32(k))
  })
}

/** How elements are read and written: a whole vector, or one element, as the first of a vector. */
export interface Access {
  readonly load: (address: I32) => Vector
  readonly store: (code: Code, address: I32, value: Vector) => void
}

const vectors: Access = {
  load: (address) => load('v128.load', address),
  store: (code, address, value) => {
    code.store('v128.store', address, value)
  },
}

const single = ({ element, storeElement }: Float): Access => ({
  load: (address) => element(address),
  store: storeElement,
})

/**
 * Visits a line of outputs, in vectors where its windows are neighbours: addresses in the output and arrays like it, then in
 * the padded operand and arrays like that.
 */
export const eachOutput = (
  code: Code,
  { line, float }: WindowPlan,
  outs: readonly I32[],
  xs: readonly I32[],
  visit: (access: Access, outs: readonly I32[], xs: readonly I32[]) => void,
): void => {
  const j = code.variable(i32(0))
  const at = (bases: readonly I32[], stride: number): I32[] =>
    bases.map((base) => code.let(plus(base, times(j.get, stride))))
  const round = (access: Access): void => {
    visit(access, at(outs, line.out), at(xs, line.x))
  }
  const isDense = line.out === float.bytes && line.x === float.bytes
  const whole = isDense ? line.extent - (line.extent % float.lanes) : 0
  if (whole > 0) {
    code.while(j, i32(whole), float.lanes, () => {
      round(vectors)
    })
  }
  if (whole < line.extent) {
    code.while(j, i32(line.extent), 1, () => {
      round(single(float))
    })
  }
}

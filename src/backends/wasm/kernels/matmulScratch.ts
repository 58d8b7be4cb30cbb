/** Copies operands of matrix products to another order, in scratch memory, before the product begins. */
import type { Code, Func } from '../asm/index.ts'
import { i32, op } from '../asm/index.ts'
import { blockPhase } from './blocks.ts'
import { addressesAt, coordinates, pointsOf } from './grid.ts'
import { minus, plus, smaller, times } from './integers.ts'
import { PANEL_GROUP } from './matmulBlock.ts'
import type { Float, I32 } from './matmulFloat.ts'
import { copyMatrixName, packRowsName } from './matmulPack.ts'
import type { Matrices, Product } from './matmulProduct.ts'
import { grainOf } from './matmulProduct.ts'
import { panelColumns } from './matmulTiles.ts'
import type { Phase, Places } from './routine.ts'

export const up = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple

export const scratchAt =
  (offset: number) =>
  ({ scratch }: Places): I32 =>
    plus(scratch, offset)

/** Strides of a contiguous array with elements of this many bytes. */
export const rowMajor = (shape: readonly number[], bytes: number): readonly number[] =>
  shape.map((_, d) => shape.slice(d + 1).reduce((x, y) => x * y, bytes))

/** Axes, with strides in bytes. */
export interface Axes {
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

/** An array copied in row-major order. Axes of stride 0 among the outer ones keep it: their points share a copy. */
export const copyToScratch = (
  float: Float,
  source: (places: Places) => I32,
  outer: Axes,
  inner: Axes,
  start: number,
) => {
  const distinct = outer.shape.map((extent, d) => (outer.strides[d] === 0 ? 1 : extent))
  const shape = [...distinct, ...inner.shape]
  const copied = rowMajor(shape, float.bytes)
  const grid = { shape, strides: [copied, [...outer.strides, ...inner.strides]] }
  const base = scratchAt(start)
  const phase = blockPhase(grid, float.bytes, (_, places) => ({ target: base(places), source: source(places) }))
  return {
    base,
    outer: outer.strides.map((stride, d) => (stride === 0 ? 0 : copied[d]!)),
    inner: copied.slice(distinct.length),
    step: { phase, imports: [] },
    scratch: start + up(pointsOf(grid) * float.bytes, 16),
  }
}

interface Packing {
  readonly float: Float
  readonly k: number
  readonly n: number
  readonly b: Matrices
}

/** Packs up to `PANEL_GROUP` panels from panel `first` on. Missing columns of the last one are zeros. */
const packGroup = (
  code: Code,
  library: (name: string) => Func,
  { float, k, n, b }: Packing,
  [to, from]: readonly [I32, I32],
  first: I32,
): void => {
  const width = panelColumns(float)
  const whole = Math.floor(n / width)
  const panelBytes = k * width * float.bytes
  const panels = code.let(op('i32.sub', smaller(plus(first, PANEL_GROUP), whole), smaller(first, whole)))
  const copyPanel = (q: I32, cols: number): void => {
    const target = plus(to, times(q, panelBytes))
    const source = plus(from, times(q, width * b.col))
    const strides = [i32(b.row), i32(b.col)]
    code.call(library(copyMatrixName(float)), target, i32(width * float.bytes), source, ...strides, i32(k), i32(cols))
  }
  if (b.col === float.bytes) {
    code.call(library(packRowsName(float)), to, from, i32(b.row), i32(k), panels)
  } else {
    code.for(i32(0), panels, 1, (q) => {
      copyPanel(q, width)
    })
  }
  if (n % width === 0) return
  code.if(op('i32.lt_u', minus(i32(whole), first), i32(PANEL_GROUP)), () => {
    code.fill(plus(to, times(panels, panelBytes)), i32(0), i32(panelBytes))
    copyPanel(panels, n % width)
  })
}

/** B in panels, one after the other; once where matrices share it. */
export const packToScratch = ({ float, batch, n, k, b }: Product, start: number) => {
  const width = panelColumns(float)
  const panels = Math.ceil(n / width)
  const groups = Math.ceil(panels / PANEL_GROUP)
  const matrixBytes = panels * k * width * float.bytes
  const distinct = batch.map((_, d) => d).filter((d) => b.batch[d] !== 0)
  const shape = distinct.map((d) => batch[d]!)
  const strides = rowMajor(shape, matrixBytes)
  const column = k * float.bytes
  const grid = {
    shape: [...shape, groups],
    strides: [
      [...strides, PANEL_GROUP * width * column],
      [...distinct.map((d) => b.batch[d]!), PANEL_GROUP * width * b.col],
    ],
  }
  const base = scratchAt(start)
  const phase: Phase = {
    count: pointsOf(grid),
    grain: grainOf(50 + (PANEL_GROUP * width * k) / 2),
    emit: (code, places, lo, hi, library) => {
      const bases = [code.let(base(places)), code.let(b.base(places))]
      code.for(lo, hi, 1, (i) => {
        const point = coordinates(code, grid.shape, i)
        const [to, from] = addressesAt(code, grid, bases, point) as [I32, I32]
        packGroup(code, library, { float, k, n, b }, [to, from], code.let(times(point.at(-1)!, PANEL_GROUP)))
      })
    },
  }
  const packed: Matrices = {
    base,
    batch: batch.map((_, d) => (b.batch[d] === 0 ? 0 : strides[distinct.indexOf(d)]!)),
    row: width * float.bytes,
    col: column,
  }
  const imports = [b.col === float.bytes ? [packRowsName(float)] : [], copyMatrixName(float)].flat()
  return { b: packed, step: { phase, imports }, scratch: start + pointsOf({ shape, strides: [] }) * matrixBytes }
}

/** Products with quantised matrices, and their values, as routines. */
import type { Aval } from '../../../core/aval.ts'
import type { ExpandedKind } from '../../../core/blocks.ts'
import { blocks, expandedShape, isHalfKind } from '../../../core/blocks.ts'
import { sizeOf } from '../../../core/shape.ts'
import { i32, op } from '../asm/index.ts'
import { plus } from './integers.ts'
import { MAX_ROWS } from './matmulBlock.ts'
import type { I32 } from './matmulFloat.ts'
import { float32 } from './matmulFloat.ts'
import type { Kernel, Product } from './matmulProduct.ts'
import { grainOf, productStep } from './matmulProduct.ts'
import { rowMajor, up } from './matmulScratch.ts'
import { resultOf, zeros } from './matmul.ts'
import { GROUP_COLUMNS, quantizedBlockLibrary, quantizedBlockName } from './quantizedBlock.ts'
import { dotsName, expandedKinds, expandName, quantizedRowLibrary } from './quantizedExpand.ts'
import type { LibraryFunction, Routine, RoutineFor } from './routine.ts'

export const quantizedLibrary: readonly LibraryFunction[] = [...quantizedRowLibrary, ...quantizedBlockLibrary]

const nothing: Routine = { scratch: 0, phases: [], imports: [] }

/** Nanoseconds to expand this many values. */
const expandTime = (values: number): number => values / 2

export const dequantizeRoutine: RoutineFor<'dequantize'> = ({ kind }, [payload], [out]) => {
  if (out!.size === 0) return nothing
  const length = out!.shape.at(-1)!
  const row = payload!.shape.at(-1)!
  return {
    scratch: 0,
    imports: [expandName(kind)],
    phases: [
      {
        count: out!.size / length,
        grain: grainOf(expandTime(length)),
        emit: (code, { inputs, outputs }, lo, hi, library) => {
          code.for(lo, hi, 1, (i) => {
            const to = plus(outputs[0]!, op('i32.mul', i, i32(4 * length)))
            const from = plus(inputs[0]!, op('i32.mul', i, i32(row)))
            code.call(library(expandName(kind)), to, from, i32(0), i32(length))
          })
        },
      },
    ],
  }
}

/** The layout of W: the shape of its values, bytes of a row and of an element, and the size of a group. */
const layoutOf = (kind: ExpandedKind, { shape }: Aval) => {
  if (isHalfKind(kind)) return { shape, rowBytes: 2 * shape.at(-1)!, elementBytes: 2, unit: 1 }
  const { bytes, elements } = blocks[kind]
  return { shape: expandedShape(kind, shape)!, rowBytes: shape.at(-1)!, elementBytes: bytes / elements, unit: elements }
}

/** One row: blocks are read, and nothing is written but the result. `b.col` is from one row of blocks to the next. */
const dots = (kind: ExpandedKind): Kernel => ({
  name: () => dotsName(kind),
  args: ({ b }, piece) => [piece.c, piece.a, piece.b, i32(b.col), piece.cols, piece.depth],
  nanoseconds: (_, { cols, depth }) => 100 + expandTime(cols * depth),
})

const blockOf = (kind: ExpandedKind, transposed: boolean, rowBytes: number): Kernel => ({
  name: () => quantizedBlockName(transposed),
  args: ({ a, c }, { a: x, b: y, c: z, rows, cols, depth }): readonly I32[] => [
    z,
    i32(c.row),
    x,
    i32(a.row),
    y,
    i32(rowBytes),
    i32(expandedKinds.indexOf(kind)),
    rows,
    cols,
    depth,
  ],
  nanoseconds: (_, { rows, cols, depth }) => 100 + cols * depth * (rows / 16 + 1),
})

/** The number of pieces to keep threads busy: for products with one row, which are limited by memory, and for others. */
const MANY = 64
const ENOUGH = 8
/** The least values that an iteration with one row reads. */
const LEAST_VALUES = 2 ** 15
/** The most bytes of a thread's memory for sums of groups. */
const LONGEST = 2 ** 18

/** Columns of a piece: of W's rows, or of values along them, where whole blocks are. */
const columnsOf = (n: number, pieces: number, unit: number, least: number): number =>
  Math.min(n, Math.max(up(n / pieces, unit), up(least, unit)))

/** The product as the kernels see it: B's columns are rows of blocks, or run along them, a fraction of a byte each. */
const productOf = (
  kind: ExpandedKind,
  transposed: boolean,
  [x, payload]: readonly Aval[],
  rows: number,
  columns: number,
): Product => {
  const batch = payload!.shape.slice(0, -2)
  const [k, n] = transposed ? [rows, columns] : [columns, rows]
  const m = x!.size / (sizeOf(batch) * k)
  const { rowBytes, elementBytes } = layoutOf(kind, payload!)
  return {
    float: float32,
    batch,
    m,
    n,
    k,
    a: { base: ({ inputs }) => inputs[0]!, batch: rowMajor(batch, m * k * 4), row: k * 4, col: 4 },
    b: {
      base: ({ inputs }) => inputs[1]!,
      batch: rowMajor(batch, rows * rowBytes),
      row: 0,
      col: transposed ? elementBytes : rowBytes,
    },
    c: resultOf(batch, m, n, 4),
  }
}

export const quantizedDotRoutine: RoutineFor<'quantizedDot'> = ({ kind, transposed }, operands, [out]) => {
  if (out!.dtype !== 'float32') return null
  if (out!.size === 0) return nothing
  const { shape, rowBytes, unit } = layoutOf(kind, operands[1]!)
  const [rows, columns] = shape.slice(-2) as [number, number]
  if ((transposed ? rows : columns) === 0) return zeros(out!.size * 4)
  const product = productOf(kind, transposed, operands, rows, columns)
  const { m, n, k } = product
  if (m === 1 && !transposed && k <= LONGEST) {
    const cols = columnsOf(n, MANY, 4, LEAST_VALUES / k)
    const step = productStep(product, { rows: 1, cols, depth: Infinity }, dots(kind))
    return { scratch: 0, phases: [step.phase], imports: step.imports }
  }
  const cols = columnsOf(n, ENOUGH, transposed ? Math.max(GROUP_COLUMNS, unit) : GROUP_COLUMNS, 1)
  const cut = { rows: MAX_ROWS, cols, depth: Infinity }
  const step = productStep(product, cut, blockOf(kind, transposed, rowBytes))
  const whole = n === cols && (m <= MAX_ROWS || m % MAX_ROWS === 0)
  return {
    scratch: 0,
    phases: [step.phase],
    imports: step.imports,
    ...(whole ? { rowsPerIteration: Math.min(m, MAX_ROWS) } : {}),
  }
}

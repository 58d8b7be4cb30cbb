/** Matrix products of floats, with operands of any strides, as routines. */
import { i32 } from '../asm/index.ts'
import { chunkPhase } from './blocks.ts'
import { simplify } from './grid.ts'
import { plus } from './integers.ts'
import { blockFunctions } from './matmulBlock.ts'
import { float32, float64, floatOf } from './matmulFloat.ts'
import { packFunctions } from './matmulPack.ts'
import { planProduct } from './matmulPlan.ts'
import type { Matrices, Product, Step } from './matmulProduct.ts'
import { rowMajor } from './matmulScratch.ts'
import { smallProduct } from './matmulSmall.ts'
import { tileFunctions } from './matmulTiles.ts'
import { vectorFunctions } from './matmulVector.ts'
import type { LibraryFunction, Routine } from './routine.ts'

/** Strides of an operand in elements: along each batch axis (0: the same matrix for all), from row to row, column to column. */
export interface MatrixStrides {
  readonly batch: readonly number[]
  readonly row: number
  readonly col: number
}

/** C = A B for each point of the batch axes: A of m × k, B of k × n, with any strides; C is contiguous. */
export interface MatmulSpec {
  readonly dtype: 'float32' | 'float64'
  readonly batch: readonly number[]
  readonly m: number
  readonly n: number
  readonly k: number
  readonly a: MatrixStrides
  readonly b: MatrixStrides
}

export const matmulLibrary: readonly LibraryFunction[] = [float32, float64].flatMap((float) => [
  ...tileFunctions(float),
  ...packFunctions(float),
  ...blockFunctions(float),
  ...vectorFunctions(float),
  smallProduct(float),
])

/** The same with as few batch axes as possible: contiguous ones are merged; some become rows, or columns. */
const withFewAxes = (product: Product): Product => {
  const { shape, strides } = simplify({
    shape: product.batch,
    strides: [product.a.batch, product.b.batch, product.c.batch],
  })
  const [a, b, c] = strides as [readonly number[], readonly number[], readonly number[]]
  return absorbed({
    ...product,
    batch: shape,
    a: { ...product.a, batch: a },
    b: { ...product.b, batch: b },
    c: { ...product.c, batch: c },
  })
}

const withoutLastAxis = (matrices: Matrices): Matrices => ({ ...matrices, batch: matrices.batch.slice(0, -1) })

/** Rows of several matrices are those of one if B is the same for all; columns, if A is, and there is one row. */
const absorbed = (product: Product): Product => {
  const { batch, m, n, a, b, c } = product
  const extent = batch.at(-1)
  if (extent === undefined) return product
  const fewer = {
    ...product,
    batch: batch.slice(0, -1),
    a: withoutLastAxis(a),
    b: withoutLastAxis(b),
    c: withoutLastAxis(c),
  }
  const [alongA, alongB] = [a.batch.at(-1)!, b.batch.at(-1)!]
  if (alongB === 0 && (m === 1 || alongA === m * a.row)) {
    const rowOf = (x: Matrices, along: number): Matrices => ({ ...x, row: m === 1 ? along : x.row })
    return absorbed({ ...fewer, m: extent * m, a: rowOf(fewer.a, alongA), c: rowOf(fewer.c, c.batch.at(-1)!) })
  }
  if (m === 1 && alongA === 0 && (n === 1 || alongB === n * b.col)) {
    const col = n === 1 ? alongB : b.col
    return absorbed({ ...fewer, n: extent * n, b: { ...fewer.b, col } })
  }
  return product
}

const turned = (x: Matrices): Matrices => ({ ...x, row: x.col, col: x.row })

/** A matrix times a column is the transposed column times the transposed matrix. */
const rowFirst = (product: Product): Product => {
  const { m, n, a, b, c, float } = product
  if (n !== 1 || m === 1) return product
  return { ...product, m: 1, n: m, a: turned(b), b: turned(a), c: { ...c, row: m * float.bytes, col: float.bytes } }
}

/** Strides along axes of extent 1 have no meaning: chooses the best ones for the kernels. */
const withLikedStrides = (product: Product): Product => {
  const { m, n, k, a, b, float } = product
  return {
    ...product,
    a: { ...a, row: m === 1 ? 0 : a.row, col: k === 1 ? float.bytes : a.col },
    b: { ...b, row: k === 1 ? 0 : b.row, col: n === 1 ? float.bytes : b.col },
  }
}

const nothing: Routine = { scratch: 0, phases: [], imports: [] }

/** Empty sums. */
export const zeros = (bytes: number): Routine => ({
  scratch: 0,
  imports: [],
  phases: [
    chunkPhase(bytes, (code, { outputs }, offset, length) => {
      code.fill(plus(outputs[0]!, offset), i32(0), length)
    }),
  ],
})

/** The routine for a product, after other steps that use scratch memory up to an offset. `rowLength`: of the output's rows. */
export const productRoutine = (
  given: Product,
  rowLength: number,
  before: readonly Step[] = [],
  scratch = 0,
): Routine => {
  const { batch, m, n, k, float } = given
  const size = batch.reduce((x, y) => x * y, m * n)
  if (size === 0) return nothing
  if (k === 0) return zeros(size * float.bytes)
  const product = withLikedStrides(rowFirst(withFewAxes(rowFirst(given))))
  const plan = planProduct(product, scratch)
  const steps = [...before, ...plan.steps]
  const rows = plan.rows === null ? NaN : (plan.rows * product.n) / rowLength
  return {
    scratch: plan.scratch,
    phases: steps.map(({ phase }) => phase),
    imports: [...new Set(steps.flatMap(({ imports }) => imports))],
    ...(Number.isInteger(rows) ? { rowsPerIteration: rows } : {}),
  }
}

const operand = (index: number, { batch, row, col }: MatrixStrides, bytes: number): Matrices => ({
  base: ({ inputs }) => inputs[index]!,
  batch: batch.map((s) => s * bytes),
  row: row * bytes,
  col: col * bytes,
})

/** Where the results are: one matrix after the other. */
export const resultOf = (batch: readonly number[], m: number, n: number, bytes: number): Matrices => ({
  base: ({ outputs }) => outputs[0]!,
  batch: rowMajor(batch, m * n * bytes),
  row: n * bytes,
  col: bytes,
})

export const matmulRoutine = ({ dtype, batch, m, n, k, a, b }: MatmulSpec): Routine => {
  const float = floatOf(dtype)
  const { bytes } = float
  const product = {
    float,
    batch,
    m,
    n,
    k,
    a: operand(0, a, bytes),
    b: operand(1, b, bytes),
    c: resultOf(batch, m, n, bytes),
  }
  return productRoutine(product, n)
}

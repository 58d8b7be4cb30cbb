/** Chooses the kernels of a matrix product, and its iterations. The sizes were the fastest in measurements. */
import { i32 } from '../asm/index.ts'
import { plus, times } from './integers.ts'
import { A_BYTES, K_BLOCK, MAX_ROWS, PANEL_GROUP } from './matmulBlock.ts'
import type { Float, I32 } from './matmulFloat.ts'
import type { Cut, Kernel, Product, Step } from './matmulProduct.ts'
import { combine, dots, grainOf, plainBlock, packedBlock, productStep, small } from './matmulProduct.ts'
import { copyToScratch, packToScratch, rowMajor, scratchAt, up } from './matmulScratch.ts'
import { TILE_ROWS, panelColumns } from './matmulTiles.ts'
import { sumRowsName } from './matmulVector.ts'
import type { Phase } from './routine.ts'

const everything: Cut = { rows: Infinity, cols: Infinity, depth: Infinity }

/** What to do in order, with scratch memory up to an offset. */
interface Plan {
  readonly steps: readonly Step[]
  readonly scratch: number
  /**
   * The number of rows of C that an iteration of the last step completes (the last one perhaps fewer); null where they are not
   * whole rows.
   */
  readonly rows: number | null
}

/** The number of iterations to keep threads busy. */
const ENOUGH = 8
/** Up to this many products in one matrix are computed without copies. */
const SMALL = 256
/** Long sums are split into chunks that are summed separately: work for threads, and less rounding. */
const K_CHUNK = 4096
/** The most elements in the sums of all chunks. */
const MOST_PARTS = 2 ** 18
/** Up to this many rows, and from this many steps along k on, contiguous columns of B need not be packed. */
const FEW_ROWS = 16
const LONG_COLUMNS = 64
/** The least bytes of a matrix for an iteration of a product with a vector. */
const STREAM = 65_536
/** Rows for four blocks of 16. */
const MANY_ROWS = 64
/** Bytes of a matrix that is too large for the caches that threads share. */
const LARGE = 2 ** 22
/** The least products of elements in an iteration, where columns are split. */
const PIECE = 2 ** 18
/** Up to this many rows use B in place if its rows are contiguous. */
const DIRECT_ROWS = 24
/** A matrix B of up to this many bytes stays in the L1 cache: its order does not matter. */
const IN_CACHE = 16_384

/** Blocks of about the wanted size, as equal as multiples of a unit allow; exactly equal if the size stays close. */
const evenly = (total: number, wanted: number, unit: number): number => {
  for (let size = wanted; size >= wanted / 2; size -= unit) if (total % size === 0) return size
  return up(total / Math.ceil(total / wanted), unit)
}

const pointsOfBatch = ({ batch }: Product): number => batch.reduce((x, y) => x * y, 1)

const planSmall = (product: Product, scratch: number): Plan => ({
  steps: [productStep(product, everything, small)],
  scratch,
  rows: product.m,
})

/** Partial products of chunks of k in scratch memory, and their sum. Kernels take all rows at once. */
const planChunks = (product: Product, kernel: Kernel, scratch: number): Plan => {
  const { float, batch, m, n, k, c } = product
  const chunks = Math.ceil(k / K_CHUNK)
  const elements = m * n
  const bytes = elements * float.bytes
  const strides = rowMajor([...batch, chunks], bytes)
  const parts = { base: scratchAt(scratch), batch: strides, row: n * float.bytes, col: float.bytes }
  const sums: Phase = {
    count: pointsOfBatch(product),
    grain: grainOf(20 + elements * chunks),
    emit: (code, places, lo, hi, library) => {
      const [from, to] = [parts.base(places), c.base(places)].map((x) => code.let(x)) as [I32, I32]
      code.for(lo, hi, 1, (i) => {
        const [y, x] = [plus(to, times(i, bytes)), plus(from, times(i, chunks * bytes))]
        code.call(library(sumRowsName(float)), y, x, i32(chunks), i32(elements))
      })
    },
  }
  const partial = productStep({ ...product, c: parts }, { ...everything, depth: K_CHUNK }, kernel)
  return {
    steps: [partial, { phase: sums, imports: [sumRowsName(float)] }],
    scratch: scratch + up(pointsOfBatch(product) * chunks * bytes, 16),
    rows: m,
  }
}

const hasChunks = (product: Product): boolean => {
  const { m, n, k } = product
  return k >= 2 * K_CHUNK && pointsOfBatch(product) * m * n * Math.ceil(k / K_CHUNK) <= MOST_PARTS
}

/** The product with one of its operands copied to scratch memory, row by row. */
const withCopy = (
  product: Product,
  operand: 'a' | 'b',
  start: number,
): { readonly product: Product; readonly steps: readonly Step[]; readonly scratch: number } => {
  const { float, batch, m, n, k } = product
  const { base, batch: outer, row, col } = product[operand]
  const inner = { shape: operand === 'a' ? [m, k] : [k, n], strides: [row, col] }
  const copy = copyToScratch(float, base, { shape: batch, strides: outer }, inner, start)
  const copied = { base: copy.base, batch: copy.outer, row: copy.inner[0]!, col: copy.inner[1]! }
  return { product: { ...product, [operand]: copied }, steps: [copy.step], scratch: copy.scratch }
}

/** One row, or a few where columns of B are contiguous, times matrices. */
const planVectors = (given: Product, start: number): Plan => {
  const unit = given.float.bytes
  const down = given.b.row === unit
  const copied = down ? given.a.col !== unit && 'a' : given.b.col !== unit && 'b'
  const { product, steps, scratch } = copied
    ? withCopy(given, copied, start)
    : { product: given, steps: [], scratch: start }
  const kernel = down ? dots : combine
  const { m, n, k, float } = product
  if (hasChunks(product)) {
    const plan = planChunks(product, kernel, scratch)
    return { ...plan, steps: [...steps, ...plan.steps] }
  }
  const enough = Math.ceil(n / Math.ceil(ENOUGH / pointsOfBatch(product)))
  const cols = up(Math.max(enough, STREAM / (k * float.bytes)), 32)
  const last = productStep(product, { ...everything, cols }, kernel)
  return { steps: [...steps, last], scratch, rows: cols < n ? null : m }
}

/** The least columns of a piece: as many as are packed together. */
const leastColumns = (float: Float): number => PANEL_GROUP * panelColumns(float)

/**
 * Blocks of rows; or of columns, where there are few rows, or B is so large that packing it in each thread's memory is better
 * than in shared memory: a block of all rows is the only one to use its part of B.
 */
const cutOf = (product: Product): Cut => {
  const { float, m, n, k } = product
  const points = pointsOfBatch(product)
  const rows = Math.min(m, evenly(m, points * m >= 32 * ENOUGH ? 32 : 16, TILE_ROWS))
  const byRows = { ...everything, rows }
  const fits = m <= MAX_ROWS && m * Math.min(k, K_BLOCK) * float.bytes <= A_BYTES
  if (!fits || (points < ENOUGH && m >= MANY_ROWS && k * n * float.bytes <= LARGE)) return byRows
  const wanted = Math.min(Math.ceil(ENOUGH / points), Math.ceil((m * n * k) / PIECE))
  const cols = Math.max(up(n / wanted, panelColumns(float)), leastColumns(float))
  const pieces = Math.ceil(n / cols)
  return pieces * points >= ENOUGH / 2 || pieces >= Math.ceil(m / rows) ? { ...everything, cols } : byRows
}

/** The number of blocks that use the same matrix B. */
const usesOfB = ({ batch, b, m }: Product, rows: number): number =>
  batch.reduce((uses, extent, d) => (b.batch[d] === 0 ? uses * extent : uses), Math.ceil(m / rows))

const planBlocks = (product: Product, start: number): Plan => {
  const { float, m, n, k, b } = product
  const cut = cutOf(product)
  const points = pointsOfBatch(product)
  const rows = Math.min(cut.rows, m)
  const contiguous = b.col === float.bytes
  const inCache = contiguous && k * n * float.bytes <= IN_CACHE
  const blocks = points * Math.ceil(m / rows) * Math.ceil(n / Math.min(n, cut.cols))
  if (hasChunks(product) && rows === m && blocks < ENOUGH / 2) {
    return planChunks(product, plainBlock(!contiguous), start)
  }
  const completed = cut.cols < n || (m % rows !== 0 && points > 1) ? null : rows
  if (usesOfB(product, rows) < 3 || inCache) {
    const repack = !contiguous || (rows > DIRECT_ROWS && !inCache)
    return { steps: [productStep(product, cut, plainBlock(repack))], scratch: start, rows: completed }
  }
  const packed = packToScratch(product, start)
  const last = productStep({ ...product, b: packed.b }, cut, packedBlock)
  return { steps: [packed.step, last], scratch: packed.scratch, rows: completed }
}

export const planProduct = (product: Product, scratch: number): Plan => {
  const { m, n, k } = product
  if (m * n * k <= SMALL) return planSmall(product, scratch)
  const columns = m <= FEW_ROWS && k >= LONG_COLUMNS && product.b.row === product.float.bytes
  return m === 1 || columns ? planVectors(product, scratch) : planBlocks(product, scratch)
}

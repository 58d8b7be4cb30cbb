/** Matrix products on elements: the loops under `dotGeneral`. */

/** Offsets of the first elements: stacks of matrices come one after another. */
type Starts = readonly [a: number, b: number, out: number]
/** a is m by k, b is k by n, all row-major. */
type Extents = readonly [m: number, k: number, n: number]

// A row of the result at a time, in double precision; four rows of b in each pass, so that the sums are loaded less often.
const sweepRows = (
  a: Float64Array,
  b: Float64Array,
  out: Float64Array,
  [aStart, bStart, outStart]: Starts,
  [m, k, n]: Extents,
): void => {
  const sums = new Float64Array(n)
  for (let i = 0; i < m; i++) {
    sums.fill(0)
    const row = aStart + i * k
    let p = 0
    for (; p + 3 < k; p += 4) {
      const a0 = a[row + p]!
      const a1 = a[row + p + 1]!
      const a2 = a[row + p + 2]!
      const a3 = a[row + p + 3]!
      const b0 = bStart + p * n
      const b1 = b0 + n
      const b2 = b1 + n
      const b3 = b2 + n
      for (let j = 0; j < n; j++) {
        sums[j] = sums[j]! + (a0 * b[b0 + j]! + a1 * b[b1 + j]! + (a2 * b[b2 + j]! + a3 * b[b3 + j]!))
      }
    }
    for (; p < k; p++) {
      const a0 = a[row + p]!
      const b0 = bStart + p * n
      for (let j = 0; j < n; j++) sums[j] = sums[j]! + a0 * b[b0 + j]!
    }
    out.set(sums, outStart + i * n)
  }
}

/** Columns of a tile. */
type Offsets = readonly [number, number, number, number]

/** The four columns of b at `offsets` from `start`, side by side in double precision, for one tile after another. */
const packColumns = (b: Float64Array, start: number, offsets: Offsets, n: number, panel: Float64Array): void => {
  const [c0, c1, c2, c3] = offsets
  let row = start
  for (let q = 0; q < panel.length; q += 4, row += n) {
    panel[q] = b[row + c0]!
    panel[q + 1] = b[row + c1]!
    panel[q + 2] = b[row + c2]!
    panel[q + 3] = b[row + c3]!
  }
}

/** Two rows by four columns of the result: V8 keeps eight sums in registers, not more. */
const multiplyTile = (
  a: Float64Array,
  row0: number,
  row1: number,
  panel: Float64Array,
  out: Float64Array,
  out0: number,
  out1: number,
  [c0, c1, c2, c3]: Offsets,
): void => {
  let [s00, s01, s02, s03] = [0, 0, 0, 0]
  let [s10, s11, s12, s13] = [0, 0, 0, 0]
  for (let q = 0, p0 = row0, p1 = row1; q < panel.length; q += 4, p0++, p1++) {
    const x = a[p0]!
    const y = a[p1]!
    const b0 = panel[q]!
    const b1 = panel[q + 1]!
    const b2 = panel[q + 2]!
    const b3 = panel[q + 3]!
    s00 += x * b0
    s01 += x * b1
    s02 += x * b2
    s03 += x * b3
    s10 += y * b0
    s11 += y * b1
    s12 += y * b2
    s13 += y * b3
  }
  out[out0 + c0] = s00
  out[out0 + c1] = s01
  out[out0 + c2] = s02
  out[out0 + c3] = s03
  out[out1 + c0] = s10
  out[out1 + c1] = s11
  out[out1 + c2] = s12
  out[out1 + c3] = s13
}

// At the edges a tile repeats the last row or column: it computes the same element twice, and needs no special case.
const multiplyTiles = (
  a: Float64Array,
  b: Float64Array,
  out: Float64Array,
  [aStart, bStart, outStart]: Starts,
  [m, k, n]: Extents,
): void => {
  const panel = new Float64Array(4 * k)
  for (let j = 0; j < n; j += 4) {
    const offsets = [j, Math.min(j + 1, n - 1), Math.min(j + 2, n - 1), Math.min(j + 3, n - 1)] as const
    packColumns(b, bStart, offsets, n, panel)
    for (let i = 0; i < m; i += 2) {
      const last = Math.min(i + 1, m - 1)
      multiplyTile(a, aStart + i * k, aStart + last * k, panel, out, outStart + i * n, outStart + last * n, offsets)
    }
  }
}

/** `out = a·b`, summed in double precision. Where b is used for few rows, packing it costs more than it saves. */
export const matmulFloat = (
  a: Float64Array,
  b: Float64Array,
  out: Float64Array,
  starts: Starts,
  extents: Extents,
): void => {
  const multiply = extents[0] < 4 ? sweepRows : multiplyTiles
  multiply(a, b, out, starts, extents)
}

/** The same in 32 bits, wrapping; of bools: whether any pair is true. */
export const matmulInteger = (
  a: Float64Array,
  b: Float64Array,
  out: Float64Array,
  [aStart, bStart, outStart]: Starts,
  [m, k, n]: Extents,
  bool: boolean,
): void => {
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0
      for (let p = 0; p < k; p++) {
        const product = Math.imul(a[aStart + i * k + p]!, b[bStart + p * n + j]!)
        sum = bool ? sum | product : (sum + product) | 0
      }
      out[outStart + i * n + j] = sum
    }
  }
}

/** The same of bigints, which storing wraps around to 64 bits. */
export const matmulBig = (
  a: Float64Array,
  b: Float64Array,
  out: Float64Array,
  [aStart, bStart, outStart]: Starts,
  [m, k, n]: Extents,
): void => {
  const [xs, ys, zs] = [a, b, out] as readonly unknown[] as readonly [BigInt64Array, BigInt64Array, BigInt64Array]
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0n
      for (let p = 0; p < k; p++) sum += xs[aStart + i * k + p]! * ys[bStart + p * n + j]!
      zs[outStart + i * n + j] = sum
    }
  }
}

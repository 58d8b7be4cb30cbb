/** Numbers that are the same in every process and language: element i depends on i and the seed alone. */

/** The finaliser of MurmurHash3 (Appleby, 2008): a bijection of 32-bit integers that mixes all bits. */
const mix = (x: number): number => {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

/** Numbers in [0, 1). */
export const uniform = (seed: number, length: number): Float32Array<ArrayBuffer> => {
  const start = Math.imul(seed, 0x9e3779b9)
  const out = new Float32Array(length)
  for (let i = 0; i < length; i++) out[i] = (mix(start + i) >>> 8) / 2 ** 24
  return out
}

/** Numbers in [-bound, bound). */
export const symmetric = (seed: number, length: number, bound: number): Float32Array<ArrayBuffer> =>
  uniform(seed, length).map((u) => (2 * u - 1) * bound)

/** A kernel whose products have about the variance of their inputs: a uniform of variance 1 / fanIn. */
export const kernel = (seed: number, length: number, fanIn: number): Float32Array<ArrayBuffer> =>
  symmetric(seed, length, Math.sqrt(3 / fanIn))

/** Classes 0, ..., n - 1, as floats. */
export const classes = (seed: number, length: number, n: number): Float32Array<ArrayBuffer> =>
  uniform(seed, length).map((u) => Math.floor(u * n))

/** Rows of zeros with a one at the class. */
export const oneHot = (labels: Float32Array, n: number): Float32Array<ArrayBuffer> => {
  const out = new Float32Array(labels.length * n)
  labels.forEach((label, i) => (out[i * n + label] = 1))
  return out
}

/** 8-bit floats as float32: each format has 256 values, so a table is enough. */

/** E4M3 without infinities, E5M2 as in IEEE 754, E8M0 (a power of two): https://github.com/jax-ml/ml_dtypes. */
type Float8 = 'e4m3fn' | 'e5m2' | 'e8m0fnu'

const e4m3fn = (bits: number): number => {
  const [exponent, mantissa] = [(bits >>> 3) & 15, bits & 7]
  if (exponent === 15 && mantissa === 7) return NaN
  return exponent === 0 ? mantissa * 2 ** -9 : (1 + mantissa / 8) * 2 ** (exponent - 7)
}

const e5m2 = (bits: number): number => {
  const [exponent, mantissa] = [(bits >>> 2) & 31, bits & 3]
  if (exponent === 31) return mantissa === 0 ? Infinity : NaN
  return exponent === 0 ? mantissa * 2 ** -16 : (1 + mantissa / 4) * 2 ** (exponent - 15)
}

const signed =
  (magnitude: (bits: number) => number) =>
  (bits: number): number =>
    bits < 128 ? magnitude(bits) : -magnitude(bits & 127)

const tableOf = (value: (bits: number) => number): Float32Array =>
  Float32Array.from({ length: 256 }, (_, i) => value(i))

const values: { readonly [F in Float8]: (bits: number) => number } = {
  e4m3fn: signed(e4m3fn),
  e5m2: signed(e5m2),
  e8m0fnu: (bits) => (bits === 255 ? NaN : 2 ** (bits - 127)),
}

/** A function from bytes to the float32 values that they encode. */
export const decodeFloat8 = (kind: Float8): ((bytes: Uint8Array) => Float32Array) => {
  let table: Float32Array | undefined
  return (bytes) => {
    const known = (table ??= tableOf(values[kind]))
    const out = new Float32Array(bytes.length)
    for (let i = 0; i < out.length; i++) out[i] = known[bytes[i]!]!
    return out
  }
}

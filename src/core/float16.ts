/** 16-bit floats as bits: IEEE 754 binary16, and bfloat16 (the upper half of a float32). */

const floatView = new Float32Array(1)
const bitsView = new Uint32Array(floatView.buffer)

const bitsOf = (x: number): number => {
  floatView[0] = x
  return bitsView[0]!
}

const fromBits = (bits: number): number => {
  bitsView[0] = bits
  return floatView[0]!
}

/** `bits` without its lowest `shift` bits, rounded to nearest, ties to even. */
const roundShift = (bits: number, shift: number): number => {
  const kept = bits >>> shift
  const rest = bits & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept
}

/** The nearest binary16 of a float32; overflow gives infinity, NaN stays NaN. */
export const float32ToFloat16Bits = (x: number): number => {
  const bits = bitsOf(x)
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // 0x477ff000 is 65520, from which on rounding gives infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - 0x38000000, 13)
  // Below 2^-14: a subnormal, in units of 2^-24.
  const shift = 126 - (magnitude >>> 23)
  if (shift > 24) return sign
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, shift)
}

/** The value of a binary16. */
export const float16BitsToFloat32 = (bits: number): number => {
  const sign = (bits & 0x8000) === 0 ? 1 : -1
  const exponent = (bits >>> 10) & 0x1f
  const mantissa = bits & 0x3ff
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15)
}

/** The nearest bfloat16 of a float32, ties to even; NaN stays NaN. */
export const float32ToBfloat16Bits = (x: number): number => {
  const bits = bitsOf(x)
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}

/** The value of a bfloat16. */
export const bfloat16BitsToFloat32 = (bits: number): number => fromBits((bits << 16) >>> 0)

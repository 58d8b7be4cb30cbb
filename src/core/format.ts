/** Arrays as text, in NumPy's style: one number format for the whole array, summarised when large. */
import type { DType, TypedArray } from './dtype.ts'
import { isFloat } from './dtype.ts'
import { decodeElement } from './convert.ts'
import type { Shape } from './shape.ts'
import { sizeOf, stridesOf } from './shape.ts'

export interface Printable {
  readonly dtype: DType
  readonly shape: Shape
  readonly data: TypedArray
}

const threshold = 1000
const edgeItems = 3
const precision = 8
const lineWidth = 75

const valueAt = ({ dtype, data }: Printable, i: number): number | bigint => decodeElement(dtype, data[i]!)

/** Indices along an axis that are shown; null stands for the dots. */
const shownPlaces = (extent: number, summarise: boolean): readonly (number | null)[] => {
  if (!summarise || extent <= 2 * edgeItems) return Array.from({ length: extent }, (_, i) => i)
  const head = Array.from({ length: edgeItems }, (_, i) => i)
  return [...head, null, ...head.map((i) => extent - edgeItems + i)]
}

/** Offsets of all elements that are shown. */
const shownOffsets = (shape: Shape, summarise: boolean): number[] => {
  const strides = stridesOf(shape)
  let offsets = [0]
  shape.forEach((extent, d) => {
    const places = shownPlaces(extent, summarise).filter((p) => p !== null)
    offsets = offsets.flatMap((o) => places.map((p) => o + p * strides[d]!))
  })
  return sizeOf(shape) === 0 ? [] : offsets
}

const significant: { readonly [D in DType]?: number } = { float64: 16, float32: 8, float16: 4, bfloat16: 3 }

const roundSignificant = (x: number, dtype: DType): number => {
  if (dtype === 'float64' || x === 0) return x
  // The shortest decimal that reads back as the same element.
  for (let digits = 1; digits < significant[dtype]! + 2; digits++) {
    const short = Number(x.toPrecision(digits))
    if (dtype === 'float32' ? Math.fround(short) === x : digits >= significant[dtype]!) return short
  }
  return x
}

/** Decimals that a number needs, once it is rounded to the precision. */
const decimals = (x: number): number => {
  const text = String(Math.abs(Number(x.toFixed(precision))))
  const [mantissa, exponent] = text.split('e')
  const fraction = mantissa!.split('.')[1]?.length ?? 0
  return Math.max(0, fraction - Number(exponent ?? 0))
}

const nonFinite = (x: number): string => (Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf')

const scientific = (x: number, digits: number): string => {
  const [mantissa, exponent] = x.toExponential(digits).split('e')
  const power = Number(exponent)
  const point = mantissa!.includes('.') ? mantissa! : `${mantissa!}.`
  return `${point}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

/** Digits after the point that the shortest scientific forms need. */
const scientificDigits = (xs: readonly number[]): number =>
  Math.min(
    precision,
    Math.max(
      0,
      ...xs.map(
        (x) => (/^-?\d(?:\.(\d+))?e/.exec(Number(x.toExponential(precision)).toExponential())?.[1] ?? '').length,
      ),
    ),
  )

const negativeZero = (x: number, text: string): string => (Object.is(x, -0) ? `-${text}` : text)

/** NumPy's choice: scientific where magnitudes are extreme or far apart, else as many decimals as needed. */
const floatFormatter = (values: readonly number[], dtype: DType): ((x: number) => string) => {
  const finite = values.filter(Number.isFinite).map((x) => roundSignificant(x, dtype))
  const magnitudes = finite.map(Math.abs).filter((x) => x !== 0)
  const largest = Math.max(0, ...magnitudes)
  const smallest = Math.min(Infinity, ...magnitudes)
  const digits = scientificDigits(finite)
  const places = Math.min(precision, Math.max(0, ...finite.map(decimals)))
  const isWide = magnitudes.length > 0 && (largest >= 1e8 || smallest < 1e-4 || largest / smallest > 1000)
  // As many digits as the element needs, then blanks up to the longest.
  const fixed = (x: number): string => {
    const own = Math.min(places, decimals(x))
    const text = own === 0 ? `${x.toFixed(0)}.` : x.toFixed(own)
    return negativeZero(x, text).padEnd(text.length + places - own)
  }
  return (x) => {
    if (!Number.isFinite(x)) return nonFinite(x)
    const rounded = roundSignificant(x, dtype)
    return isWide ? scientific(rounded, digits) : fixed(rounded)
  }
}

const formatterFor = (array: Printable, offsets: readonly number[]): ((i: number) => string) => {
  const { dtype } = array
  if (dtype === 'bool') return (i) => (valueAt(array, i) === 0 ? 'False' : 'True')
  if (!isFloat(dtype)) return (i) => String(valueAt(array, i))
  const format = floatFormatter(
    offsets.map((i) => valueAt(array, i) as number),
    dtype,
  )
  return (i) => format(valueAt(array, i) as number)
}

/** Items in rows no wider than a line. */
const wrap = (items: readonly string[], indent: number): string => {
  const lines: string[] = []
  let line = ''
  for (const item of items) {
    if (line !== '' && indent + line.length + 1 + item.length > lineWidth) {
      lines.push(line)
      line = item
    } else {
      line = line === '' ? item : `${line} ${item}`
    }
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`)
}

/** The elements as NumPy's `str` shows them. */
export const formatArray = (array: Printable): string => {
  const { shape } = array
  const summarise = sizeOf(shape) > threshold
  const offsets = shownOffsets(shape, summarise)
  const format = formatterFor(array, offsets)
  if (shape.length === 0) return format(0)
  const width = Math.max(0, ...offsets.map((i) => format(i).length))
  const strides = stridesOf(shape)
  const show = (axis: number, offset: number): string => {
    const places = shownPlaces(shape[axis]!, summarise)
    const last = axis === shape.length - 1
    const items = places.map((p) => {
      if (p === null) return '...'
      const place = offset + p * strides[axis]!
      return last ? format(place).padStart(width) : show(axis + 1, place)
    })
    const indent = axis + 1
    const separator = '\n'.repeat(shape.length - 1 - axis) + ' '.repeat(indent)
    return `[${last ? wrap(items, indent) : items.join(separator)}]`
  }
  return show(0, 0)
}

/** Elements, shape and dtype, as a console shows them. */
export const describeArray = (array: Printable): string => {
  const name = 'NDArray('
  const text = formatArray(array).replaceAll('\n', `\n${' '.repeat(name.length)}`)
  const shape = array.shape.length > 1 || sizeOf(array.shape) === 0 ? `, shape=[${array.shape.join(', ')}]` : ''
  return `${name}${text}${shape}, dtype=${array.dtype})`
}

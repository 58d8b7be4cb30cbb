/** The header of NumPy's format (numpy.lib.format, versions 1 to 3): a Python dictionary of three keys. */
import { malformed, unsupported } from '../errors.ts'
import { encodeUtf8 } from '../platform.ts'
import { countOf } from '../tensors.ts'

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59)
/** Magic, version, and the longest field for the header's length. */
export const PREFIX = 12
/** NumPy writes far shorter headers; by default it refuses those longer than 10,000. */
const MAX_HEADER = 1_000_000

export interface NpyHeader {
  /** As NumPy writes it: `<f4`, `|b1`, ... */
  readonly descr: string
  readonly isFortran: boolean
  readonly shape: readonly number[]
  /** Where the elements begin, counted from the magic. */
  readonly dataStart: number
}

/** Where the dictionary begins and ends, from the first bytes. */
export const headerSpan = (prefix: Uint8Array, source: string, base: number): readonly [start: number, end: number] => {
  const fault = (at: number, what: string): never => malformed('npy', source, base + at, what)
  if (prefix.length < 10 || MAGIC.some((byte, i) => prefix[i] !== byte)) fault(0, 'it does not begin as NumPy files do')
  const version = prefix[6]!
  if (version < 1 || version > 3) unsupported('npy', source, base + 6, `version ${version} of NumPy's format`)
  if (version > 1 && prefix.length < PREFIX) fault(prefix.length, 'it ends inside of its header')
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.length)
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > MAX_HEADER) fault(8, `its header would take ${length} bytes`)
  const start = version === 1 ? 10 : 12
  return [start, start + length]
}

const entry = /\s*(?:'(\w+)'|"(\w+)")\s*:\s*('[^']*'|"[^"]*"|True|False|\([\d\s,L]*\)|\[)\s*(,|(?=\}))/y

const shapeOf = (text: string): readonly number[] =>
  text
    .slice(1, -1)
    .split(',')
    .map((part) => part.trim().replace(/L$/, ''))
    .filter((part) => part !== '')
    .map(Number)

/** The header in the text of its dictionary. */
export const parseNpyHeader = (text: string, source: string, base: number, dataStart: number): NpyHeader => {
  const fault = (what: string): never => malformed('npy', source, base, what)
  const open = text.indexOf('{')
  if (open < 0 || text.slice(0, open).trim() !== '') fault('its header is not a dictionary')
  const found = new Map<string, string>()
  let at = open + 1
  for (;;) {
    entry.lastIndex = at
    const match = entry.exec(text)
    if (match === null) break
    const [, single, double, value] = match
    const key = single ?? double!
    if (value === '[') unsupported('npy', source, base, 'its elements are structures')
    if (found.has(key)) fault(`'${key}' stands twice in its header`)
    found.set(key, value!)
    at = entry.lastIndex
  }
  if (text.slice(at).trim() !== '}') fault(`its header is not understood from '${text.slice(at, at + 40)}' on`)
  const [descr, order, shape] = ['descr', 'fortran_order', 'shape'].map((key) => found.get(key))
  if (!/^['"]/.test(descr ?? '') || !/^[TF]/.test(order ?? '') || !(shape ?? '').startsWith('(') || found.size !== 3) {
    fault('its header must have descr, fortran_order and shape, and nothing else')
  }
  const extents = shapeOf(shape!)
  if (countOf(extents) === null) fault(`its shape ${shape!.slice(0, 80)} is not one`)
  return { descr: descr!.slice(1, -1), isFortran: order === 'True', shape: extents, dataStart }
}

/** A header of version 1 (or 2, if it is long), padded so that the elements begin at a multiple of 64. */
export const encodeNpyHeader = (descr: string, shape: readonly number[]): Uint8Array => {
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = encodeUtf8(`{'descr': '${descr}', 'fortran_order': False, 'shape': (${extents}), }`)
  const start = text.length + 11 > 65_535 - 64 ? 12 : 10
  const total = Math.ceil((start + text.length + 1) / 64) * 64
  const header = new Uint8Array(total).fill(0x20)
  header.set(MAGIC)
  header.set([start === 10 ? 1 : 2, 0], 6)
  const view = new DataView(header.buffer)
  if (start === 10) view.setUint16(8, total - start, true)
  else view.setUint32(8, total - start, true)
  header.set(text, start)
  header[total - 1] = 0x0a
  return header
}

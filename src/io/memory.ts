/** Memory for ranges of a source: never more than the source's size. */
import { fail } from './errors.ts'

/** Fails unless the range lies within the source. */
export const checkRange = (name: string, size: number, offset: number, length: number): void => {
  if (offset >= 0 && length >= 0 && offset + length <= size) return
  fail({
    _tag: 'Access',
    source: name,
    code: 'EOF',
    message: `${name}: bytes ${offset} to ${offset + length} were asked for, but there are ${size}.`,
  })
}

/** Zeroed bytes for a range that lies within a source of that size. */
export const newBytes = (name: string, size: number, offset: number, length: number): Uint8Array => {
  checkRange(name, size, offset, length)
  try {
    return new Uint8Array(length)
  } catch {
    return fail({
      _tag: 'Access',
      source: name,
      code: 'ENOMEM',
      message: `${name}: there is no memory for ${length} bytes.`,
    })
  }
}

/** CRC-32 of ISO 3309, as in zlib, PNG and gzip: polynomial 0xEDB88320, reflected. */

/** Table k has, for each byte, its remainder when k more zero bytes follow: eight bytes are processed at once. */
const makeTables = (): Uint32Array => {
  const tables = new Uint32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let c = byte
    for (let bit = 0; bit < 8; bit++) c = (c & 1) === 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
    tables[byte] = c
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256]!
    tables[i] = (before >>> 8) ^ tables[before & 0xff]!
  }
  return tables
}

let tables: Uint32Array | undefined

/**
 * The checksum of bytes.
 *
 * @param start - the checksum of the bytes before them.
 */
export const crc32 = (bytes: Uint8Array, start = 0): number => {
  const t = (tables ??= makeTables())
  const whole = bytes.length - (bytes.length % 8)
  let c = ~start
  let i = 0
  for (; i < whole; i += 8) {
    const low = c ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24))
    c =
      t[1792 + (low & 0xff)]! ^
      t[1536 + ((low >>> 8) & 0xff)]! ^
      t[1280 + ((low >>> 16) & 0xff)]! ^
      t[1024 + (low >>> 24)]! ^
      t[768 + bytes[i + 4]!]! ^
      t[512 + bytes[i + 5]!]! ^
      t[256 + bytes[i + 6]!]! ^
      t[bytes[i + 7]!]!
  }
  for (; i < bytes.length; i++) c = (c >>> 8) ^ t[(c ^ bytes[i]!) & 0xff]!
  return ~c >>> 0
}

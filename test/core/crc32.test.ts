import { crc32 as zlib } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32 } from '../../src/core/crc32.ts'

describe('crc32', () => {
  it('is that of zlib', () => {
    const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0))
    expect(crc32(ascii(''))).toBe(0)
    // The check value of the catalogues of CRCs.
    expect(crc32(ascii('123456789'))).toBe(0xcbf43926)
    expect(crc32(ascii('The quick brown fox jumps over the lazy dog'))).toBe(0x414fa339)
    const zlibs = zlib as ((data: Uint8Array) => number) | undefined
    if (zlibs === undefined) return
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(crc32(bytes)).toBe(zlibs(bytes))
      }),
    )
  })

  it('goes on where it stopped, at any place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 40 }), (bytes, at) => {
        expect(crc32(bytes.subarray(at), crc32(bytes.subarray(0, at)))).toBe(crc32(bytes))
      }),
    )
  })
})

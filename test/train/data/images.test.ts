/** Directories of pictures. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { encode as encodePng } from 'fast-png'
import { encode as encodeJpeg } from 'jpeg-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { crc32 } from '../../../src/core/crc32.ts'
import { imageFolder, Tally } from '../../../src/train/index.ts'
import { kept, readFrom, valuesOf } from './support/read.ts'

let folder = ''
const png = (value: number): Uint8Array =>
  encodePng({ width: 2, height: 1, channels: 3, depth: 8, data: Uint8Array.of(value, 0, 255, 1, 2, 3) })

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pullback-images-'))
  mkdirSync(join(folder, 'dog'))
  mkdirSync(join(folder, 'cat'))
  writeFileSync(join(folder, 'cat', '1.png'), png(7))
  writeFileSync(join(folder, 'dog', '1.png'), png(8))
  const grey = { width: 8, height: 8, data: Buffer.alloc(8 * 8 * 4, 128) }
  writeFileSync(join(folder, 'dog', '2.jpg'), encodeJpeg(grey, 95).data)
  writeFileSync(join(folder, 'dog', 'notes.txt'), 'not a picture')
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('imageFolder', () => {
  it('gives pictures with the names of their directories, in order', async () => {
    const images = await valuesOf(imageFolder(folder))
    expect(images.map(({ name, label }) => `${label}: ${name}`)).toEqual([
      'cat: cat/1.png',
      'dog: dog/1.png',
      'dog: dog/2.jpg',
    ])
    const { data, ...size } = images[0]!.image
    expect([...data]).toEqual([7, 0, 255, 1, 2, 3])
    expect({ width: size.width, height: size.height }).toEqual({ width: 2, height: 1 })
    const jpeg = images[2]!.image
    expect([jpeg.width, jpeg.height, jpeg.data.length]).toEqual([8, 8, 192])
    expect(Math.abs(jpeg.data[0]! - 128)).toBeLessThan(3)
  })

  it('goes on from each of them, and says when there are others', async () => {
    const { items } = await readFrom(imageFolder(folder))
    const rest = await readFrom(imageFolder(folder), kept(items[0]!.position))
    expect(rest.items.map(({ value }) => value.name)).toEqual(['dog/1.png', 'dog/2.jpg'])
    const { error } = await readFrom(imageFolder(new Map([['a.png', png(1)]])), items[0]!.position)
    expect(error).toContain('has 1 pictures, and had 3')
  })

  it('finds those in directories of directories', async () => {
    const deep = mkdtempSync(join(tmpdir(), 'pullback-deep-'))
    mkdirSync(join(deep, 'train', 'cats', 'black'), { recursive: true })
    writeFileSync(join(deep, 'train', 'cats', '1.png'), png(1))
    writeFileSync(join(deep, 'train', 'cats', 'black', '2.png'), png(2))
    const images = await valuesOf(imageFolder(deep))
    rmSync(deep, { recursive: true })
    expect(images.map(({ label }) => label)).toEqual(['train/cats', 'train/cats/black'])
  })

  it('takes files at hand, a decoder, and pictures of 16 bits or a palette', async () => {
    const deep = encodePng({ width: 1, height: 1, channels: 1, depth: 16, data: Uint16Array.of(0x1234) })
    const images = await valuesOf(imageFolder(new Map([['x/deep.png', deep]])))
    expect([...images[0]!.image.data]).toEqual([0x12])
    const own = imageFolder(new Map([['x/1.webp', Uint8Array.of(9)]]), {
      decode: (bytes) => ({ width: 1, height: 1, data: bytes }),
    })
    expect((await valuesOf(own))[0]!.image.data[0]).toBe(9)
  })

  it('has pictures that cannot be decoded as bad rows', async () => {
    const files = new Map([
      ['a/1.png', png(1)],
      ['a/2.png', png(1).slice(0, 40)],
      ['a/3.gif', Uint8Array.of(0x47, 0x49, 0x46)],
    ])
    const tally = new Tally()
    const images = await valuesOf(imageFolder(files, { onBad: 'collect', tally }))
    expect(images.length).toBe(1)
    expect(tally.errors.map(({ at }) => at)).toEqual(['a/2.png', 'a/3.gif'])
    expect(tally.errors[1]!.message).toBe(
      'a/3.gif: is neither PNG nor JPEG: give a decoder, { decode: (bytes) => ... }',
    )
    expect((await readFrom(imageFolder(join(folder, 'none')))).error).toContain('ENOENT')
  })
})

/** A PNG as its bytes are written: `rows` are packed samples, `type` is the kind of colour. */
const pngOf = (
  { width, depth, type }: { readonly width: number; readonly depth: number; readonly type: number },
  rows: readonly (readonly number[])[],
  palette: readonly number[] = [],
): Uint8Array => {
  const word = (x: number): readonly number[] => [24, 16, 8, 0].map((shift) => (x >>> shift) & 255)
  const chunk = (name: string, data: readonly number[]): readonly number[] => {
    const body = [...new TextEncoder().encode(name), ...data]
    return [...word(data.length), ...body, ...word(crc32(Uint8Array.from(body)))]
  }
  const packed = deflateSync(Uint8Array.from(rows.flatMap((row) => [0, ...row])))
  return Uint8Array.from([
    ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    ...chunk('IHDR', [...word(width), ...word(rows.length), depth, type, 0, 0, 0]),
    ...(palette.length > 0 ? chunk('PLTE', palette) : []),
    ...chunk('IDAT', [...packed]),
    ...chunk('IEND', []),
  ])
}

describe('kinds of PNG', () => {
  const dataOf = async (bytes: Uint8Array): Promise<readonly number[]> => {
    const [picture] = await valuesOf(imageFolder(new Map([['x.png', bytes]])))
    return [...picture!.image.data]
  }
  const colours = [10, 11, 12, 20, 21, 22, 30, 31, 32]

  it.each([
    [1, [[0b10100000], [0b01100000]], [255, 0, 255, 0, 255, 255]],
    [2, [[0b00011011], [0b11000100]], [0, 85, 170, 255, 0, 85]],
    [
      4,
      [
        [0x0f, 0x10],
        [0x8a, 0x50],
      ],
      [0, 255, 17, 136, 170, 85],
    ],
  ] as const)('grey of %d bits; rows begin with a byte of their own', async (depth, rows, wanted) => {
    expect(await dataOf(pngOf({ width: 3, depth, type: 0 }, rows))).toEqual(wanted)
  })

  it.each([
    [1, [[0b01000000], [0b10000000]], [0, 1, 0, 1, 0, 0]],
    [2, [[0b00011000], [0b10010000]], [0, 1, 2, 2, 1, 0]],
    [
      4,
      [
        [0x01, 0x20],
        [0x21, 0x00],
      ],
      [0, 1, 2, 2, 1, 0],
    ],
    [
      8,
      [
        [0, 1, 2],
        [2, 1, 0],
      ],
      [0, 1, 2, 2, 1, 0],
    ],
  ] as const)('palettes of %d bits', async (depth, rows, indices) => {
    const data = await dataOf(pngOf({ width: 3, depth, type: 3 }, rows, colours))
    expect(data).toEqual(indices.flatMap((i) => colours.slice(3 * i, 3 * i + 3)))
  })

  it('grey with alpha has colours, which processors take', async () => {
    const bytes = pngOf({ width: 2, depth: 8, type: 4 }, [[7, 255, 9, 3]])
    expect(await dataOf(bytes)).toEqual([7, 7, 7, 255, 9, 9, 9, 3])
  })
})

describe('a subdirectory that cannot be read', () => {
  let broken = ''
  beforeAll(() => {
    broken = mkdtempSync(join(tmpdir(), 'pullback-broken-'))
    mkdirSync(join(broken, 'a'))
    writeFileSync(join(broken, 'a', '1.png'), png(1))
    writeFileSync(join(broken, 'a', 'notes.txt'), 'beside the pictures')
    // Root may read everything, but not a link that leads to itself.
    symlinkSync('b', join(broken, 'b'))
    mkdirSync(join(broken, 'c'))
    writeFileSync(join(broken, 'c', '1.png'), png(2))
  })
  afterAll(() => {
    rmSync(broken, { recursive: true })
  })

  it('ends the stream with an error that names it', async () => {
    const { items, error } = await readFrom(imageFolder(broken))
    expect(items.map(({ value }) => value.name)).toEqual(['a/1.png'])
    expect(error).toMatch(/b: is a directory that cannot be read: .*ELOOP/)
  })

  it('is a bad row, counted, where those are left out', async () => {
    const tally = new Tally()
    const stream = imageFolder(broken, { onBad: 'skip', tally })
    const { items } = await readFrom(stream)
    expect(items.map(({ value }) => value.name)).toEqual(['a/1.png', 'c/1.png'])
    expect([tally.rows, tally.bad]).toEqual([3, 1])
    expect(tally.errors[0]!.at).toBe('b')
    const rest = await readFrom(stream, kept(items[0]!.position))
    expect(rest.items.map(({ value }) => value.name)).toEqual(['c/1.png'])
  })
})

/** Directories of pictures. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode as encodePng } from 'fast-png'
import { encode as encodeJpeg } from 'jpeg-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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

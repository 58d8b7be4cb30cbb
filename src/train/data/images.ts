/** Directories of pictures, a subdirectory for each class. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { FolderLike, Folder } from '../../io/index.ts'
import { openFolder, readAll } from '../../io/index.ts'
import { aFolder } from '../../io/folder.ts'
import type { ImageLike } from '../../models/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { DataError } from '../errors.ts'
import type { Stream, StreamError } from '../stream.ts'
import { cursorOf, dataError, end, isCount, isParts, item, left, right, strangePosition, streamOf } from './cursor.ts'
import { peer } from './peers.ts'
import type { BadRows } from './rows.ts'
import { badRowsTable, judgeRows } from './rows.ts'

/** A picture with its label. */
export interface LabelledImage {
  readonly image: ImageLike
  /** Its subdirectory, `cats` or `train/cats`; '' at the top. */
  readonly label: string
  /** Its name in the folder. */
  readonly name: string
}

/** Decodes a picture from a file's bytes; if it throws, the row is bad. */
export type DecodeImage = (bytes: Uint8Array, name: string) => ImageLike | Promise<ImageLike>

/** Options of `imageFolder`. */
export interface ImageFolderOptions extends BadRows {
  /** By default `fast-png` and `jpeg-js`, which must be installed. */
  readonly decode?: DecodeImage
}

/** A picture as fast-png decodes it. */
interface PngImage {
  readonly width: number
  readonly height: number
  readonly depth: number
  readonly channels: number
  readonly data: Uint8Array | Uint8ClampedArray | Uint16Array
  readonly palette?: unknown
}

/** The parts of fast-png that are used. */
interface FastPng {
  decode(bytes: Uint8Array): PngImage
  convertIndexedToRgb(image: PngImage): Uint8Array
}

/** The parts of jpeg-js that are used. */
interface JpegJs {
  decode(bytes: Uint8Array, options: { readonly useTArray: true; readonly formatAsRGBA: false }): ImageLike
}

/** The package's exports, whether it is CommonJS or not. */
const exportsOf = <M extends object>(module: M | { readonly default: M }): M =>
  'default' in module && typeof module.default === 'object' ? module.default : (module as M)

const other = ', or give your own: { decode: (bytes) => ... }'

/** Expands samples of 1, 2 or 4 bits, the first in the highest bits, to bytes from 0 to 255: each row begins at a new byte. */
const unpacked = ({ width, height, depth, channels, data }: PngImage): Uint8Array => {
  const samples = width * channels
  const rowBytes = Math.ceil((samples * depth) / 8)
  const most = 2 ** depth - 1
  return Uint8Array.from({ length: samples * height }, (_, i) => {
    const bit = (i % samples) * depth
    const byte = data[Math.floor(i / samples) * rowBytes + (bit >> 3)]!
    return (((byte >> (8 - depth - (bit & 7))) & most) * 255) / most
  })
}

/** Samples as bytes; null for depths that PNG does not have. */
const inBytes = (image: PngImage): Uint8Array | Uint8ClampedArray | null => {
  const { depth, data } = image
  if (data instanceof Uint16Array) return Uint8Array.from(data, (x) => x >> 8)
  if (depth === 8) return data
  return [1, 2, 4].includes(depth) ? unpacked(image) : null
}

/** Converts grey with alpha to RGBA: pictures have 1, 3 or 4 channels. */
const withColours = (data: Uint8Array | Uint8ClampedArray): Uint8Array =>
  Uint8Array.from({ length: data.length * 2 }, (_, i) => data[2 * (i >> 2) + ((i & 3) === 3 ? 1 : 0)]!)

const decodePng = async (bytes: Uint8Array, name: string): Promise<Either<StreamError, ImageLike>> => {
  const library = await peer<FastPng>('fast-png', name, 'to read PNG', other)
  if (library._tag === 'Left') return library
  const image = library.right.decode(bytes)
  const { width, height, depth, channels } = image
  if (image.palette !== undefined) return right({ width, height, data: library.right.convertIndexedToRgb(image) })
  const data = inBytes(image)
  if (data === null) return left(dataError(name, `is a PNG of ${depth} bits, which are not read: save it with 8.`))
  return right({ width, height, data: channels === 2 ? withColours(data) : data })
}

const decodeJpeg = async (bytes: Uint8Array, name: string): Promise<Either<StreamError, ImageLike>> => {
  const library = await peer<JpegJs | { readonly default: JpegJs }>('jpeg-js', name, 'to read JPEG', other)
  if (library._tag === 'Left') return library
  const { width, height, data } = exportsOf(library.right).decode(bytes, { useTArray: true, formatAsRGBA: false })
  return right({ width, height, data })
}

const decodeKnown = (bytes: Uint8Array, name: string): Promise<Either<StreamError, ImageLike>> => {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return decodePng(bytes, name)
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return decodeJpeg(bytes, name)
  return Promise.resolve(left(dataError(name, `is neither PNG nor JPEG: give a decoder, { decode: (bytes) => ... }`)))
}

const decodeWith = (decode: DecodeImage | undefined) => async (bytes: Uint8Array, name: string) => {
  try {
    return decode === undefined ? await decodeKnown(bytes, name) : right(await decode(bytes, name))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return left(dataError(name, `is a picture that cannot be decoded: ${why}`))
  }
}

const isPicture = (name: string): boolean => /\.(png|jpe?g|webp|gif|bmp|tiff?|avif)$/i.test(name)

/** The maximal depth of directories: links can form cycles. */
const DEEPEST = 16

/** A picture, by name; or a directory that could not be read, and why. */
interface Found {
  readonly name: string
  readonly problem: DataError | null
}

/** What is not a directory is a file beside the pictures. */
const isFile = (error: StreamError): boolean => error._tag === 'Access' && error.code === 'ENOTDIR'

/** Pictures under a path, which is prepended to their names. */
const picturesUnder = async (from: string, path: string, depth: number): Promise<readonly Found[]> => {
  const names = await openFolder(`${from}/${path}`).list()
  if (names._tag === 'Right') return picturesAmong(from, path, names.right ?? [], depth)
  if (isFile(names.left)) return []
  return [{ name: path, problem: dataError(path, `is a directory that cannot be read: ${names.left.message}`) }]
}

const picturesAmong = async (
  from: string,
  path: string,
  names: readonly string[],
  depth: number,
): Promise<readonly Found[]> => {
  const found: Found[] = []
  for (const name of names) {
    const inner = path === '' ? name : `${path}/${name}`
    if (isPicture(name)) found.push({ name: inner, problem: null })
    else if (!name.startsWith('.') && depth < DEEPEST) found.push(...(await picturesUnder(from, inner, depth + 1)))
  }
  return found
}

const byName = (a: Found, b: Found): number => (a.name < b.name ? -1 : 1)

/** All pictures in a folder and in its subdirectories, in order of their names. */
const picturesIn = async (folder: Folder, from: FolderLike): Promise<Either<StreamError, readonly Found[]>> => {
  const names = await folder.list()
  if (names._tag === 'Left') return names
  if (names.right === null) {
    return left(dataError(folder.name, 'cannot be listed, as it is an address: give a Map of its files.'))
  }
  const found =
    typeof from === 'string'
      ? await picturesAmong(from, '', names.right, 0)
      : names.right.filter(isPicture).map((name): Found => ({ name, problem: null }))
  return right([...found].sort(byName))
}

/** A decoded picture, or the error. */
type Read = Either<DataError, LabelledImage>

/** The pictures in order. The place is the number read, and the total. */
const imagesOf = (folder: Folder, from: FolderLike, decode: DecodeImage | undefined): Stream<Read> =>
  streamOf('imageFolder', (position) => {
    const start = position ?? [0, null]
    if (!isParts(start, 2) || !isCount(start[0])) return strangePosition('imageFolder', position)
    const [, total] = start
    let next = start[0]
    let found: readonly Found[] | null = null
    const make = decodeWith(decode)
    return cursorOf<Read>(async () => {
      if (found === null) {
        const listed = await picturesIn(folder, from)
        if (listed._tag === 'Left') return listed
        found = listed.right
        if (total !== null && total !== found.length) {
          const why = `has ${found.length} pictures, and had ${String(total)} when it was read before. Begin anew.`
          return left(dataError(folder.name, why))
        }
      }
      const one = found[next]
      if (one === undefined) return end
      const { name, problem } = one
      if (problem !== null) return item<Read>(left(problem), [++next, found.length])
      const file = await folder.open(name)()
      if (file._tag === 'Left') return file
      if (file.right === null) return left(dataError(name, 'was there a moment ago, and is gone.'))
      const bytes = await readAll(file.right)()
      if (bytes._tag === 'Left') return bytes
      next++
      const image = await make(bytes.right, name)
      const label = name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : ''
      const place = [next, found.length]
      if (image._tag === 'Right') return item<Read>(right({ image: image.right, label, name }), place)
      return image.left._tag === 'DataError' ? item<Read>(left(image.left), place) : left(image.left)
    })
  })

const imageFolderDoor = must.door('imageFolder', {
  from: aFolder,
  options: must.optionsOf<ImageFolderOptions>({ ...badRowsTable, decode: must.func }),
})

/**
 * The pictures of a directory and its subdirectories, in order of their names, each with the subdirectory's name as its label.
 *
 * This package contains no decoder. PNG and JPEG are read by `fast-png` and `jpeg-js`, which have no dependencies and run in
 * browsers too; a faster decoder, or one for other formats, is one function: `sharp` in Node, `createImageBitmap` in a browser.
 * Subdirectories that cannot be read are bad rows, like pictures that cannot be decoded. All kinds of PNGs are read: samples of
 * 1 to 4 bits become bytes from 0 to 255, the upper bytes of 16-bit samples are kept, palettes become colours.
 *
 * @param from - the path of a directory, or a Map of files by name, `cats/1.png`.
 * @example
 * ```ts
 * import { encode } from 'fast-png'
 * import { imageFolder, toArray } from 'pullback/train'
 * const picture = encode({ width: 2, height: 1, data: Uint8Array.of(255, 0, 0, 0, 0, 255), channels: 3 })
 * const images = await toArray(imageFolder(new Map([['cats/1.png', picture], ['dogs/1.png', picture]])))()
 * images._tag === 'Right' && images.right.map(({ label }) => label) // => cats,dogs
 * images._tag === 'Right' && images.right[0]?.name // => cats/1.png
 * // Red, and blue.
 * images._tag === 'Right' && images.right[0]?.image.data // => 255,0,0,0,0,255
 * ```
 */
export const imageFolder = (from: FolderLike, options: ImageFolderOptions = {}): Stream<LabelledImage> => {
  imageFolderDoor(from, options)
  const { decode, ...bad } = options
  const folder = openFolder(from)
  return judgeRows('imageFolder', folder.name, (read: Read) => read, bad)(imagesOf(folder, from, decode))
}

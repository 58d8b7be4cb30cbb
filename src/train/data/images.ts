/** Directories of pictures, a subdirectory for each class. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { FolderLike, Folder } from '../../io/index.ts'
import { openFolder, readAll } from '../../io/index.ts'
import { aFolder } from '../../io/folder.ts'
import type { ImageLike } from '../../models/index.ts'
import * as must from '../../surface/arguments.ts'
import type { DataError } from '../errors.ts'
import type { Stream, StreamError } from '../stream.ts'
import { cursorOf, dataError, end, isCount, isParts, item, left, right, strangePosition, streamOf } from './cursor.ts'
import { peer } from './peers.ts'
import type { BadRows } from './rows.ts'
import { badRowsTable, judgeRows } from './rows.ts'

/** A picture, and what it shows. */
export interface LabelledImage {
  readonly image: ImageLike
  /** The subdirectory that it is in, `cats` or `train/cats`; '' for those in none. */
  readonly label: string
  /** Its name in the folder. */
  readonly name: string
}

/** Makes a picture of a file's bytes; what it throws is a bad row. */
export type DecodeImage = (bytes: Uint8Array, name: string) => ImageLike | Promise<ImageLike>

/** Options of `imageFolder`. */
export interface ImageFolderOptions extends BadRows {
  /** By default `fast-png` and `jpeg-js`, which are to be installed beside this package. */
  readonly decode?: DecodeImage
}

/** What is used of fast-png. */
interface FastPng {
  decode(bytes: Uint8Array): {
    readonly width: number
    readonly height: number
    readonly depth: number
    readonly channels: number
    readonly data: Uint8Array | Uint8ClampedArray | Uint16Array
    readonly palette?: unknown
  }
  convertIndexedToRgb(image: unknown): Uint8Array
}

/** What is used of jpeg-js. */
interface JpegJs {
  decode(bytes: Uint8Array, options: { readonly useTArray: true; readonly formatAsRGBA: false }): ImageLike
}

/** The package's exports, whether it is CommonJS or not. */
const exportsOf = <M extends object>(module: M | { readonly default: M }): M =>
  'default' in module && typeof module.default === 'object' ? module.default : (module as M)

const other = ', or give your own: { decode: (bytes) => ... }'

const decodePng = async (bytes: Uint8Array, name: string): Promise<Either<StreamError, ImageLike>> => {
  const library = await peer<FastPng>('fast-png', name, 'to read PNG', other)
  if (library._tag === 'Left') return library
  const image = library.right.decode(bytes)
  const { width, height, depth, data } = image
  if (image.palette !== undefined) return right({ width, height, data: library.right.convertIndexedToRgb(image) })
  if (data instanceof Uint16Array) return right({ width, height, data: Uint8Array.from(data, (x) => x >> 8) })
  if (depth !== 8) return left(dataError(name, `is a PNG of ${depth} bits, which are not read: save it with 8.`))
  return right({ width, height, data })
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

/** Directories in directories, at most so many: links can make circles. */
const DEEPEST = 16

/** Pictures under a path, with it before their names. What cannot be listed is a file beside the pictures. */
const picturesUnder = async (from: string, path: string, depth: number): Promise<readonly string[]> => {
  const names = await openFolder(`${from}/${path}`).list()
  return names._tag === 'Left' || names.right === null ? [] : picturesAmong(from, path, names.right, depth)
}

const picturesAmong = async (
  from: string,
  path: string,
  names: readonly string[],
  depth: number,
): Promise<readonly string[]> => {
  const pictures: string[] = []
  for (const name of names) {
    const inner = path === '' ? name : `${path}/${name}`
    if (isPicture(name)) pictures.push(inner)
    else if (!name.startsWith('.') && depth < DEEPEST) pictures.push(...(await picturesUnder(from, inner, depth + 1)))
  }
  return pictures
}

/** The names of all pictures in a folder and in its subdirectories, sorted. */
const picturesIn = async (folder: Folder, from: FolderLike): Promise<Either<StreamError, readonly string[]>> => {
  const names = await folder.list()
  if (names._tag === 'Left') return names
  if (names.right === null) {
    return left(dataError(folder.name, 'cannot be listed, as it is an address: give a Map of its files.'))
  }
  const found = typeof from === 'string' ? await picturesAmong(from, '', names.right, 0) : names.right.filter(isPicture)
  return right([...found].sort())
}

/** A file's bytes, or the picture that was made of them. */
type Read = Either<DataError, LabelledImage>

/** The pictures one after the other. The place is how many have been read, and of how many. */
const imagesOf = (folder: Folder, from: FolderLike, decode: DecodeImage | undefined): Stream<Read> =>
  streamOf('imageFolder', (position) => {
    const start = position ?? [0, null]
    if (!isParts(start, 2) || !isCount(start[0])) return strangePosition('imageFolder', position)
    const [, total] = start
    let next = start[0]
    let names: readonly string[] | null = null
    const make = decodeWith(decode)
    return cursorOf<Read>(async () => {
      if (names === null) {
        const listed = await picturesIn(folder, from)
        if (listed._tag === 'Left') return listed
        names = listed.right
        if (total !== null && total !== names.length) {
          const why = `has ${names.length} pictures, and had ${String(total)} when it was read before. Begin anew.`
          return left(dataError(folder.name, why))
        }
      }
      const name = names[next]
      if (name === undefined) return end
      const file = await folder.open(name)()
      if (file._tag === 'Left') return file
      if (file.right === null) return left(dataError(name, 'was there a moment ago, and is gone.'))
      const bytes = await readAll(file.right)()
      if (bytes._tag === 'Left') return bytes
      next++
      const image = await make(bytes.right, name)
      const label = name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : ''
      const place = [next, names.length]
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
 * No decoder is part of this package. PNG and JPEG are read by `fast-png` and `jpeg-js`, which need nothing else and run in browsers
 * too; anything faster, or for other formats, is one function: `sharp` in Node, `createImageBitmap` in a browser.
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

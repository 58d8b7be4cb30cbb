/** Handwritten digits on larger pictures, at places of chance: a model must find them before it can read them. */
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { np, random } from 'pullback'
import type { NDArray } from 'pullback'
import type { DataError, Digits } from './digits.ts'
import { PIXELS, readDigits } from './digits.ts'
import { shuffled } from './train.ts'

/** Rows and columns of a digit, and of the picture that it is on. */
const DIGIT = 28
const SCENE = 48

/** A grey picture with a digit on it. */
export interface Scene {
  /** A byte for each pixel, as `imageProcessor` takes them. */
  readonly picture: { readonly data: Uint8Array; readonly width: number; readonly height: number }
  /** Where the digit begins. */
  readonly top: number
  readonly left: number
  readonly label: number
}

const sceneOf = ({ images, labels }: Digits, i: number, top: number, left: number): Scene => {
  const data = new Uint8Array(SCENE * SCENE)
  for (let row = 0; row < DIGIT; row++) {
    for (let column = 0; column < DIGIT; column++) {
      const ink = images[i * PIXELS + row * DIGIT + column]!
      data[(top + row) * SCENE + left + column] = Math.round(255 * ink)
    }
  }
  return { picture: { data, width: SCENE, height: SCENE }, top, left, label: labels[i]! }
}

/** So many scenes of real digits, in an order that the key says. */
export const readScenes = (key: random.Key, count: number): TaskEither<DataError, readonly Scene[]> =>
  pipe(
    readDigits([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    TE.map((digits) => {
      const places = random.randint(random.foldIn(key, 1), [count, 2], 0, SCENE - DIGIT + 1).dataSync('int32')
      const order = shuffled(random.foldIn(key, 0), digits.count).slice(0, count)
      return Array.from(order, (at, i) => sceneOf(digits, at, places[2 * i]!, places[2 * i + 1]!))
    }),
  )

/** The share of a map's heat that lies where the digit is; it has some rows and columns, which are stretched over the picture. */
export const heatOnDigit = (heat: NDArray, { top, left }: Scene): number => {
  const [rows, columns] = heat.shape as readonly [number, number]
  const values = heat.dataSync('float32')
  const at = (row: number, column: number): number =>
    values[Math.floor((row * rows) / SCENE) * columns + Math.floor((column * columns) / SCENE)]!
  let [inside, all] = [0, 0]
  for (let row = 0; row < SCENE; row++) {
    for (let column = 0; column < SCENE; column++) {
      all += at(row, column)
      if (row >= top && row < top + DIGIT && column >= left && column < left + DIGIT) inside += at(row, column)
    }
  }
  return all > 0 ? inside / all : 0
}

/** The share of a picture that its digit has. */
export const digitShare = (DIGIT / SCENE) ** 2

/** The picture as numbers from 0 to 1, shape `[1, SCENE, SCENE]`. */
export const shadesOf = ({ picture }: Scene): NDArray =>
  np.reshape(np.array(picture.data), [1, SCENE, SCENE]).astype('float32').div(255)

import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { NDArray } from 'pullback'
import { openTensors, readTensors } from 'pullback/io'

const folder = resolve(import.meta.dirname, '../data')

export const pathOf = (name: string): string => join(folder, name)
export const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(pathOf(name)))

export interface Expected {
  readonly tensors: {
    readonly [name: string]: { readonly shape: number[]; readonly dtype: string; readonly data: string }
  }
  readonly metadata?: { readonly [key: string]: unknown }
}

export const expectedOf = (name: string): Expected =>
  JSON.parse(readFileSync(pathOf(`${name}.json`), 'utf8')) as Expected

/** Files of which `NAME.json` says what they hold. */
export const recordedFiles: readonly string[] = readdirSync(folder)
  .filter((f) => f.endsWith('.json'))
  .map((f) => f.slice(0, -5))

export const rightOf = <E, A>(result: Either<E, A>): A => {
  if (result._tag === 'Right') return result.right
  throw new Error(`a Left: ${JSON.stringify(result.left)}`)
}

export const leftOf = <E, A>(result: Either<E, A>): E => {
  if (result._tag === 'Left') return result.left
  throw new Error('a Right')
}

/** What a task gives, which must be no error. */
export const get = async <E, A>(task: TaskEither<E, A>): Promise<A> => rightOf(await task())

/** All arrays of a file, by name. */
export const arraysOf = async (path: string): Promise<{ readonly [name: string]: NDArray }> =>
  get(readTensors(await get(openTensors(path))))

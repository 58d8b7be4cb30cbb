/** Groups of elements. */
import { ArgumentError } from '../../core/errors.ts'
import * as must from '../../conversions/arguments.ts'
import type { Cursor, Position, Stream, StreamError } from '../stream.ts'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Operator, Pulled } from './cursor.ts'
import { cursorOf, dataError, end, isParts, item, left, operator, right, strangePosition } from './cursor.ts'
import { aTally } from './tally.ts'
import type { Tally } from './tally.ts'

/** Options of `batch`. */
export interface BatchOptions {
  /** Whether to drop the last batch if it is not full. Default: false. */
  readonly dropLast?: boolean
}

const batchOptions: must.OptionTable<BatchOptions> = { dropLast: must.boolean }
const batchDoor = must.door('batch', { size: must.count, options: must.optionsOf(batchOptions) })
const batchOperator = operator('batch')

/**
 * Lists of `size` elements; the last may have fewer. An error ends the stream before the batch that it would be in.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { batch, range, toArray } from 'pullback/train'
 * const batches = await pipe(range(5), batch(2), toArray)()
 * batches._tag === 'Right' && JSON.stringify(batches.right) // => [[0,1],[2,3],[4]]
 * ```
 */
export const batch = <A>(size: number, options: BatchOptions = {}): Operator<A, readonly A[]> => {
  batchDoor(size, options)
  const { dropLast = false } = options
  return batchOperator((source: Stream<A>, position, epoch) => {
    const cursor = source.open(position, epoch)
    return cursorOf<readonly A[]>(async () => {
      const values: A[] = []
      let after: Position = null
      while (values.length < size) {
        const pulled = await cursor.next()
        if (pulled._tag === 'Left') return pulled
        if (pulled.right === null) break
        values.push(pulled.right.value)
        after = pulled.right.position
      }
      return values.length === 0 || (dropLast && values.length < size) ? end : item(values, after)
    }, cursor.close)
  })
}

/** Elements of similar lengths. */
export interface Bucket<A> {
  /** The length to which rows are padded. */
  readonly length: number
  readonly rows: readonly A[]
}

/** Options of `bucket`. */
export interface BucketOptions<A> {
  /** The length of an element; that of its `input_ids` by default. */
  readonly lengthOf?: (value: A) => number
  /** The lengths to which batches are padded, ascending. An element goes to the first that is large enough. */
  readonly bounds: readonly number[]
  /** Elements in a batch: a number, or one for each bound. */
  readonly size: number | readonly number[]
  /** Whether to drop batches that are not full at the end. Default: false. */
  readonly dropLast?: boolean
  /** Counts the shapes; a compiled step is traced once for each. */
  readonly tally?: Tally
}

const bucketOptions: must.OptionTable<BucketOptions<unknown>> = {
  lengthOf: must.func,
  bounds: must.required(must.kind('a list of lengths, rising', (x) => isRising(x))),
  size: must.required(must.anyOf(must.count, must.listOf(must.count))),
  dropLast: must.boolean,
  tally: aTally,
}

const isRising = (x: unknown): boolean =>
  must.isListOf(x, must.count.accepts) &&
  (x as readonly number[]).length > 0 &&
  (x as readonly number[]).every((bound, i, bounds) => i === 0 || bound > bounds[i - 1]!)

const bucketDoor = must.door('bucket', { options: must.optionsOf(bucketOptions) })
const bucketOperator = operator('bucket')

/** An element that waits for its batch to fill, with the place before it, and its index. */
interface Waiting<A> {
  readonly value: A
  readonly before: Position
  readonly number: number
}

/**
 * Up to this distance, elements are skipped by reading; further ones are reached by opening their place, for which `shuffle`
 * would read its whole buffer again.
 */
const NEAR = 256

/** Reads the elements after some places of a stream, in its order. */
class Picker<A> {
  readonly #source: Stream<A>
  readonly #epoch: number
  #cursor: Cursor<A> | null = null
  /** Where the cursor is, as text. */
  #place = ''

  constructor(source: Stream<A>, epoch: number) {
    this.#source = source
    this.#epoch = epoch
  }

  async close(): Promise<void> {
    await this.#cursor?.close()
    this.#cursor = null
  }

  async pick(before: Position): Promise<Pulled<A>> {
    const wanted = JSON.stringify(before)
    for (let passed = 0; ; passed++) {
      if (passed > NEAR) await this.close()
      if (this.#cursor === null) {
        this.#cursor = this.#source.open(before, this.#epoch)
        this.#place = wanted
      }
      const isIt = this.#place === wanted
      const pulled = await this.#cursor.next()
      if (isIt || pulled._tag === 'Left') {
        if (pulled._tag === 'Right' && pulled.right !== null) this.#place = JSON.stringify(pulled.right.position)
        return pulled
      }
      if (pulled.right === null) await this.close()
      else this.#place = JSON.stringify(pulled.right.position)
    }
  }
}

const idsLength = (value: unknown): number => {
  const ids = typeof value === 'object' && value !== null && 'input_ids' in value ? value.input_ids : undefined
  if (Array.isArray(ids)) return ids.length
  throw new ArgumentError('bucket: elements have no input_ids. Say how long they are: { lengthOf: (x) => ... }.')
}

/**
 * Batches of elements of similar lengths, with little padding and few shapes. An element waits until its batch is full; at the
 * end, the remaining elements come in smaller batches, shortest first. A place includes the waiting elements, which are read
 * again on resuming.
 *
 * @returns an error for an element that is longer than the last bound.
 * @throws ArgumentError unless `size` has one number, or one for each bound.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { bucket, fromArray, toArray } from 'pullback/train'
 * const words = fromArray(['a', 'tuned', 'b', 'model', 'c'])
 * const batches = await pipe(words, bucket({ lengthOf: (w) => w.length, bounds: [2, 8], size: 2 }), toArray)()
 * batches._tag === 'Right' && batches.right.map(({ length, rows }) => `${length}: ${rows.join(' ')}`) // => 2: a b,8: tuned model,2: c
 * ```
 */
export const bucket = <A>(options: BucketOptions<A>): Operator<A, Bucket<A>> => {
  bucketDoor(options)
  const { lengthOf = idsLength, bounds, size, dropLast = false, tally } = options
  const sizes = typeof size === 'number' ? bounds.map(() => size) : size
  if (sizes.length !== bounds.length) {
    throw new ArgumentError(`bucket: there are ${bounds.length} bounds and ${sizes.length} sizes.`)
  }
  const bucketOf = (value: A): Either<StreamError, number> => {
    const length = lengthOf(value)
    const i = bounds.findIndex((bound) => length <= bound)
    return i >= 0
      ? right(i)
      : left(dataError('bucket', `an element of length ${length} is beyond the last bound, ${bounds.at(-1)}.`))
  }
  return bucketOperator((source: Stream<A>, position, epoch) => {
    const start = position ?? [null, []]
    if (!isParts(start, 2) || !Array.isArray(start[1])) return strangePosition('bucket', position)
    let [place, missing] = start as readonly [Position, readonly Position[]]
    let waiting: readonly (readonly Waiting<A>[])[] = bounds.map(() => [])
    const cursor = source.open(place, epoch)
    let number = 0
    const put = (value: A, before: Position): Pulled<never> => {
      const at = bucketOf(value)
      if (at._tag === 'Left') return at
      const next = { value, before, number: number++ }
      waiting = waiting.map((bucket, i) => (i === at.right ? [...bucket, next] : bucket))
      return end
    }
    const take = (i: number): Pulled<Bucket<A>> => {
      const rows = waiting[i]!.map(({ value }) => value)
      waiting = waiting.map((bucket, j) => (i === j ? [] : bucket))
      tally?.countShape([rows.length, bounds[i]!])
      const still = waiting.flat().sort((a, b) => a.number - b.number)
      return item({ length: bounds[i]!, rows }, [place, still.map(({ before }) => before)])
    }
    /** Reads the elements that were waiting at the given place. */
    const restore = async (): Promise<Pulled<never>> => {
      if (missing.length === 0) return end
      const picker = new Picker(source, epoch)
      try {
        for (const before of missing) {
          const pulled = await picker.pick(before)
          if (pulled._tag === 'Left') return pulled
          if (pulled.right === null) return await strangePosition('bucket', position).next()
          const done = put(pulled.right.value, before)
          if (done._tag === 'Left') return done
        }
      } finally {
        await picker.close()
      }
      missing = []
      return end
    }
    return cursorOf<Bucket<A>>(async () => {
      const restored = await restore()
      if (restored._tag === 'Left') return restored
      for (;;) {
        const full = waiting.findIndex((bucket, i) => bucket.length === sizes[i])
        if (full >= 0) return take(full)
        const pulled = await cursor.next()
        if (pulled._tag === 'Left') return pulled
        if (pulled.right === null) break
        const done = put(pulled.right.value, place)
        if (done._tag === 'Left') return done
        place = pulled.right.position
      }
      const rest = dropLast ? -1 : waiting.findIndex((bucket) => bucket.length > 0)
      return rest < 0 ? end : take(rest)
    }, cursor.close)
  })
}

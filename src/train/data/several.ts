/** Streams made of several streams, or of one repeated. */
import { ArgumentError } from '../../core/errors.ts'
import type { Key } from '../../random/index.ts'
import { foldIn, uniform } from '../../random/index.ts'
import { aKey } from '../../random/keys.ts'
import * as must from '../../conversions/arguments.ts'
import type { Cursor, Position, Stream } from '../stream.ts'
import type { Operator } from './cursor.ts'
import { aStream, cursorOf, end, isCount, isParts, item, operator, strangePosition, streamOf } from './cursor.ts'

const repeatDoor = must.door('repeat', { n: must.nullable(must.count) })
const repeatOperator = operator('repeat')

/**
 * Repeats the stream `n` times, or forever if `n` is null. Each repetition is an epoch, which is passed to operators before it:
 * `shuffle` draws another order for each, so that `pipe(rows, shuffle(key, 1000), repeat(3))` has three orders. A stream
 * without elements ends.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { range, repeat, toArray } from 'pullback/train'
 * const twice = await pipe(range(3), repeat(2), toArray)()
 * twice._tag === 'Right' && twice.right // => 0,1,2,0,1,2
 * ```
 */
export const repeat = <A>(n: number | null): Operator<A, A> => {
  repeatDoor(n)
  return repeatOperator((source: Stream<A>, position, epoch) => {
    const start = position ?? [0, null]
    if (!isParts(start, 2) || !isCount(start[0]) || (n !== null && start[0] >= n)) {
      return strangePosition('repeat', position)
    }
    let turn = start[0]
    let isFresh = start[1] === null
    const openTurn = (at: Position): Cursor<A> => source.open(at, n === null ? epoch + turn : epoch * n + turn)
    let cursor = openTurn(start[1]!)
    return cursorOf(
      async () => {
        for (;;) {
          const pulled = await cursor.next()
          if (pulled._tag === 'Left') return pulled
          if (pulled.right !== null) {
            isFresh = false
            return item(pulled.right.value, [turn, pulled.right.position])
          }
          if (isFresh || turn + 1 === n) return end
          await cursor.close()
          turn++
          isFresh = true
          cursor = openTurn(null)
        }
      },
      () => cursor.close(),
    )
  })
}

const closeAll = async (cursors: Iterable<Cursor<unknown> | null>): Promise<void> => {
  for (const cursor of cursors) await cursor?.close()
}

const streamsDoor = (name: string): must.Door => must.door(name, { streams: must.listOf(aStream, 'streams') })

const concatDoor = streamsDoor('concat')

/**
 * One stream after the other.
 *
 * @example
 * ```ts
 * import { concat, range, toArray } from 'pullback/train'
 * const numbers = await toArray(concat(range(2), range(7, 9)))()
 * numbers._tag === 'Right' && numbers.right // => 0,1,7,8
 * ```
 */
export const concat = <A>(...streams: readonly Stream<A>[]): Stream<A> => {
  concatDoor(streams)
  return streamOf('concat', (position, epoch) => {
    const start = position ?? [0, null]
    if (!isParts(start, 2) || !isCount(start[0]) || start[0] > streams.length) {
      return strangePosition('concat', position)
    }
    let at = start[0]
    let cursor = streams[at]?.open(start[1], epoch) ?? null
    return cursorOf(
      async () => {
        while (cursor !== null) {
          const pulled = await cursor.next()
          if (pulled._tag === 'Left') return pulled
          if (pulled.right !== null) return item(pulled.right.value, [at, pulled.right.position])
          await cursor.close()
          cursor = streams[++at]?.open(null, epoch) ?? null
        }
        return end
      },
      () => closeAll([cursor]),
    )
  })
}

const zipDoor = must.door('zip', { a: aStream, b: aStream })

/**
 * Pairs of elements of two streams; ends with the shorter one.
 *
 * @example
 * ```ts
 * import { fromArray, range, toArray, zip } from 'pullback/train'
 * const pairs = await toArray(zip(range(9), fromArray(['a', 'b'])))()
 * pairs._tag === 'Right' && pairs.right // => 0,a,1,b
 * ```
 */
export const zip = <A, B>(a: Stream<A>, b: Stream<B>): Stream<readonly [A, B]> => {
  zipDoor(a, b)
  return streamOf('zip', (position, epoch) => {
    const start = position ?? [null, null]
    if (!isParts(start, 2)) return strangePosition('zip', position)
    const first = a.open(start[0], epoch)
    const second = b.open(start[1], epoch)
    return cursorOf(
      async () => {
        const x = await first.next()
        if (x._tag === 'Left') return x
        if (x.right === null) return end
        const y = await second.next()
        if (y._tag === 'Left') return y
        if (y.right === null) return end
        const pair = [x.right.value, y.right.value] as const
        return item(pair, [x.right.position, y.right.position])
      },
      () => closeAll([first, second]),
    )
  })
}

/** Options of `interleave`. */
export interface InterleaveOptions {
  /** The relative frequency of each stream. */
  readonly weights: readonly number[]
  readonly key: Key
  /** Whether to read all streams to their ends (the default), or to stop when the first ends. */
  readonly until?: 'all' | 'first'
}

const interleaveOptions: must.OptionTable<InterleaveOptions> = {
  weights: must.required(must.listOf(must.positive, 'a list of numbers above 0')),
  key: must.required(aKey),
  until: must.oneOf(['all', 'first']),
}

const interleaveDoor = must.door('interleave', {
  streams: must.listOf(aStream, 'a list of streams'),
  options: must.optionsOf(interleaveOptions),
})

/** Draws that are made at once. */
const BLOCK = 256

/** Number i of a sequence of draws from 0 to 1. */
const drawsOf = (key: Key): ((i: number) => number) => {
  let block = -1
  let draws: ArrayLike<number> = []
  return (i) => {
    if (Math.floor(i / BLOCK) !== block) {
      block = Math.floor(i / BLOCK)
      draws = uniform(foldIn(key, block), [BLOCK]).dataSync() as Float32Array
    }
    return draws[i % BLOCK]!
  }
}

/** The open stream selected by a draw from 0 to 1. */
const drawn = (draw: number, weights: readonly number[], isOpen: (i: number) => boolean): number => {
  const open = weights.flatMap((_, i) => (isOpen(i) ? [i] : []))
  const total = open.reduce((sum, i) => sum + weights[i]!, 0)
  let rest = draw * total
  for (const i of open) {
    rest -= weights[i]!
    if (rest < 0) return i
  }
  return open.at(-1)!
}

/**
 * Elements of several streams, each from a stream drawn by weight: a function of the key and the epoch.
 *
 * @throws ArgumentError unless there is a weight for each stream.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { fromArray, interleave, toArray } from 'pullback/train'
 * const [often, seldom] = [fromArray(['a', 'b', 'c']), fromArray(['X'])]
 * const mixed = await toArray(interleave([often, seldom], { weights: [3, 1], key: random.key(0) }))()
 * // All elements, each stream in its own order.
 * mixed._tag === 'Right' && mixed.right.toSorted() // => X,a,b,c
 * ```
 */
export const interleave = <A>(streams: readonly Stream<A>[], options: InterleaveOptions): Stream<A> => {
  interleaveDoor(streams, options)
  const { weights, key, until = 'all' } = options
  if (weights.length !== streams.length) {
    throw new ArgumentError(`interleave: there are ${streams.length} streams and ${weights.length} weights.`)
  }
  return streamOf('interleave', (position, epoch) => {
    const start = position ?? [0, streams.map((): Position => null), streams.map(() => false)]
    if (!isParts(start, 3) || !isCount(start[0]) || !isParts(start[1]!, streams.length)) {
      return strangePosition('interleave', position)
    }
    if (!isParts(start[2]!, streams.length)) return strangePosition('interleave', position)
    let count = start[0]
    const places = [...start[1]]
    const isOver = start[2].map((x) => x === true)
    const cursors = streams.map((stream, i) => (isOver[i]! ? null : stream.open(places[i], epoch)))
    const draw = drawsOf(foldIn(key, epoch))
    return cursorOf(
      async () => {
        while (isOver.includes(false)) {
          const i = drawn(draw(count), weights, (stream) => !isOver[stream]!)
          const pulled = await cursors[i]!.next()
          if (pulled._tag === 'Left') return pulled
          if (pulled.right !== null) {
            places[i] = pulled.right.position
            return item(pulled.right.value, [++count, [...places], [...isOver]])
          }
          if (until === 'first') return end
          isOver[i] = true
        }
        return end
      },
      () => closeAll(cursors),
    )
  })
}

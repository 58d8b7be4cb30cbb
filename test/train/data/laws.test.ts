/** What holds for every composition of operators. */
import * as fc from 'fast-check'
import { random } from 'pullback'
import { describe, expect, it } from 'vitest'
import type { Item, Position, Stream } from '../../../src/train/index.ts'
import {
  batch,
  fromArray,
  interleave,
  items,
  prefetch,
  range,
  repeat,
  shuffle,
  toArray,
} from '../../../src/train/index.ts'
import type { Pipeline } from './support/pipelines.ts'
import { pipelines } from './support/pipelines.ts'
import type { Log } from './support/read.ts'
import { failingAt, kept, readFrom, valuesOf, watched } from './support/read.ts'

/** Most elements that are looked at: compositions of repetitions grow. */
const MOST = 60

const streamOf = ({ make }: Pipeline) => make((source) => source)
const values = (all: readonly Item<number>[]): readonly number[] => all.map(({ value }) => value)
const runs = { numRuns: 300 }
const shown = (p: Pipeline): string => p.text

describe('a pipeline', () => {
  it('gives from the place after each element exactly the rest, also after it was closed in the middle', async () => {
    await fc.assert(
      fc.asyncProperty(pipelines, fc.nat(), async (pipeline, pick) => {
        const stream = streamOf(pipeline)
        const { items: all } = await readFrom(stream, null, MOST)
        if (all.length === 0) return
        const k = pick % all.length
        // Read so far and closed there, by another reading.
        const { items: some } = await readFrom(stream, null, k + 1)
        expect(values(some), shown(pipeline)).toEqual(values(all.slice(0, k + 1)))
        const place = kept(some[k]!.position)
        const rest = await readFrom(stream, place, MOST - k - 1)
        expect(values(rest.items), `${shown(pipeline)} after ${k}`).toEqual(values(all.slice(k + 1)))
        // And the places of the rest lead on: resuming may happen again and again.
        const j = rest.items.findLastIndex((_, i) => i < 3)
        if (j < 0) return
        const again = await readFrom(stream, kept(rest.items[j]!.position), MOST - k - j - 2)
        expect(values(again.items), `${shown(pipeline)} after ${k} and ${j}`).toEqual(values(all.slice(k + j + 2)))
      }),
      runs,
    )
  })

  it('is the same every time, and from the place null', async () => {
    await fc.assert(
      fc.asyncProperty(pipelines, async (pipeline) => {
        const [a, b] = [await readFrom(streamOf(pipeline), null, MOST), await readFrom(streamOf(pipeline), null, MOST)]
        expect(a, shown(pipeline)).toEqual(b)
      }),
      { numRuns: 100 },
    )
  })

  it('reads nothing before it is asked, and closes what it opened', async () => {
    await fc.assert(
      fc.asyncProperty(pipelines, fc.integer({ min: 0, max: 20 }), async (pipeline, most) => {
        const log: Log = { opened: 0, closed: 0, reads: 0 }
        const stream = pipeline.make((source) => watched(source, log))
        expect(log, shown(pipeline)).toEqual({ opened: 0, closed: 0, reads: 0 })
        const cursor = stream.open()
        expect(log.reads, shown(pipeline)).toBe(0)
        await cursor.close()
        await readFrom(stream, null, most)
        expect(log.closed, shown(pipeline)).toBe(log.opened)
      }),
      runs,
    )
  })

  it('has after an error only the error, and after being closed nothing', async () => {
    await fc.assert(
      fc.asyncProperty(pipelines, fc.nat({ max: 6 }), async (pipeline, at) => {
        const stream = pipeline.make((source) => failingAt(source, at))
        const whole = await readFrom(streamOf(pipeline), null, MOST)
        const read = await readFrom(stream, null, MOST)
        // What came before the error is what comes without it.
        expect(values(read.items), shown(pipeline)).toEqual(values(whole.items.slice(0, read.items.length)))
        if (read.error !== null) expect(read.error).toBe(`element ${at} is bad`)
        const cursor = stream.open()
        for (let left = read.items.length; left > 0; left--) await cursor.next()
        const first = await cursor.next()
        if (first._tag === 'Left') expect(await cursor.next()).toEqual(first)
        await cursor.close()
        expect(await cursor.next()).toEqual({ _tag: 'Right', right: null })
      }),
      { numRuns: 200 },
    )
  })

  it('refuses places of other streams as an error', async () => {
    const strange: readonly Position[] = [
      -1,
      0.5,
      'x',
      true,
      [],
      [1],
      [null, -1],
      [null, null],
      [[], 0],
      { a: 1 },
      [0, 0, 0, 0],
    ]
    await fc.assert(
      fc.asyncProperty(pipelines, fc.constantFrom(...strange), async (pipeline, place) => {
        // Some are places after all; none throws, or reads for ever.
        await readFrom(streamOf(pipeline), place, MOST)
      }),
      runs,
    )
    const read = await readFrom(range(3), 'x')
    expect(read.error).toBe('range: the position "x" is none of this stream. Was it saved by another one?')
  })
})

describe('shuffle', () => {
  it('is a permutation, a function of key and epoch', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 40 }),
        fc.integer({ min: 1, max: 50 }),
        fc.nat({ max: 99 }),
        async (n, buffer, seed) => {
          const numbers = Array.from({ length: n }, (_, i) => i)
          const stream = shuffle<number>(random.key(seed), buffer)(fromArray(numbers))
          const read = await valuesOf(stream)
          expect([...read].sort((a, b) => a - b)).toEqual(numbers)
          // None comes much before its place.
          for (const [i, x] of read.entries()) expect(x - i).toBeLessThan(buffer)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('has another order in each epoch of repeat, and with each key', async () => {
    const epochs = await valuesOf(batch<number>(50)(repeat<number>(4)(shuffle<number>(random.key(1), 20)(range(50)))))
    expect(new Set(epochs.map(String)).size).toBe(4)
    for (const epoch of epochs) expect(new Set(epoch).size).toBe(50)
    const other = await valuesOf(shuffle<number>(random.key(2), 20)(range(50)))
    expect(String(other)).not.toBe(String(epochs[0]))
  })

  it('draws another order for each buffer', async () => {
    const read = await valuesOf(shuffle<number>(random.key(4), 10)(range(100)))
    const moved = read.map((x, i) => x - i)
    const tens = [2, 3, 4, 5, 6, 7, 8].map((k) => String(moved.slice(10 * k, 10 * k + 10)))
    expect(new Set(tens).size).toBe(tens.length)
  })

  it('gives each order of a small list the same chance', async () => {
    const orders = await valuesOf(batch<number>(3)(repeat<number>(1200)(shuffle<number>(random.key(7), 3)(range(3)))))
    const counts = new Map<string, number>()
    for (const order of orders) counts.set(order.join(''), (counts.get(order.join('')) ?? 0) + 1)
    expect(counts.size).toBe(6)
    // Chi-squared with 5 degrees of freedom: 20.5 at one in a thousand.
    const chi = [...counts.values()].reduce((sum, c) => sum + (c - 200) ** 2 / 200, 0)
    expect(chi).toBeLessThan(20.5)
  })

  it('lets others meet in the buffers of another epoch', async () => {
    const neighbours = async (epoch: number): Promise<string> => {
      const cursor = shuffle<number>(random.key(3), 10)(range(100)).open(null, epoch)
      const read: number[] = []
      for (let i = 0; i < 100; i++) {
        const pulled = await cursor.next()
        if (pulled._tag === 'Right' && pulled.right !== null) read.push(pulled.right.value)
      }
      const border = read.findIndex((x, i) => i > 0 && Math.max(...read.slice(0, i)) === i - 1)
      return String(border)
    }
    const borders = new Set(await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(neighbours)))
    expect(borders.size).toBeGreaterThan(2)
  })
})

describe('interleave', () => {
  it('has all elements, each stream in its order, drawn by weight', async () => {
    const two = [range(0, 900), range(1000, 1900)]
    const read = await valuesOf(interleave(two, { weights: [3, 1], key: random.key(0) }))
    expect(read.filter((x) => x < 1000)).toEqual(await valuesOf(range(0, 900)))
    expect(read.filter((x) => x >= 1000)).toEqual(await valuesOf(range(1000, 1900)))
    const share = read.slice(0, 400).filter((x) => x < 1000).length / 400
    expect(Math.abs(share - 0.75)).toBeLessThan(0.09)
  })

  it('goes on from every place, also after some of the streams have ended', async () => {
    const streams = [range(4), range(100, 125), range(200, 212)]
    const stream = interleave(streams, { weights: [4, 2, 1], key: random.key(11) })
    const { items: all } = await readFrom(stream)
    expect(all.length).toBe(41)
    for (const [k, { position }] of all.entries()) {
      const rest = await readFrom(stream, kept(position))
      expect(values(rest.items)).toEqual(values(all.slice(k + 1)))
    }
  })

  it('ends with the first that ends if it is asked to', async () => {
    const read = await valuesOf(
      interleave([range(3), range(100, 200)], { weights: [1, 1], key: random.key(0), until: 'first' }),
    )
    expect(read.filter((x) => x < 100)).toEqual([0, 1, 2])
    expect(read.length).toBeLessThan(100)
  })
})

describe('prefetch', () => {
  it('reads ahead, in order, and no further than it says', async () => {
    const log: Log = { opened: 0, closed: 0, reads: 0 }
    const cursor = prefetch<number>(3)(watched(range(10), log)).open()
    expect(log.reads).toBe(0)
    await cursor.next()
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(log.reads).toBe(4)
    await cursor.close()
    expect(log.closed).toBe(1)
  })

  it('does not lose an exception that nobody waits for yet', async () => {
    let n = 0
    const source: Stream<number> = {
      open: () => ({
        next: () =>
          n < 2
            ? Promise.resolve({ _tag: 'Right', right: { value: n, position: ++n } })
            : Promise.reject(new Error('thrown')),
        close: () => Promise.resolve(),
      }),
    }
    const cursor = prefetch<number>(4)(source).open()
    await cursor.next()
    await new Promise((resolve) => setTimeout(resolve, 5))
    await cursor.next()
    await expect(cursor.next()).rejects.toThrow('thrown')
    await cursor.close()
  })
})

describe('repeat', () => {
  it('ends if there is nothing to repeat', async () => {
    expect(await valuesOf(repeat<number>(null)(fromArray<number>([])))).toEqual([])
  })
})

describe('items', () => {
  it('closes the stream when the loop is left, and gives an error as the last', async () => {
    const log: Log = { opened: 0, closed: 0, reads: 0 }
    for await (const item of items(watched(range(9), log))) if (item._tag === 'Right' && item.right.value === 1) break
    expect(log).toEqual({ opened: 1, closed: 1, reads: 2 })
    const tags: string[] = []
    for await (const item of items(failingAt(range(9), 2))) tags.push(item._tag)
    expect(tags).toEqual(['Right', 'Right', 'Left'])
    const failed = await toArray(failingAt(range(9), 2))()
    expect(failed._tag).toBe('Left')
  })
})

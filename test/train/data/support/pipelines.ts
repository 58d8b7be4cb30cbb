/** Random compositions of all operators. */
import * as fc from 'fast-check'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { random } from 'pullback'
import type { Stream } from '../../../../src/train/index.ts'
import {
  batch,
  bucket,
  chunk,
  concat,
  enumerate,
  filter,
  flatMap,
  fromArray,
  fromTaskEither,
  interleave,
  map,
  mapEither,
  mapTaskEither,
  pack,
  prefetch,
  range,
  repeat,
  shuffle,
  skip,
  take,
  zip,
} from '../../../../src/train/index.ts'

/** How a pipeline is written, and its stream of numbers; a source may be looked at or fail. */
export interface Pipeline {
  readonly text: string
  readonly make: (wrap: (source: Stream<number>) => Stream<number>) => Stream<number>
}

interface Step {
  readonly text: string
  readonly step: (source: Stream<number>) => Stream<number>
}

const step = (text: string, f: (source: Stream<number>) => Stream<number>): Step => ({ text, step: f })

const small = fc.integer({ min: 0, max: 6 })
const size = fc.integer({ min: 1, max: 5 })
const seed = fc.integer({ min: 0, max: 9 })

/** Numbers of rows, so that what comes out of packing is a stream of numbers again. */
const packed = (length: number, buffer: number) => (source: Stream<number>) =>
  flatMap(
    ({ input_ids: ids, segment_ids: segments }: { input_ids: readonly number[]; segment_ids: readonly number[] }) =>
      ids.map((id, i) => 100 * segments[i]! + id),
  )(
    pack(length, { buffer })(
      map((n: number) => ({ input_ids: Array.from({ length: 1 + (Math.abs(n) % 3) }, (_, i) => n + i).map(Math.abs) }))(
        source,
      ),
    ),
  )

/** Rows of tokens that do not keep to the samples, as numbers again. */
const chunked = (length: number, dropLast: boolean) => (source: Stream<number>) =>
  flatMap(({ input_ids: ids }: { readonly input_ids: readonly number[] }) => [...ids, ids.length])(
    chunk(length, { dropLast })(
      map((n: number) => ({ input_ids: Array.from({ length: Math.abs(n) % 4 }, (_, i) => Math.abs(n) + i) }))(source),
    ),
  )

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.constant(
    step(
      'map',
      map((n: number) => n + 1),
    ),
  ),
  fc.constant(
    step(
      'map async',
      map((n: number) => Promise.resolve(n - 1)),
    ),
  ),
  fc.constant(
    step(
      'mapEither',
      mapEither((n: number) => ({ _tag: 'Right', right: n })),
    ),
  ),
  fc.constant(
    step(
      'mapTaskEither',
      mapTaskEither((n: number) => TE.right(3 * n)),
    ),
  ),
  size.map((n) =>
    step(
      `filter(% ${n})`,
      filter((x: number) => x % n === 0),
    ),
  ),
  size.map((n) =>
    step(
      `flatMap(list ${n})`,
      flatMap((x: number) => Array.from({ length: Math.abs(x) % n }, (_, i) => x + i)),
    ),
  ),
  size.map((n) =>
    step(
      `flatMap(range ${n})`,
      flatMap((x: number) => range(x, x + (Math.abs(x) % n))),
    ),
  ),
  small.map((n) => step(`take(${n + 3})`, take(n + 3))),
  small.map((n) => step(`skip(${n})`, skip(n))),
  fc.integer({ min: 1, max: 3 }).map((n) => step(`repeat(${n})`, repeat(n))),
  fc.constant(step('repeat(null) take(30)', (s) => take<number>(30)(repeat<number>(null)(s)))),
  fc
    .tuple(seed, fc.integer({ min: 1, max: 12 }))
    .map(([s, n]) => step(`shuffle(${s}, ${n})`, shuffle(random.key(s), n))),
  fc
    .tuple(size, fc.boolean())
    .map(([n, dropLast]) =>
      step(`batch(${n}, ${dropLast})`, (s) =>
        flatMap((rows: readonly number[]) => [...rows, rows.length])(batch<number>(n, { dropLast })(s)),
      ),
    ),
  fc
    .tuple(size, fc.boolean())
    .map(([n, dropLast]) =>
      step(`bucket(${n}, ${dropLast})`, (s) =>
        flatMap(({ length, rows }: { length: number; rows: readonly number[] }) => [length, ...rows])(
          bucket<number>({ lengthOf: (x) => Math.abs(x) % 7, bounds: [1, 4, 6], size: [n, 2, 3], dropLast })(s),
        ),
      ),
    ),
  fc.tuple(fc.integer({ min: 3, max: 8 }), size).map(([n, buffer]) => step(`pack(${n}, ${buffer})`, packed(n, buffer))),
  fc.tuple(size, fc.boolean()).map(([n, dropLast]) => step(`chunk(${n}, ${dropLast})`, chunked(n, dropLast))),
  small.map((n) => step(`prefetch(${n})`, prefetch(n))),
  fc.constant(step('enumerate', (s) => map(([i, x]: readonly [number, number]) => 10 * i + x)(enumerate(s)))),
  fc.constant(step('zip', (s) => map(([a, b]: readonly [number, number]) => a + b)(zip(s, skip<number>(1)(s))))),
  fc.constant(step('concat', (s) => concat(s, range(3), s))),
  fc
    .tuple(seed, fc.constantFrom('all' as const, 'first' as const))
    .map(([k, until]) =>
      step(`interleave(${k}, ${until})`, (s) =>
        interleave([s, range(100, 104), s], { weights: [2, 1, 0.5], key: random.key(k), until }),
      ),
    ),
)

/** Pages of two, with an empty one among them. */
const pages = (n: number): Stream<number> =>
  fromTaskEither((page) => {
    const from = Number(page ?? 0)
    const values = from === 2 ? [] : Array.from({ length: Math.min(2, n - from) }, (_, i) => from + i)
    return TE.right({ values, next: from + 2 < n ? from + 2 : null })
  })

const sources: fc.Arbitrary<{ readonly text: string; readonly source: Stream<number> }> = fc.oneof(
  fc.integer({ min: 0, max: 14 }).map((n) => ({ text: `range(${n})`, source: range(n) })),
  fc
    .array(fc.integer({ min: -20, max: 20 }), { maxLength: 14 })
    .map((xs) => ({ text: JSON.stringify(xs), source: fromArray(xs) })),
  fc.integer({ min: 1, max: 9 }).map((n) => ({ text: `pages(${n})`, source: pages(n) })),
)

export const pipelines: fc.Arbitrary<Pipeline> = fc
  .tuple(sources, fc.array(steps, { maxLength: 4 }))
  .map(([{ text, source }, operators]) => ({
    text: [text, ...operators.map((o) => o.text)].join(' | '),
    make: (wrap) => operators.reduce((stream, { step }) => step(stream), wrap(source)),
  }))

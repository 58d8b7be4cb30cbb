/** From a file of measurements to a report, with fp-ts: what the world gets wrong is a value, and no exception leaves the pipeline. */
import { jit, np, optim, tree, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { pipe } from 'fp-ts/lib/function.js'

export type Failure =
  | { readonly _tag: 'Unreadable'; readonly name: string }
  | { readonly _tag: 'Malformed'; readonly line: number; readonly text: string }
  | { readonly _tag: 'TooFew'; readonly rows: number }
  | { readonly _tag: 'Diverged'; readonly loss: number }
  | { readonly _tag: 'NoModel'; readonly reason: string }

/** What the pipeline needs of the world. */
export interface World {
  readonly read: (name: string) => TE.TaskEither<Failure, string>
  readonly load: (name: string) => TE.TaskEither<Failure, Uint8Array>
  readonly save: (name: string, bytes: Uint8Array) => TE.TaskEither<Failure, void>
}

interface Row {
  /** Some devices did not measure it. */
  readonly temperature: O.Option<number>
  readonly pressure: number
  readonly yield: number
}

const numberIn = (text: string): O.Option<number> =>
  pipe(
    text.trim() === '' ? O.none : O.some(Number(text)),
    O.filter((x) => Number.isFinite(x)),
  )

const parseRow = (text: string, index: number): E.Either<Failure, Row> =>
  pipe(
    text.split(','),
    ([temperature = '', pressure = '', measured = '']) =>
      pipe(
        O.Do,
        O.apS('pressure', numberIn(pressure)),
        O.apS('yield', numberIn(measured)),
        O.map((row) => ({ ...row, temperature: numberIn(temperature) })),
      ),
    E.fromOption((): Failure => ({ _tag: 'Malformed', line: index + 2, text })),
  )

const parse = (text: string): E.Either<Failure, readonly Row[]> =>
  pipe(
    text.trim().split('\n').slice(1),
    E.traverseArrayWithIndex((i, line) => parseRow(line, i)),
    E.filterOrElse(
      (rows) => rows.length >= 4,
      (rows): Failure => ({ _tag: 'TooFew', rows: rows.length }),
    ),
  )

interface Data {
  /** Shape [rows, 3]: temperature, pressure, and 1. */
  readonly x: NDArray
  readonly y: NDArray
}

const dataOf = (rows: readonly Row[]): Data => {
  const known = pipe(rows, RA.filterMap(({ temperature }) => temperature)) // prettier-ignore
  const mean = known.reduce((sum, t) => sum + t, 0) / Math.max(known.length, 1)
  const filled = rows.map(({ temperature, pressure }) => [O.getOrElse(() => mean)(temperature), pressure, 1])
  return { x: np.array(filled), y: np.array(rows.map((row) => row.yield)) }
}

interface Params {
  readonly w: NDArray
}
const zero: Params = { w: np.zeros([3]) }

const loss = ({ w }: Params, { x, y }: Data): NDArray => np.mean(optim.squaredError(np.matmul(x, w), y))

const train =
  (rate: number) =>
  (data: Data): E.Either<Failure, Params> => {
    const optimizer = optim.sgd(rate, { momentum: 0.9 })
    const step = jit((params: Params, state: optim.StateOf<typeof optimizer>) => {
      const [, gradient] = valueAndGrad(loss)(params, data)
      const [updates, next] = optimizer.update(gradient, state, params)
      return [optim.applyUpdates(params, updates), next] as const
    })
    const start = [zero, optimizer.init(zero)] as const
    const [params] = pipe(
      RA.makeBy(500, (i) => i),
      RA.reduce(start, ([params, state]) => step(params, state)),
    )
    const end = loss(params, data).item()
    return Number.isFinite(end) ? E.right(params) : E.left({ _tag: 'Diverged', loss: end })
  }

/** Restored from bytes, as another program would. */
const restore = (bytes: Uint8Array): E.Either<Failure, Params> =>
  pipe(
    tree.deserialize(bytes, { like: zero }),
    E.mapLeft(({ message }): Failure => ({ _tag: 'NoModel', reason: message })),
  )

export interface Report {
  readonly rows: number
  readonly error: number
  readonly weights: readonly number[]
}

/** Trains on one file, saves the model, loads it again, and reports its error on another file. */
export const pipeline =
  (world: World, rate = 0.1) =>
  (training: string, test: string, model: string): TE.TaskEither<Failure, Report> => {
    const dataIn = (name: string): TE.TaskEither<Failure, Data> =>
      pipe(world.read(name), TE.flatMapEither(parse), TE.map(dataOf))
    return pipe(
      dataIn(training),
      TE.flatMapEither(train(rate)),
      TE.flatMap((params) => world.save(model, tree.serialize(params))),
      TE.flatMap(() => world.load(model)),
      TE.flatMapEither(restore),
      TE.bindTo('params'),
      TE.apS('data', dataIn(test)),
      TE.map(({ params, data }) => ({
        rows: data.y.length,
        error: loss(params, data).item(),
        weights: params.w.toArray({ rank: 1 }),
      })),
    )
  }

export const describe: (result: E.Either<Failure, Report>) => string = E.match(
  (failure) => {
    switch (failure._tag) {
      case 'Unreadable':
        return `cannot read ${failure.name}`
      case 'Malformed':
        return `line ${failure.line} is not a row: ${failure.text}`
      case 'TooFew':
        return `${failure.rows} rows are too few`
      case 'Diverged':
        return `training diverged: the loss is ${failure.loss}`
      case 'NoModel':
        return `the model cannot be restored: ${failure.reason}`
    }
  },
  ({ rows, error }) => `mean squared error ${error.toFixed(4)} on ${rows} rows`,
)

/** A world in memory. */
const inMemory = (files: Readonly<Record<string, string>>, damage: (bytes: Uint8Array) => Uint8Array): World => {
  const models = new Map<string, Uint8Array>()
  const unreadable = (name: string) => (): Failure => ({ _tag: 'Unreadable', name })
  return {
    read: (name) => TE.fromOption(unreadable(name))(O.fromNullable(files[name])),
    load: (name) => TE.fromOption(unreadable(name))(O.fromNullable(models.get(name))),
    save: (name, bytes) => TE.fromIO(() => void models.set(name, damage(bytes))),
  }
}

const same = (bytes: Uint8Array): Uint8Array => bytes

/** Rows of `yield = 2 temperature - pressure + 1/2`. */
const table = (rows: readonly (readonly [number, number])[]): string =>
  ['temperature,pressure,yield', ...rows.map(([t, p]) => `${t},${p},${2 * t - p + 0.5}`)].join('\n')

const files = {
  'training.csv': table([[0, 0], [1, 0], [0, 1], [1, 1], [-1, 1], [1, -1]]), // prettier-ignore
  'test.csv': table([[0.5, 0.5], [-1, -1], [2, 1], [-0.5, 1]]), // prettier-ignore
  'odd.csv': 'temperature,pressure,yield\n1,2,3\n1,high,3\n',
  'short.csv': 'temperature,pressure,yield\n1,2,3\n',
  // The third row has no temperature; the mean of the others is what it was.
  'gaps.csv': `${table([[0, 0], [1, 0]])}\n,1,0.5\n0.5,1,0.5\n`, // prettier-ignore
}

export interface Outcomes {
  readonly report: E.Either<Failure, Report>
  readonly gaps: E.Either<Failure, Report>
  readonly said: readonly string[]
}

export const run = async (): Promise<Outcomes> => {
  const world = inMemory(files, same)
  const damaged = inMemory(files, (bytes) => bytes.subarray(0, bytes.length - 8))
  const failing = [
    pipeline(world)('none.csv', 'test.csv', 'model'),
    pipeline(world)('odd.csv', 'test.csv', 'model'),
    pipeline(world)('short.csv', 'test.csv', 'model'),
    pipeline(world, 10)('training.csv', 'test.csv', 'model'),
    pipeline(damaged)('training.csv', 'test.csv', 'model'),
  ]
  const said: string[] = []
  for (const task of failing) said.push(describe(await task()))
  return {
    report: await pipeline(world)('training.csv', 'test.csv', 'model')(),
    gaps: await pipeline(world)('gaps.csv', 'training.csv', 'model')(),
    said,
  }
}

/** Metrics against scikit-learn, however the rows come in batches. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ArgumentError, nn, np, random, ShapeError } from 'pullback'
import type { NDArray } from 'pullback'
import {
  accuracy,
  calibration,
  confusionMatrix,
  evaluate,
  exactMatch,
  exactTextMatch,
  f1,
  mapMetric,
  matthews,
  meanSquaredError,
  perplexity,
  precision,
  r2,
  recall,
  rocAuc,
  topKAccuracy,
} from 'pullback/train'
import type { AnyMetric, Scored } from 'pullback/train'
import { get, leftOf } from '../../io/support/recorded.ts'
import { streamOf } from '../support/streams.ts'

interface Averages {
  readonly macro: number
  readonly micro: number
  readonly weighted: number
  readonly none: readonly number[]
  readonly binary?: number
}

interface Classes {
  readonly logits: readonly number[][]
  readonly labels: readonly number[]
  readonly accuracy: number
  readonly top2: number
  readonly confusion: readonly number[][]
  readonly matthews: number
  readonly perplexity: number
  readonly calibration: { readonly ece: number; readonly bins: readonly [number, number | null, number | null][] }
  readonly precision: Averages
  readonly recall: Averages
  readonly f1: Averages
  readonly rocAuc?: number
  readonly coarse?: { readonly logits: readonly number[]; readonly rocAuc: number }
  readonly curve?: { readonly accuracy: readonly number[]; readonly confidence: readonly number[] }
}

interface Recorded {
  readonly classes: { readonly [name: string]: Classes }
  readonly regression: {
    readonly [name: string]: {
      readonly logits: readonly number[]
      readonly labels: readonly number[]
      readonly meanSquaredError: number
      readonly r2: number
    }
  }
}

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'data/metrics.json'), 'utf8')) as Recorded

const ints = (xs: readonly number[]): NDArray => np.array(xs, { dtype: 'int32' })

/** Rows in batches of those sizes, over and over; the last is filled up with rows that do not count, or is short. */
const batched = (
  logits: readonly (number | readonly number[])[],
  labels: readonly number[],
  sizes: readonly number[],
  fill: boolean,
  asInts = true,
) => {
  const batches: Scored[] = []
  for (let at = 0, i = 0; at < labels.length; i++) {
    const size = sizes[i % sizes.length]!
    const here = { logits: logits.slice(at, at + size), labels: labels.slice(at, at + size) }
    const lack = fill ? size - here.labels.length : 0
    const rows = [...here.logits, ...Array.from({ length: lack }, () => logits[0]!)]
    const truths = [...here.labels, ...Array.from({ length: lack }, () => labels[0]!)]
    const mask = ints(truths.map((_, j) => (j < here.labels.length ? 1 : 0)))
    batches.push({
      logits: np.array(rows),
      labels: asInts ? ints(truths) : np.array(truths),
      ...(fill ? { mask } : {}),
    })
    at += size
  }
  return batches
}

const identity = (_: null, batch: Scored): Scored => batch
const over = <R extends { readonly [name: string]: AnyMetric<Scored> }>(
  batches: readonly Scored[],
  metrics: R,
  jit = true,
) => get(evaluate(identity, null, streamOf(batches), metrics, { jit }))

const ways = [
  ['one batch', [1000], false],
  ['uneven batches, the last short', [7, 3, 8], false],
  ['the last filled up', [16], true],
] as const

describe.each(Object.entries(recorded.classes))('of classes: %s', (_, golden) => {
  const classes = golden.logits[0]!.length
  test.each(ways)('%s', async (__, sizes, fill) => {
    const averages = ['macro', 'micro', 'weighted', 'none'] as const
    const of = <V>(make: (average: (typeof averages)[number]) => V) => Object.fromEntries(averages.map((a) => [a, make(a)]))
    const result = await over(batched(golden.logits, golden.labels, sizes, fill), {
      accuracy: accuracy(),
      top1: topKAccuracy(1),
      top2: topKAccuracy(2),
      confusion: confusionMatrix(classes),
      matthews: matthews({ classes }),
      perplexity: perplexity({ shift: false }),
      calibration: calibration(),
    })
    expect(result.accuracy).toBeCloseTo(golden.accuracy, 12)
    expect(result.top1).toBe(result.accuracy)
    expect(result.top2).toBeCloseTo(golden.top2, 12)
    expect(result.confusion).toEqual(golden.confusion)
    expect(result.matthews).toBeCloseTo(golden.matthews, 12)
    expect(result.perplexity / golden.perplexity).toBeCloseTo(1, 5)
    expect(result.calibration.ece).toBeCloseTo(golden.calibration.ece, 6)
    result.calibration.bins.forEach(({ count, confidence, accuracy: right }, i) => {
      const [n, c, a] = golden.calibration.bins[i]!
      expect(count).toBe(n)
      if (n === 0) return
      expect(confidence).toBeCloseTo(c!, 6)
      expect(right).toBeCloseTo(a!, 12)
    })
    for (const [name, make] of [['precision', precision], ['recall', recall], ['f1', f1]] as const) {
      const values = await over(batched(golden.logits, golden.labels, sizes, fill), of((average) => make({ classes, average })))
      for (const average of ['macro', 'micro', 'weighted'] as const) expect(values[average]).toBeCloseTo(golden[name][average], 12)
      ;(values['none'] as unknown as number[]).forEach((x, i) => { expect(x).toBeCloseTo(golden[name].none[i]!, 12) })
      if (classes !== 2) continue
      const { binary } = await over(batched(golden.logits, golden.labels, sizes, fill), { binary: make() })
      expect(binary).toBeCloseTo(golden[name].binary!, 12)
    }
  })
}) // prettier-ignore

describe('the area under the ROC curve', () => {
  const golden = recorded.classes['binary']!
  test.each(ways)('%s', async (_, sizes, fill) => {
    const { auc } = await over(batched(golden.logits, golden.labels, sizes, fill), { auc: rocAuc() })
    expect(auc).toBeCloseTo(golden.rocAuc!, 12)
    const coarse = await over(batched(golden.coarse!.logits, golden.labels, sizes, fill), { auc: rocAuc() })
    expect(coarse.auc).toBeCloseTo(golden.coarse!.rocAuc, 12)
  })

  test('is the share of pairs in the right order, equal ones by half', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: -4, max: 4 }), fc.nat(1)), { minLength: 1, maxLength: 30 }), async (rows) => {
        const { auc } = await over([{ logits: np.array(rows.map(([s]) => s)), labels: ints(rows.map(([, y]) => y)) }], { auc: rocAuc() }, false)
        const [ones, zeros] = [1, 0].map((y) => rows.filter(([, label]) => label === y).map(([s]) => s))
        const pairs = ones!.flatMap((a) => zeros!.map((b) => (a > b ? 1 : a === b ? 0.5 : 0)))
        const share = pairs.reduce<number>((a, b) => a + b, 0) / pairs.length
        if (Number.isNaN(share)) expect(auc).toBeNaN()
        else expect(auc).toBeCloseTo(share, 12)
      }),
      { numRuns: 100 },
    )) // prettier-ignore

  test('of NaN is NaN; of other labels a mistake', async () => {
    const logits = np.array([1, NaN, 0])
    expect((await over([{ logits, labels: ints([1, 0, 1]) }], { auc: rocAuc() })).auc).toBeNaN()
    await expect(over([{ logits, labels: ints([1, 0, 2]) }], { auc: rocAuc() })).rejects.toThrow(ArgumentError)
    await expect(over([{ logits: np.ones([3, 3]), labels: ints([1, 0, 1]) }], { auc: rocAuc() })).rejects.toThrow('rocAuc: there are 3 classes')
  }) // prettier-ignore
})

test('calibration of log-odds is that of two classes', async () => {
  const golden = recorded.classes['binary']!
  const odds = golden.logits.map(([a, b]) => b! - a!)
  const { one } = await over([{ logits: np.array(odds), labels: ints(golden.labels) }], { one: calibration() })
  expect(one.ece).toBeCloseTo(golden.calibration.ece, 5)
})

describe.each(Object.entries(recorded.regression))('of numbers: %s', (_, golden) => {
  test.each(ways)('%s', async (__, sizes, fill) => {
    const result = await over(batched(golden.logits, golden.labels, sizes, fill, false), {
      mse: meanSquaredError(),
      r2: r2(),
    })
    expect(result.mse / golden.meanSquaredError).toBeCloseTo(1, 9)
    expect(result.r2).toBeCloseTo(golden.r2, 9)
  })
})

describe('of sequences', () => {
  /** Scores of a table of tokens, so that the most probable next token is known. */
  const table = random.normal(random.key(1), [6, 6])
  const predict = (_: null, ids: NDArray) => np.take(table, ids, { axis: 0 })
  const rows = [[1, 2, 3, 4], [2, 2, 0, 5], [5, 4, 3, 2]] // prettier-ignore
  const labels = [[-100, 2, 3, -100], [-100, -100, -100, -100], [-100, 4, 3, 2]] // prettier-ignore
  const batch = (from: number, to: number) => ({
    ids: ints(rows.slice(from, to) as never),
    labels: ints(labels.slice(from, to) as never),
  })
  const f = (params: null, { ids, labels: y }: { readonly ids: NDArray; readonly labels: NDArray }): Scored => ({
    logits: predict(params, ids),
    labels: y,
  })

  test('perplexity counts each token that counts once, whichever batch it is in', async () => {
    const logs = nn.logSoftmax(table).toArray() as number[][]
    const pairs = rows.flatMap((row, i) => row.slice(1).flatMap((id, j) => (labels[i]![j + 1] === -100 ? [] : [[row[j]!, id] as const])))
    const expected = Math.exp(-pairs.reduce((sum, [a, b]) => sum + logs[a]![b]!, 0) / pairs.length)
    for (const parts of [[0, 3], [0, 1, 3], [0, 2, 3], [0, 1, 2, 3]]) {
      const batches = parts.slice(1).map((to, i) => batch(parts[i]!, to))
      const { p } = await get(evaluate(f, null, streamOf(batches), { p: perplexity() }))
      expect(p).toBeCloseTo(expected, 5)
    }
  }) // prettier-ignore

  test('perplexity of scores of 16 bits adds up in more', async () => {
    const many = { logits: np.zeros([64, 65, 4000], { dtype: 'float16' }), labels: np.zeros([64, 65], { dtype: 'int32' }) }
    const { p } = await get(evaluate((_: null, b: typeof many) => b, null, streamOf([many]), { p: perplexity() }))
    expect(p / 4000).toBeCloseTo(1, 3)
  }) // prettier-ignore

  test('exact match takes whole rows, and none of those in which nothing counts', async () => {
    const best = (id: number) => (table.argmax({ axis: 1 })).at(id).get().item()
    const right = [1, best(1), best(best(1))]
    const given = { ids: ints([right, [2, 0, 0], [3, 3, 3]] as never), labels: ints([right, [2, (best(2) + 1) % 6, -100], [-100, -100, -100]] as never) }
    const result = await get(evaluate(f, null, streamOf([given]), { whole: exactMatch(), tokens: accuracy() }))
    expect(result.whole).toBe(0.5)
  }) // prettier-ignore

  test('texts', async () => {
    const texts = [{ predicted: ['a ', 'B'], expected: ['a', 'b'] }, { predicted: ['c'], expected: ['c'] }]
    const metrics = { exact: exactTextMatch(), lower: exactTextMatch({ normalize: (t) => t.trim().toLowerCase() }) }
    const result = await get(evaluate((_: null, t: (typeof texts)[number]) => t, null, streamOf(texts), metrics, { jit: false }))
    expect(result).toEqual({ exact: 2 / 3, lower: 1 })
  }) // prettier-ignore
})

describe('laws', () => {
  const rows = fc.array(
    fc.tuple(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 3, maxLength: 3 }), fc.constantFrom(0, 1, 2, -100)),
    { minLength: 1, maxLength: 20 },
  )

  test('batches in any cut, and rows that do not count, change nothing', () =>
    fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 6 }), async (given, size) => {
        const metrics = { accuracy: accuracy(), top2: topKAccuracy(2), matrix: confusionMatrix(3), f1: f1({ classes: 3 }), m: matthews({ classes: 3 }) }
        const counted = given.filter(([, y]) => y !== -100)
        const [logits, labels] = [given.map(([x]) => x), given.map(([, y]) => y)]
        const whole = await over(counted.length === 0 ? [] : [{ logits: np.array(counted.map(([x]) => x)), labels: ints(counted.map(([, y]) => y)) }], metrics, false)
        expect(await over(batched(logits, labels, [size], false), metrics, false)).toEqual(whole)
        expect(await over(batched(logits, labels, [size], true), metrics, false)).toEqual(whole)
      }),
      { numRuns: 60 },
    )) // prettier-ignore

  test('update changes no state', () => {
    const metric = confusionMatrix(2)
    const measured = metric.measure({ logits: np.array([[1, 2]]), labels: ints([0]) })
    metric.update(metric.init, measured)
    expect(metric.init).toEqual([[0, 0], [0, 0]]) // prettier-ignore
  })

  test('a label whose score is NaN is wrong for every k, and a NaN is before all other scores', async () => {
    const scored = { logits: np.array([[NaN, 1, 2], [3, NaN, 1]]), labels: ints([0, 0]) } // prettier-ignore
    expect(await over([scored], { a: topKAccuracy(1), b: topKAccuracy(3) })).toEqual({ a: 0, b: 0.5 })
  })

  test('mapMetric maps what is computed', async () => {
    const scored = { logits: np.array([[1, 2]]), labels: ints([0]) }
    expect(await over([scored], { wrong: mapMetric(accuracy(), (a) => 1 - a) })).toEqual({ wrong: 1 })
  })
})

describe('mistakes', () => {
  const scored = { logits: np.ones([2, 3]), labels: ints([0, 1]) }
  test.each([
    ['logits of other classes', confusionMatrix(2), scored, ArgumentError, 'logits are of 3 classes, and { classes } says 2'],
    ['labels that are none', confusionMatrix(3), { ...scored, labels: ints([0, 3]) }, ArgumentError, '3 is not a label of 3 classes'],
    ['labels of another shape', accuracy(), { ...scored, labels: ints([0, 1, 2]) }, ShapeError, 'logits have shape [2, 3], and labels [3]'],
    ['a mask of another shape', accuracy(), { ...scored, mask: ints([1, 1, 1]) }, ShapeError, 'the mask has shape [3]'],
    ['classes for a regression', r2(), scored, ShapeError, 'one number for each label'],
  ])('%s', async (_, metric, batch, type, message) => {
    const failed = over([batch], { metric })
    await expect(failed).rejects.toThrow(type)
    await expect(failed).rejects.toThrow(message)
  }) // prettier-ignore

  test('binary average of more classes', () => {
    expect(() => f1({ classes: 3, average: 'binary' })).toThrow(ArgumentError)
  })

  test('an error of the data is a value, and the stream is closed', async () => {
    const data = streamOf([scored, scored], new Map([[1, 'no row']]))
    expect(leftOf(await evaluate(identity, null, data, { a: accuracy() })()).message).toBe('no row')
    expect(data.closed).toBe(1)
  })
})

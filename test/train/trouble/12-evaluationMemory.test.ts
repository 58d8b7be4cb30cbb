/** Trouble 12 of those that people have: see docs/fine-tuning/pipelines.md for what is done about it. */
import { describe, expect, test } from 'vitest'
import { makeProgram, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import {
  accuracy,
  calibration,
  confusionMatrix,
  evaluator,
  exactMatch,
  fromArray,
  perplexity,
  rocAuc,
  topKAccuracy,
} from 'pullback/train'
import type { AnyMetric, Scored } from 'pullback/train'
import { get } from '../../io/support/recorded.ts'

const ints = (xs: readonly number[]): NDArray => np.array(xs, { dtype: 'int32' })

describe('trouble 12: evaluation keeps all logits and runs out of memory (transformers #12878, #8476, #15466)', () => {
  const [batch, length, vocabulary] = [4, 8, 500]
  const table = random.normal(random.key(1), [vocabulary, vocabulary])
  const f = (t: NDArray, { ids, labels }: { readonly ids: NDArray; readonly labels: NDArray }): Scored => ({
    logits: np.take(t, ids, { axis: 0 }),
    labels,
  })
  const data = Array.from({ length: 10 }, (_, i) => {
    const ids = random.randint(random.key(i), [batch, length], 0, vocabulary)
    return { ids, labels: ids }
  })
  const metrics = { perplexity: perplexity(), accuracy: accuracy(), exact: exactMatch(), topK: topKAccuracy(5), calibration: calibration(), matrix: confusionMatrix(vocabulary) } // prettier-ignore

  test('no logits leave the compiled program: what does is a number for each token at most', () => {
    for (const [name, metric] of Object.entries(metrics)) {
      const program = makeProgram((t: NDArray, b: (typeof data)[number]) => metric.measure(f(t, b)) as never)(
        table,
        data[0]!,
      )
      for (const { aval } of program.outputs) expect([name, aval.size <= batch * length]).toEqual([name, true])
    }
  })

  test('states do not grow with the data, but for the five bytes a row of rocAuc', async () => {
    const sizes: number[] = []
    const watched = (metric: AnyMetric<Scored>): AnyMetric<Scored> => ({
      ...metric,
      update: (state, measured) => {
        const next = metric.update(state, measured)
        sizes.push(JSON.stringify(next).length)
        return next
      },
    })
    const few = Object.entries(metrics).filter(([name]) => name !== 'matrix')
    const all = Object.fromEntries(few.map(([name, metric]) => [name, watched(metric)]))
    const run = evaluator(f, all)
    await get(run(table, fromArray(data)))
    expect(Math.max(...sizes)).toBeLessThan(2000)
    const auc = rocAuc()
    let rows = auc.init
    for (let i = 0; i < 3; i++) rows = auc.update(rows, auc.measure({ logits: np.ones([100, 2]), labels: ints(Array.from({ length: 100 }, (__, j) => j % 2)) })) // prettier-ignore
    expect(rows.reduce((n, { scores, labels }) => n + scores.byteLength + labels.byteLength, 0)).toBe(5 * 300)
  })
})

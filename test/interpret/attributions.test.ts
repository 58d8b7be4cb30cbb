import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad, jit, lax, nn, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import {
  byEmbeddings,
  counterfactualTokens,
  flipTokens,
  gradCam,
  gradientTimesInput,
  integratedGradients,
  layerGradients,
  layerRelevance,
  saliency,
  smoothGrad,
  tokenScores,
} from 'pullback/interpret'
import { bertForMaskedLM, loadModel } from 'pullback/models'
import { get } from '../io/support/recorded.ts'

type Nested = readonly number[] | readonly Nested[]

interface Text {
  readonly family: string
  readonly ids: number[][]
  readonly mask: number[][]
  readonly scores: Nested
}

const { network, texts } = JSON.parse(readFileSync(new URL('data/attributions.json', import.meta.url), 'utf8')) as {
  readonly network: Readonly<Record<string, Nested>>
  readonly texts: readonly Text[]
}

const array = (x: unknown): NDArray => np.array(x as number[])

const close = (x: NDArray, wanted: unknown, atol = 1e-5): void => {
  const y = array(wanted)
  expect(x.shape).toEqual(y.shape)
  expect(np.max(np.abs(np.subtract(x, y))).item()).toBeLessThan(atol)
}

const golden = (name: string): NDArray => array(network[name]!)

const convolve = (x: NDArray): NDArray =>
  np.add(lax.conv(x, golden('kernel')), np.reshape(golden('bias'), [1, 3, 1, 1]))

/** The sum over pictures of the scores of class 1. */
const scoreOf = (features: NDArray): NDArray => {
  const flat = np.reshape(nn.softplus(features), [features.shape[0]!, 48])
  return np.sum(
    np
      .add(np.matmul(flat, golden('weight').transpose()), golden('offset'))
      .at(':', 1)
      .get(),
  )
}

const f = (x: NDArray): NDArray => scoreOf(convolve(x))

const withLayer = (x: NDArray) => {
  const features = convolve(x)
  return [scoreOf(features), features] as const
}

describe('attributions', () => {
  const x = golden('x')

  it('are those of captum', () => {
    close(saliency(f, x), network['saliency'])
    close(gradientTimesInput(f, x), network['gradientTimesInput'])
    const baseline = np.broadcastTo(golden('baseline'), x.shape)
    const { attributions, gap } = integratedGradients(f, x, { baseline, steps: 20 })
    close(attributions, network['integrated'])
    expect(Math.abs(gap.item())).toBeLessThan(1e-4)
    close(gradCam(withLayer, x), network['gradCam'])
    close(layerRelevance(withLayer, x), network['layer'])
  })

  it('come near to captum by the trapezoid, whose steps differ by one', () => {
    close(integratedGradients(f, x, { steps: 200, rule: 'trapezoid' }).attributions, network['trapezoid'], 2e-2)
  })

  const numbers = fc.array(fc.float({ min: -2, max: 2, noNaN: true }), { minLength: 4, maxLength: 4 })

  it('of integrated gradients sum to the difference, and are 0 where nothing changes', () => {
    const g = (t: { readonly a: NDArray; readonly b: NDArray }): NDArray =>
      np.sum(np.multiply(np.tanh(np.multiply(t.a, t.b)), np.exp(np.sin(t.a))))
    fc.assert(
      fc.property(numbers, numbers, numbers, (a, b, c) => {
        const [at, baseline] = [
          { a: np.array(a), b: np.array(b) },
          { a: np.array(c), b: np.array(b) },
        ]
        const { attributions, difference, gap } = integratedGradients(g, at, { baseline })
        expect(Math.abs(gap.item())).toBeLessThan(1e-3)
        expect(Math.abs(np.sum(attributions.a).item() - difference.item())).toBeLessThan(1e-3)
        expect(np.all(np.equal(attributions.b, 0)).bool()).toBe(true)
      }),
      { numRuns: 15 },
    )
  })

  it('of integrated gradients tell by their gap that steps are too few', () => {
    const steep = (v: NDArray): NDArray => np.sum(nn.sigmoid(np.multiply(v, 50)))
    const few = integratedGradients(steep, np.array([3]), { baseline: np.array([-3]), steps: 2, rule: 'trapezoid' })
    expect(Math.abs(few.gap.item())).toBeGreaterThan(0.5)
  })

  it('by Gauss and Legendre are exact for polynomials of degree 2n', () => {
    const power = (n: number) => (v: NDArray) => np.sum(np.power(v, n))
    for (const n of [1, 2, 5]) {
      expect(integratedGradients(power(2 * n), np.array([1]), { steps: n }).attributions.at(0).get().item()).toBeCloseTo(1, 5) // prettier-ignore
    }
  })

  it('of SmoothGrad are the gradient without noise, and its mean with', () => {
    const v = np.array([0.5, -1, 2])
    const cubic = (w: NDArray): NDArray => np.sum(np.power(w, 3))
    const key = random.key(3)
    expect(np.allclose(smoothGrad(cubic, v, { key, noise: 0, samples: 3 }), grad(cubic)(v)).bool()).toBe(true)
    // E 3 (v + e)² = 3 v² + 3 σ²
    const sigma = 0.1 * 3
    const mean = smoothGrad(cubic, v, { key, noise: 0.1, samples: 300 })
    expect(np.allclose(mean, np.add(np.multiply(3, np.square(v)), 3 * sigma * sigma), { atol: 0.4 }).bool()).toBe(true)
  })

  it('are the same under jit', () => {
    const compiled = jit((v: NDArray) => integratedGradients(f, v, { steps: 5 }).attributions)(x)
    expect(np.allclose(compiled, integratedGradients(f, x, { steps: 5 }).attributions, { atol: 1e-5 }).bool()).toBe(true) // prettier-ignore
  })

  it('say what they want', () => {
    expect(() => saliency((v: NDArray) => v, np.ones([2]))).toThrow(/scalar/)
    expect(() => integratedGradients(f, x, { steps: 0 })).toThrow(/integratedGradients: .*steps/)
    expect(() => gradCam((v: NDArray) => [np.sum(v), v] as const, np.ones([2]))).toThrow(/\[batch, channels/)
    expect(() => layerGradients((v: NDArray) => [v, v] as const, np.ones([2]))).toThrow(/scalar of floats/)
  })
})

describe('gradients by layers', () => {
  it('are those by the rest of the function', () => {
    const first = (v: NDArray): NDArray => np.sin(v)
    const rest = (h: NDArray): NDArray => np.sum(np.multiply(np.exp(h), np.array([1, 2, 3])))
    const v = np.array([0.1, 0.2, 0.3])
    const { value, activations, gradients } = layerGradients((u: NDArray) => {
      const h = first(u)
      return [rest(h), { h, u, unused: np.cos(u), twice: h }] as const
    }, v)
    expect(value.item()).toBeCloseTo(rest(first(v)).item(), 5)
    expect(np.allclose(activations.h, first(v)).bool()).toBe(true)
    expect(np.allclose(gradients.h, grad(rest)(first(v))).bool()).toBe(true)
    expect(np.allclose(gradients.u, grad((u: NDArray) => rest(first(u)))(v)).bool()).toBe(true)
    expect(np.all(np.equal(gradients.unused, 0)).bool()).toBe(true)
  })
})

const data = resolve(import.meta.dirname, '../models/data')

describe('functions by embeddings', () => {
  it.each(texts)('are attributed as captum does: $family', async ({ family, ids, mask, scores }) => {
    const { model, params } = await get(loadModel(resolve(data, family)))
    const run = (p: typeof params, inputIds: NDArray): NDArray =>
      (model.apply(p, { input_ids: inputIds, attention_mask: array(mask).astype('int32') })['logits']!).at(0, 1).get()
    const view = byEmbeddings(run, params, ids)
    expect(view.f(view.embeddings).item()).toBeCloseTo(run(params, view.ids).item(), 5)
    const baseline = view.lookup([ids[0]!.map(() => 3)])
    const { attributions, gap } = integratedGradients(view.f, view.embeddings, { baseline, steps: 32 })
    close(tokenScores(attributions), scores, 2e-3)
    expect(Math.abs(gap.item())).toBeLessThan(0.02)
  }) // prettier-ignore

  const config = { type: 'bert', vocabSize: 23, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 12, hiddenAct: 'gelu', maxPositionEmbeddings: 12, typeVocabSize: 2, layerNormEps: 1e-12, hiddenDropoutProb: 0, attentionProbsDropoutProb: 0, classifierDropout: 0, initializerRange: 0.5, padTokenId: 0, padPositionId: null, tieWordEmbeddings: true, numLabels: 2, problemType: null } as const // prettier-ignore

  it('leave a head that shares the table as it is', () => {
    const model = bertForMaskedLM(config)
    const params = model.init(random.key(1))
    const ids = [[3, 4, 5, 6]]
    const run = (p: typeof params, inputIds: NDArray): NDArray => model.apply(p, { inputIds }).logits.at(0, 2, 7).get()
    const view = byEmbeddings(run, params, ids)
    // The gradient by one row of the table is that by look-ups of it, and that by the head.
    const byTable = grad((p: typeof params) => run(p, view.ids))(params).bert.embeddings.word_embeddings.weight
    const byRows = grad(view.f)(view.embeddings).at(0).get()
    for (const [i, id] of [3, 4, 5, 6].entries()) {
      expect(np.allclose(byRows.at(i).get(), byTable.at(id).get(), { atol: 1e-5 }).bool()).toBe(true)
    }
    expect(np.any(np.notEqual(byTable.at(7).get(), 0)).bool()).toBe(true)
  })

  it('say what is missing', () => {
    const params = { a: np.ones([3, 2]), b: np.ones([4, 2]) }
    const run = (p: typeof params): NDArray => np.sum(p.a)
    expect(() => byEmbeddings(run, params, [[0]])).toThrow(/0 tables of word embeddings.*one of a, b/)
    expect(() => byEmbeddings(run, params, [[0]], { table: 'c' })).toThrow(/no weight c/)
    const view = byEmbeddings(() => np.sum(np.ones([2])), params, [[0]], { table: 'a' })
    expect(() => view.f(view.embeddings)).toThrow(/looks up no rows of a/)
    expect(() => view.f(np.ones([1, 2, 2]))).toThrow(/rows of shape \[1, 1, 2\]/)
  })

  it('find the best single token, as trying all of them does', () => {
    const model = bertForMaskedLM(config)
    const params = model.init(random.key(2))
    const run = (p: typeof params, inputIds: NDArray): NDArray => model.apply(p, { inputIds }).logits.at(0, 1, 9).get()
    const ids = [1, 8, 9, 2]
    const view = byEmbeddings(run, params, [ids])
    const options = { except: [0, 1, 2], positions: [1, 2] }
    const all: number[] = []
    for (const position of options.positions) {
      for (let token = 3; token < 23; token++) {
        if (token !== ids[position]) all.push(run(params, np.array([ids.with(position, token)], { dtype: 'int32' })).item())
      }
    } // prettier-ignore
    const every = counterfactualTokens(view, { ...options, count: 1000 })
    expect(every.length).toBe(all.length)
    expect(every[0]!.value).toBeCloseTo(Math.min(...all), 4)
    expect(every.every((c) => !options.except.includes(c.token) && options.positions.includes(c.position))).toBe(true)
    const up = counterfactualTokens(view, { ...options, count: 1000, direction: 'increase' })
    expect(up[0]!.value).toBeCloseTo(Math.max(...all), 4)
    const { value, changes, ids: flipped } = flipTokens(view, { ...options, count: 40, flips: 2 })
    expect(changes.length).toBeLessThanOrEqual(2)
    expect(value).toBeLessThanOrEqual(Math.min(...all) + 1e-4)
    expect(run(params, np.array([flipped as number[]], { dtype: 'int32' })).item()).toBeCloseTo(value, 4)
    expect(flipTokens(view, { until: () => true }).changes).toEqual([])
  })
})

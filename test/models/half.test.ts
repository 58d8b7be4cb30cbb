/** Models whose weights have 16 bits: their norms are computed in float32, so that gradients are near those of float32, and finite. */
import { describe, expect, test } from 'vitest'
import { grad, nn, np, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { layers } from 'pullback/models'
import { castFloats, causalLM } from 'pullback/train'
import { tinyModel } from '../train/support.ts'

/** By how much two trees differ, over the greatest number in the second. */
const distance = (a: unknown, b: unknown): number => {
  const [xs, ys] = [a, b].map((x) => tree.leaves(x) as NDArray[]) as [NDArray[], NDArray[]]
  const most = Math.max(...ys.map((y) => np.max(np.abs(y)).item()))
  return Math.max(...xs.map((x, i) => np.max(np.abs(np.subtract(x.astype('float32'), ys[i]!))).item())) / most
}

const precisions = [['float16', 5e-3], ['bfloat16', 5e-2]] as const // prettier-ignore

describe.each(precisions)('%s', (dtype, tolerance) => {
  test.each(['GPT2LMHeadModel', 'LlamaForCausalLM'] as const)('%s: gradients are near those of float32', (name) => {
    const { model, params } = tinyModel(name)
    const ids = np.array([[1, 2, 3, 4, 5, 6]], { dtype: 'int32' })
    const loss = (p: typeof params) => causalLM(model.apply(p, { input_ids: ids })['logits']!, ids).loss
    const wide = grad(loss)(params)
    const narrow = grad((p: typeof params) => loss(castFloats(p, dtype)))(params)
    expect(distance(narrow, wide)).toBeLessThan(tolerance)
  })

  test('norms of great and of small numbers', () => {
    const weight = np.ones([4], { dtype })
    const bias = np.zeros([4], { dtype })
    const norms = {
      layer: (x: NDArray) => layers.applyLayerNorm({ weight, bias }, x, 1e-6),
      rms: (x: NDArray) => layers.applyRmsNorm({ weight }, x, 1e-6),
      nnLayer: (x: NDArray) => nn.layerNorm(4).apply(nn.layerNorm(4).init(random.key(0), dtype), x),
      nnRms: (x: NDArray) => nn.rmsNorm(4).apply(nn.rmsNorm(4).init(random.key(0), dtype), x),
    }
    for (const f of Object.values(norms)) {
      for (const scale of [0.01, 1000]) {
        const x = np.multiply(np.array([[1, -2, 3, 0.5]]), scale)
        const g = (y: NDArray) => np.sum(np.multiply(f(y.astype(dtype)).astype('float32'), np.array([1, 2, -1, 3])))
        expect(f(x.astype(dtype)).dtype).toBe(dtype)
        expect(np.all(np.isfinite(grad(g)(x))).bool()).toBe(true)
        const reference = f(x)
        expect(distance(f(x.astype(dtype)), reference)).toBeLessThan(tolerance)
      }
    }
  })
})

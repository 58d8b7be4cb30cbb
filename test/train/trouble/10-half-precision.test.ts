/**
 * finetuning trouble 10: NaN, or "attempting to unscale FP16 gradients", when trained weights are stored in 16 bits. Here gradients,
 * slots and updates are float32 whatever is stored, and infinities of a scaled loss are left out.
 */
import { describe, expect, test } from 'vitest'
import { jit, np, optim, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import type { ArchitectureName, ParamTree } from 'pullback/models'
import { castFloats, causalLM, makeStep } from 'pullback/train'
import type { StepOptions } from 'pullback/train'
import { tinyModel } from '../support.ts'

const { model, params } = tinyModel('LlamaForCausalLM', { initializer_range: 0.1 })

interface Batch {
  readonly input_ids: NDArray
  readonly labels: NDArray
}
const input_ids = random.randint(random.key(3), [4, 10], 2, 32)
const batch: Batch = { input_ids, labels: input_ids }
const loss = (p: ParamTree, { input_ids: ids, labels }: Batch) =>
  causalLM(model.apply(p, { input_ids: ids })['logits']!, labels)

const train = (begin: ParamTree, options: Partial<StepOptions<ParamTree, Batch>>, steps = 30) => {
  const { initState, step } = makeStep({ loss, optimizer: optim.adamw(0.02), clip: 1, ...options })
  const run = jit(step)
  let state = initState(begin)
  const losses: number[] = []
  for (let i = 0; i < steps; i++) {
    const [next, metrics] = run(state, batch)
    state = next
    losses.push(metrics['loss']!.item())
  }
  return { state, losses }
}

const dtypesOf = (x: unknown): readonly string[] =>
  [...new Set(tree.leaves(x).map((leaf) => (leaf as NDArray).dtype))].sort()
const plain = train(params, {})

describe.each(['float16', 'bfloat16'] as const)('%s', (dtype) => {
  test('stored so, computed in float32: it learns, and slots are float32', () => {
    const { state, losses } = train(castFloats(params, dtype), {})
    expect(dtypesOf(state.params)).toEqual([dtype])
    expect(dtypesOf(state.optimizer)).toEqual(['float32', 'int32'])
    expect(state.skipped.item()).toBe(0)
    expect(losses.at(-1)!).toBeLessThan(0.6 * losses[0]!)
    expect(Math.abs(losses.at(-1)! - plain.losses.at(-1)!)).toBeLessThan(0.2 * plain.losses[0]!)
  })

  test('computed so, with masters of float32', () => {
    const { state, losses } = train(params, { compute: dtype })
    expect(dtypesOf(state.params)).toEqual(['float32'])
    expect(losses.at(-1)!).toBeLessThan(0.6 * losses[0]!)
    expect(Math.abs(losses[0]! - plain.losses[0]!)).toBeLessThan(0.05 * plain.losses[0]!)
    if (dtype === 'float16') expect(state.lossScale!.scale.item()).toBeLessThanOrEqual(65_536)
    else expect(state.lossScale).toBe(null)
  })
})

test('gradients are unscaled before they are clipped', () => {
  const first = (lossScale: number) => {
    const { initState, step } = makeStep({ loss, optimizer: optim.sgd(1), clip: 0.5, lossScale })
    return step(initState(params), batch)[1]
  }
  const [one, many] = [first(1), first(1024)]
  expect(many['gradNorm']!.item()).toBeCloseTo(one['gradNorm']!.item(), 4)
  expect(many['clippedNorm']!.item()).toBeCloseTo(0.5, 6)
})

test('a scale that is too large comes down by itself, and no NaN gets in', () => {
  const { state, losses } = train(params, { compute: 'float16', lossScale: { initScale: 2 ** 40 } }, 60)
  expect(state.skipped.item()).toBeGreaterThan(3)
  expect(state.lossScale!.scale.item()).toBeLessThan(2 ** 30)
  expect(state.step.item() + state.skipped.item()).toBe(60)
  for (const x of tree.leaves(state.params as unknown)) expect(np.all(np.isfinite(x as NDArray)).bool()).toBe(true)
  expect(losses.at(-1)!).toBeLessThan(0.7 * losses[0]!)
})

test('small gradients that float16 cannot hold survive by the scale', () => {
  // The gradient of w is 2e-8 in the middle of a chain of float16: below its smallest number, 6e-8.
  const small = (w: NDArray, x: NDArray): NDArray => np.sum(np.multiply(np.multiply(w, x), 1e-4).astype('float32'))
  const step = (lossScale: number) => {
    const made = makeStep({ loss: small, optimizer: optim.sgd(1), compute: 'float16', lossScale })
    return made.step(made.initState(np.array(1)), np.array(2e-4, { dtype: 'float16' }))[1]['gradNorm']!.item()
  }
  expect(step(1)).toBe(0)
  expect(step(8192)).toBeCloseTo(2e-8, 9)
})

const families: readonly ArchitectureName[] = [
  'BertForMaskedLM',
  'RobertaForMaskedLM',
  'DistilBertForMaskedLM',
  'AlbertForMaskedLM',
  'T5ForConditionalGeneration',
  'GPT2LMHeadModel',
  'LlamaForCausalLM',
  'Gemma2ForCausalLM',
  'Gemma3ForCausalLM',
]

describe.each(families)('%s of 16 bits', (name) => {
  const { model: tiny, params: full } = tinyModel(name)
  const attention_mask = np.array([[0, 0, 0, 1, 1, 1, 1, 1, 1, 1]], { dtype: 'int32' })
  const ids = batch.input_ids.at(np.slice(0, 1)).get()
  const labels = name.startsWith('T5') ? { labels: ids } : {}

  test.each(['float16', 'bfloat16'] as const)(
    'computes in %s, and padded queries, which see nothing, are finite',
    (dtype) => {
      const logits = tiny.apply(castFloats(full, dtype), { input_ids: ids, attention_mask, ...labels })['logits']!
      expect(logits.dtype).toBe(dtype)
      expect(np.all(np.isfinite(logits)).bool()).toBe(true)
    },
  )
})

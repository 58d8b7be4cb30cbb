/** finetuning trouble 11: checkpointing with frozen inputs gives no gradient. Here what comes in need not be differentiated for that. */
import { describe, expect, test } from 'vitest'
import { grad, jit, np, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import type { ArchitectureName, ParamTree } from 'pullback/models'
import { int32, largest, tinyModel, treeDifference } from '../support.ts'

const names: readonly ArchitectureName[] = ['BertForMaskedLM', 'GPT2LMHeadModel', 'LlamaForCausalLM']
const inputs = { input_ids: int32([[5, 6, 7, 8]]) }

/** What a layer's attention is adapted by; embeddings, and all that comes into the layer, stay as they are. */
const adapted = /(query|c_attn|q_proj)\.weight$/

describe.each(names)('%s', (name) => {
  const { model, params } = tinyModel(name)
  const [trained, frozen] = tree.partition(params, (_, path) => adapted.test(path.join('.')))
  const loss =
    (remat: boolean) =>
    (part: unknown): NDArray => {
      const whole = tree.combine(part, frozen) as ParamTree
      return np.mean(np.square(model.apply(whole, inputs, { remat, key: random.key(2) })['logits']!))
    }

  test('trained leaves of checkpointed layers have the gradients that they have without', () => {
    const plain = grad(loss(false) as (p: NDArray) => NDArray)(trained as unknown as NDArray)
    const kept = jit(grad(loss(true) as (p: NDArray) => NDArray))(trained as unknown as NDArray)
    expect(tree.leaves(kept as unknown).length).toBe(2)
    for (const g of tree.leaves(kept as unknown)) expect(largest(g as NDArray)).toBeGreaterThan(0)
    expect(treeDifference(kept, plain)).toBeLessThan(1e-5)
  })
})

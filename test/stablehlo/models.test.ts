/** Models that were recorded from `transformers`, exported and run by jaxlib: outputs and gradients as here. */
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { jit, np, tree, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import { openTensors, readTensors } from 'pullback/io'
import { loadModel } from 'pullback/models'
import type { NamedArrays, ParamTree } from 'pullback/models'
import { exportProgram } from 'pullback/stablehlo'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { get } from '../io/support/recorded.ts'
import type { Engine } from './support/engine.ts'
import { python, skipped, startEngine } from './support/engine.ts'

const data = resolve(import.meta.dirname, '../models/data')

const families = [
  ...['albert-sequence', 'bert-sequence', 'distilbert-masked', 'roberta-spans', 'xlm-roberta-token'],
  ...['gemma', 'gemma2', 'gemma3', 'gpt2', 'llama-tied', 'llama-yarn', 'mistral', 'qwen2', 'qwen3'],
  ...['t5-lm', 'mt5-lm', 'efficientnet-lite', 'resnet', 'vit-image'],
]

/** The inputs of the first case that was recorded. */
const inputsOf = async (family: string): Promise<NamedArrays> => {
  const [first] = readdirSync(join(data, family)).filter((f) => f.endsWith('.safetensors') && f !== 'model.safetensors')
  const recorded = await get(readTensors(await get(openTensors(join(data, family, first!)))))
  return Object.fromEntries(
    Object.entries(recorded).flatMap(([name, x]) =>
      name.startsWith('input.') ? [[name.slice('input.'.length), x]] : [],
    ),
  )
}

const largest = (x: NDArray): number => (x.size === 0 ? 0 : np.max(np.abs(x)).item())

describe.skipIf(python === null)(`models in jaxlib${skipped}`, () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await startEngine(python!)
  }, 60_000)
  afterAll(() => {
    engine.close()
  })

  it.each(families)(
    '%s',
    async (family) => {
      const [{ model, params, state }, inputs] = [await get(loadModel(join(data, family))), await inputsOf(family)]
      const apply = (p: ParamTree, x: NamedArrays): NamedArrays => model.apply(p, x, { state })
      const f =
        'labels' in inputs
          ? valueAndGrad((p: ParamTree, x: NamedArrays): NDArray => apply(p, x)['loss']!)
          : (p: ParamTree, x: NamedArrays): unknown => apply(p, x)
      const { text, program } = exportProgram(f)(params, inputs)
      const found = await engine.run(
        text,
        program,
        tree.leaves([params, inputs]).map((x) => (x as NDArray).dataSync()),
      )
      const tolerance = 'labels' in inputs ? 1e-4 : 2e-5
      tree.leaves(jit(f as typeof apply)(params, inputs)).forEach((wanted, i) => {
        const y = wanted
        const x = np.array(found[i]!, { dtype: y.dtype }).reshape(y.shape)
        expect(largest(np.subtract(x, y)), `output ${i}`).toBeLessThanOrEqual(tolerance * Math.max(1, largest(y)))
      })
    },
    60_000,
  )
})

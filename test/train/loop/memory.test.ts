/** Memory of a run that goes on: as much after many steps as after few. */
import { expect, test } from 'vitest'
import { devices, np } from 'pullback'
import type { NDArray } from 'pullback'
import type { WasmDevice } from 'pullback/testing'
import { fromArray, onStep, prefetch, train } from 'pullback/train'
import { get } from '../../io/support/recorded.ts'

/** The bytes of arrays on the device, and of all that is there. */
const onDevice = (): readonly number[] => {
  const { arrays, used } = (devices()[0] as WasmDevice).memory
  return [arrays, used]
}

test('a run holds as many bytes after 60 steps as after 20', async () => {
  // The same batches again and again: new ones are the collector's, when it comes to them.
  const data = prefetch<NDArray>(2)(fromArray([0, 1, 2, 3, 4, 5].map((i) => np.full([64, 64], i / 100))))
  const step = ({ w, m }: { readonly w: NDArray; readonly m: NDArray }, x: NDArray) => {
    const next = np.add(np.multiply(m, 0.9), np.matmul(w, x))
    return [{ w: np.subtract(w, np.multiply(next, 1e-3)), m: next }, { loss: np.mean(next) }] as const
  }
  const seen = new Map<number, readonly number[]>()
  const look = onStep(({ step: n }) => void seen.set(n, onDevice()))
  const state = { w: np.ones([64, 64]), m: np.zeros([64, 64]) }
  await get(train(step, state, data, { hooks: [look], epochs: 10 }))
  expect(seen.size).toBe(60)
  expect(seen.get(58)).toEqual(seen.get(20))
})

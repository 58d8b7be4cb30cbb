import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { blockUntilReady, deviceGet, jit, np } from 'pullback'
import type { NDArray } from 'pullback'
import { describe, expect, it } from 'vitest'
import { compile } from '../../src/backends/wasm/compile.ts'
import { WasmDevice } from '../../src/backends/wasm/device.ts'
import { withBackend } from '../../src/runtime/backend.ts'

const MB = 2 ** 20
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const increment = jit((x: NDArray) => x.add(1))
const total = jit((x: NDArray) => x.sum())

/** Counts the turns of the event loop while `f` is awaited, and collects in each. */
const turnsOf = async (f: () => Promise<void>): Promise<number> => {
  let turns = 0
  let isDone = false
  const tick = (): void => {
    if (isDone) return
    turns++
    collect()
    setImmediate(tick)
  }
  await new Promise(setImmediate)
  setImmediate(tick)
  await f()
  isDone = true
  return turns
}

describe('waiting for elements', () => {
  const ways: readonly [string, (x: NDArray) => Promise<unknown>][] = [
    ['data', (x) => x.data()],
    ['data of what was made from it', (x) => total(x).data()],
    ['blockUntilReady', (x) => blockUntilReady([x])],
    ['deviceGet', (x) => deviceGet(total(x))],
  ]
  it.each(ways)('%s gives the host a turn when garbage has piled up', async (_, wait) => {
    const device = new WasmDevice(compile, { threads: 1, softLimit: 320 * MB })
    const x = np.ones([4 * MB])
    const turns = await turnsOf(async () => {
      for (let i = 0; i < 32; i++) await wait(withBackend(device, () => increment(x)))
    })
    // 16 MB each: four of them to a turn.
    expect(turns).toBeGreaterThanOrEqual(6)
    expect(turns).toBeLessThanOrEqual(12)
    expect(device.memory.evictions).toBe(0)
    device.dispose()
  })

  it('gives none where nothing is to be freed', async () => {
    const device = new WasmDevice(compile, { threads: 1 })
    const step = jit((x: NDArray) => x.add(1), { donateArgnums: 0 })
    const small = np.ones([3])
    let x = withBackend(device, () => increment(np.ones([2 * MB])))
    const turns = await turnsOf(async () => {
      for (let i = 0; i < 200; i++) {
        x = withBackend(device, () => step(x))
        await small.data()
        await blockUntilReady(x)
      }
    })
    expect(turns).toBe(0)
    expect(x.get(0).item()).toBe(202)
    device.dispose()
  })
})

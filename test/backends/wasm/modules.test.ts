import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { jit, np } from 'pullback'
import type { NDArray } from 'pullback'
import { expect, it } from 'vitest'
import { WasmDevice } from '../../../src/backends/wasm/device.ts'
import { withBackend } from '../../../src/runtime/backend.ts'
import { compileForHost } from './support/hostCompiler.ts'

it('modules of programs that made room for others are collected', { timeout: 120_000 }, async () => {
  // In a process of its own: what is alive is counted.
  const script = `
    const { Module } = WebAssembly
    let made = 0
    let alive = 0
    const registry = new FinalizationRegistry(() => alive--)
    WebAssembly.Module = class extends Module {
      constructor(bytes) {
        super(bytes)
        made++
        alive++
        registry.register(this)
      }
    }
    const { jit, np } = await import('pullback')
    const f = jit((x) => np.sin(x).mul(2).sum())
    for (let n = 1; n <= 1200; n++) f(np.zeros([n % 50 + 1, Math.ceil(n / 50)]))
    for (let i = 0; i < 100 && alive > 520; i++) {
      gc()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    console.log(made, alive)
  `
  const args = ['--expose-gc', '--conditions=source', '--import', 'tsx', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 110_000 })
  const [made, alive] = stdout.split(' ').map(Number)
  expect(made).toBeGreaterThan(1200)
  // The programs that stay compiled, and the library.
  expect(alive).toBeLessThanOrEqual(520)
})

it('one shape more than stay compiled costs little', () => {
  let compiled = 0
  let traced = 0
  const device = new WasmDevice(
    (program, features) => {
      compiled++
      return compileForHost(program, features)
    },
    { threads: 1 },
  )
  const f = jit((x: NDArray) => {
    traced++
    return x.add(1)
  })
  withBackend(device, () => {
    for (let round = 0; round < 3; round++) for (let n = 1; n <= 513; n++) f(np.zeros([n]))
  })
  expect(device.programs).toBeLessThanOrEqual(512)
  expect(compiled).toBeGreaterThanOrEqual(513)
  expect(compiled).toBeLessThan(513 + 2 * 20)
  expect(traced).toBeLessThan(513 + 2 * 20)
  device.dispose()
})

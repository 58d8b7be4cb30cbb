/** What this browser has. */
import { debug, devices, jit, np, withDevice } from 'pullback'
import type { NDArray } from 'pullback'
import { createEngine } from '../../../src/backends/wasm/engine.ts'

export interface Platform {
  readonly isolated: boolean
  readonly devices: readonly string[]
  /** What an engine that is asked for four threads has. */
  readonly threads: number
}

const host = globalThis as { readonly crossOriginIsolated?: boolean }

export const platform = (): Platform => ({
  isolated: host.crossOriginIsolated === true,
  devices: devices().map((device) => device.name),
  threads: createEngine({ threads: 4 }).threads,
})

/** A sum of ones, compiled for whatever serves where no device is chosen. */
export const compiledSum = (n: number): number => jit((x: NDArray) => np.sum(x.mul(1)))(np.ones([n])).item()

export const silence = (): void => {
  debug.warnings(false)
}

/** What is said to someone who insists on compiling. */
export const errorOfWasm = (): string => {
  try {
    return withDevice('wasm', () => 'there is one')
  } catch (error) {
    return String(error)
  }
}

export { setWorkerUrl } from 'pullback'

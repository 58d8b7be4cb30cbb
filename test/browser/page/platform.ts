/** What this browser has. */
import { devices } from 'pullback'
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

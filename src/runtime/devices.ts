/** What programs run on, and how to choose. Whoever imports this has the compiler in the bundle. */
import type { Backend } from '../backends/backend.ts'
import { interpreterBackend } from '../backends/interpreter/interpreter.ts'
import { compile } from '../backends/wasm/compile.ts'
import type { DeviceOptions } from '../backends/wasm/device.ts'
import { WasmDevice } from '../backends/wasm/device.ts'
import type { ModuleStore } from '../backends/wasm/moduleStore.ts'
import { hasSimd } from '../backends/wasm/platform.ts'
import { ArgumentError } from '../core/errors.ts'
import { withBackend } from './backend.ts'

/**
 * What runs programs: `wasm` compiles them to WebAssembly, where the platform has its vector instructions; `interpreter`
 * evaluates them operation by operation, and runs everywhere.
 */
export type Device = Backend

/**
 * A device of one's own: its memory, programs and threads are apart from those of others.
 *
 * @param options - `threads`, `relaxed`, `shared`, `maxBytes`, `softLimit`, `guards`.
 * @example
 * ```ts
 * import { jit, np, withDevice } from 'pullback'
 * import { wasmDevice } from 'pullback/testing'
 * const device = wasmDevice({ threads: 1, guards: true })
 * const y = withDevice(device, () => jit((x: NDArray) => x.mul(2))(np.ones([2000])))
 * device.memory.count // => 2
 * ```
 */
export const wasmDevice = (options: DeviceOptions = {}): WasmDevice => new WasmDevice(compile, options)

let standard: WasmDevice | undefined
const wasm = (): WasmDevice => (standard ??= wasmDevice())

/** Has the standard device keep its compiled programs there. */
export const keepModules = (store: ModuleStore | null): void => {
  if (hasSimd()) wasm().store = store
}

/** What runs programs where no device is chosen. */
export const defaultDevice = (): Device => (hasSimd() ? wasm() : interpreterBackend)

/**
 * The devices of this platform.
 *
 * @example
 * ```ts
 * import { devices } from 'pullback'
 * devices().map((device) => device.name) // => wasm,interpreter
 * ```
 */
export const devices = (): readonly Device[] => (hasSimd() ? [wasm(), interpreterBackend] : [interpreterBackend])

const deviceNamed = (name: string): Device => {
  const all = devices()
  const found = all.find((device) => device.name === name)
  if (found !== undefined) return found
  throw new ArgumentError(
    `withDevice: there is no device '${name}' here. There are: ${all.map((device) => device.name).join(', ')}.`,
  )
}

/**
 * Runs `f`, whose programs and large operations run on that device, given itself or by its name. Arrays move between
 * devices by themselves.
 *
 * @throws ArgumentError if the platform has no device of that name.
 * @example
 * ```ts
 * import { jit, np, withDevice } from 'pullback'
 * const f = jit((x: NDArray) => np.exp(x))
 * withDevice('interpreter', () => f(np.zeros([2]))) // => [1. 1.]
 * ```
 */
export const withDevice = <T>(device: Device | 'wasm' | 'interpreter', f: () => T): T =>
  withBackend(typeof device === 'string' ? deviceNamed(device) : device, f)

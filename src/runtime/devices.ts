/** The devices that programs run on, and how to choose one. Importing this puts the compiler into the bundle. */
import type { Backend } from '../backends/backend.ts'
import { isBackend } from '../backends/backend.ts'
import { referenceBackend } from '../backends/reference/reference.ts'
import { compile } from '../backends/wasm/compile.ts'
import type { DeviceOptions } from '../backends/wasm/device.ts'
import { WasmDevice } from '../backends/wasm/device.ts'
import type { ProgramStore } from '../backends/store.ts'
import { compiler, hasSimd, startThreadsFrom } from '../backends/wasm/platform.ts'
import { adviseOnce } from '../core/advice.ts'
import * as must from '../core/arguments.ts'
import { ArgumentError } from '../core/errors.ts'
import { refusePromise } from '../core/promises.ts'
import type { Device } from '../trace/device.ts'
import { withBackend } from './backend.ts'

const deviceOptions: must.OptionTable<DeviceOptions> = {
  threads: must.count,
  relaxed: must.boolean,
  wide: must.boolean,
  shared: must.boolean,
  startAfter: must.notNegative,
  patience: must.notNegative,
  maxBytes: must.notNegative,
  softLimit: must.notNegative,
  guards: must.boolean,
  small: must.notNegative,
}
const wasmDeviceDoor = must.door('wasmDevice', { options: must.optionsOf(deviceOptions) })

/**
 * A separate device, with its own memory, programs and threads.
 *
 * @param options - `threads`, `relaxed`, `wide`, `shared`, `maxBytes`, `softLimit`, `guards`.
 * @example
 * ```ts
 * import { jit, np, withDevice } from 'pullback'
 * import { wasmDevice } from 'pullback/testing'
 * const device = wasmDevice({ threads: 1, guards: true })
 * const y = withDevice(device, () => jit((x: NDArray) => x.mul(2))(np.ones([2000])))
 * device.memory.count // => 2
 * ```
 */
export const wasmDevice = (options: DeviceOptions = {}): WasmDevice => {
  wasmDeviceDoor(options)
  return new WasmDevice(compile, options)
}

let standard: WasmDevice | undefined
const wasm = (): WasmDevice => (standard ??= wasmDevice())

/** Devices of other entries of the package, such as `pullback/xla`, by name. */
const registered = new Map<string, Backend>()
let programs: ProgramStore | null = null

/** Makes the devices of this platform, also those registered later, keep their compiled programs in a store. */
export const keepPrograms = (store: ProgramStore | null): void => {
  programs = store
  for (const device of devices()) if (device.store !== undefined) device.store = store
}

/** Adds a device to `devices()`, under its own name; a device that had this name before is replaced. */
export const registerDevice = (device: Backend): void => {
  registered.set(device.name, device)
  if (device.store !== undefined) device.store = programs
}

/** The default device. If the page's policy forbids compiling, a warning says what that costs. */
export const defaultDevice = (): Backend => {
  if (hasSimd()) return wasm()
  if (compiler() === 'forbidden') {
    adviseOnce(
      "this page's content security policy forbids to compile WebAssembly: programs run on the interpreter, 5 to 13 times slower. " +
        "Add 'wasm-unsafe-eval' to its script-src.",
    )
  }
  return referenceBackend
}

/**
 * Makes threads start from the file at a URL. For cross-origin isolated pages whose content security policy does not allow
 * `worker-src blob:`: serve the file `pullback/worker`, which comes with the library, from the page's origin. In Node, and
 * where there are no threads, it does nothing. Running threads are not affected.
 *
 * @param url - a string or a `URL`; null to start threads from a string, the default.
 * @throws ArgumentError for anything else.
 * @example
 * ```ts
 * import { setWorkerUrl } from 'pullback'
 * setWorkerUrl('/assets/pullback-worker.js')
 * setWorkerUrl(null)
 * setWorkerUrl(5 as never) // throws ArgumentError
 * ```
 */
export const setWorkerUrl = (url: string | { readonly href: string } | null): void => {
  const text = typeof url === 'object' ? (url?.href ?? null) : url
  if (text !== null && typeof text !== 'string') {
    throw new ArgumentError(`setWorkerUrl takes the URL of a file, as a string or a URL, or null, got ${typeof url}.`)
  }
  startThreadsFrom(text)
}

/**
 * The devices of this platform: `wasm` compiles programs to WebAssembly, where the platform has its vector instructions;
 * `interpreter` evaluates them operation by operation, and runs everywhere. `xla` of `pullback/xla` is among them once it was opened.
 *
 * @example
 * ```ts
 * import { devices } from 'pullback'
 * devices().map((device) => device.name) // => wasm,interpreter
 * ```
 */
export const devices = (): readonly Backend[] => [
  ...(hasSimd() ? [wasm()] : []),
  referenceBackend,
  ...registered.values(),
]

const deviceNamed = (operation: string, name: string): Backend => {
  const all = devices()
  const found = all.find((device) => device.name === name)
  if (found !== undefined) return found
  const why =
    name === 'xla'
      ? " Open it first: import { xla } from 'pullback/xla', and await xla()()."
      : compiler() === 'forbidden'
        ? " The page's policy forbids to compile: 'wasm-unsafe-eval' in script-src allows it."
        : ''
  throw new ArgumentError(
    `${operation}: there is no device '${name}' here. There are: ${all.map((device) => device.name).join(', ')}.${why}`,
  )
}

/** A device, or the name of one that `devices` returns. */
export type DeviceChoice = Device | 'wasm' | 'interpreter' | 'xla'

export const aDevice = must.kind('a device or the name of one', (x) => typeof x === 'string' || isBackend(x))

/** The back end of a choice, which has already been checked. */
export const backendOf = (operation: string, device: DeviceChoice): Backend => {
  if (typeof device === 'string') return deviceNamed(operation, device)
  if (isBackend(device)) return device
  throw new ArgumentError(`${operation}: device must be ${aDevice.wanted}.`)
}

const withDeviceDoor = must.door('withDevice', { device: aDevice, f: must.func })

/**
 * Runs `f`, whose programs and large operations run on that device, given itself or by its name. Arrays move between devices
 * automatically; operations on an array that can only be read asynchronously run on its own device.
 *
 * @throws ArgumentError if the platform has no device of that name, and for an async `f`, of which only the part before its
 *   first `await` would run there.
 * @example
 * ```ts
 * import { jit, np, withDevice } from 'pullback'
 * const f = jit((x: NDArray) => np.exp(x))
 * withDevice('interpreter', () => f(np.zeros([2]))) // => [1. 1.]
 * ```
 */
export const withDevice = <T>(device: DeviceChoice, f: () => T): T => {
  withDeviceDoor(device, f)
  const result = withBackend(backendOf('withDevice', device), f)
  refusePromise(
    'withDevice',
    result,
    'The device is chosen only while the function runs: what comes after its first await would run on another one. ' +
      'Await outside, and put withDevice around each part that has no await in it.',
  )
  return result
}

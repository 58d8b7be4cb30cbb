/** Opens a plugin's file as a device. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../conversions/arguments.ts'
import { registerDevice } from '../runtime/devices.ts'
import { Client } from './client.ts'
import { XlaDevice } from './device.ts'
import type { XlaFailure } from './errors.ts'
import { messageOf } from './errors.ts'
import type { Flags } from './options.ts'
import { Api } from './pjrt/api.ts'
import type { Koffi } from './pjrt/ffi.ts'
import { foreignFunctions } from './pjrt/ffi.ts'
import type { NamedOption } from './pjrt/foreign.ts'
import { isFile, nodeModule, processor, stampOf } from './platform.ts'
import type { PluginFile } from './plugin.ts'
import { findPlugins, howToInstall } from './plugin.ts'
import { dtypesOf, selfTest } from './selftest.ts'

/** Options of `xla`. */
export interface XlaOptions {
  /** The plugin's file; without it `findPlugins` looks for one. */
  readonly plugin?: string
  /** Which of the plugin's devices; the first by default. */
  readonly device?: number
  /** Of a processor's plugin: how many devices it makes of the processor. */
  readonly cpuDevices?: number
  /** Of a graphics card's plugin: the part of the memory that it takes, by default 0.75 of it; and whether at once. */
  readonly memoryFraction?: number
  readonly preallocate?: boolean
  /** Of a graphics card's plugin: which cards it sees. */
  readonly visibleDevices?: readonly number[]
  /** XLA's own flags (xla/xla.proto, `DebugOptions`), such as `{ xla_cpu_enable_fast_math: true }`. */
  readonly flags?: Flags
}

const flag = must.kind('a string, a number or a boolean', (x) => ['string', 'number', 'boolean'].includes(typeof x))

const xlaDoor = must.door('xla', {
  options: must.optionsOf<XlaOptions>({
    plugin: must.string,
    device: must.natural,
    cpuDevices: must.count,
    memoryFraction: must.fraction,
    preallocate: must.boolean,
    visibleDevices: must.listOf(must.natural),
    flags: must.recordOf(flag, 'an object of flags'),
  }),
})

const left = <E>(failure: E): Either<E, never> => ({ _tag: 'Left', left: failure })

const createOptions = ({ cpuDevices, memoryFraction, preallocate, visibleDevices }: XlaOptions) => {
  const options: Record<string, NamedOption> = {}
  if (cpuDevices !== undefined) options['cpu_device_count'] = cpuDevices
  if (memoryFraction !== undefined) options['memory_fraction'] = { float: memoryFraction }
  if (preallocate !== undefined) options['preallocate'] = preallocate
  if (visibleDevices !== undefined) options['visible_devices'] = visibleDevices
  return options
}

const open = async (koffi: Koffi, path: string, options: XlaOptions): Promise<Either<XlaFailure, XlaDevice>> => {
  const bad = (message: string): Either<XlaFailure, never> =>
    left({ _tag: 'BadPlugin', path, message: `xla: ${path}: ${message}` })
  // The loader searches the system's folders for a name that is not a file.
  if (!(await isFile(path))) return bad('is not a file.')
  const { device = 0, flags = {} } = options
  let api: Api
  try {
    api = Api.load(koffi, nodeModule('node:path')!.resolve(path))
  } catch (error) {
    return bad(`is not a plugin: ${messageOf(error)}`)
  }
  let client: Client
  try {
    client = await Client.create(api, { device, create: createOptions(options), flags })
  } catch (error) {
    return bad(`does not start here: ${messageOf(error)} (PJRT ${api.version})`)
  }
  const { platformVersion, platform } = client
  // Some plugins report no version.
  const stamp = await stampOf(path)
  const identity = [platform, platformVersion, api.version, stamp, processor(), JSON.stringify(options)].join(', ')
  const made = new XlaDevice(client, path, dtypesOf(client), identity)
  const against = selfTest(made)
  if (against === null) return { _tag: 'Right', right: made }
  const message = `xla: ${path} is refused: ${against}. Use another plugin: ${howToInstall()}.`
  return left({ _tag: 'RefusedPlugin', path, message })
}

const noKoffi: XlaFailure = {
  _tag: 'NoForeignFunctions',
  message:
    'xla: the package koffi is needed to call C. Install it: npm install koffi. (It is for Node, and has builds for Linux, macOS, ' +
    'Windows and the BSDs.)',
}

const noPlugin = (looked: readonly string[]): XlaFailure => ({
  _tag: 'NoPlugin',
  looked,
  message:
    `xla: no PJRT plugin was found. Looked for: ${looked.join('; ')}. Install one: ${howToInstall()}; ` +
    'or name its file: xla({ plugin }) or PULLBACK_PJRT_PLUGIN.',
})

const openFirst = async (options: XlaOptions): Promise<Either<XlaFailure, XlaDevice>> => {
  const koffi = await foreignFunctions()
  if (koffi === null) return left(noKoffi)
  const { plugins, looked } =
    options.plugin === undefined
      ? await findPlugins()
      : { plugins: [{ path: options.plugin, by: 'path' }] satisfies readonly PluginFile[], looked: [] }
  const failures: XlaFailure[] = []
  for (const { path } of plugins) {
    const result = await open(koffi, path, options)
    if (result._tag === 'Right') return result
    failures.push(result.left)
  }
  const [first] = failures
  if (first === undefined) return left(noPlugin(looked))
  return left({ ...first, message: failures.map(({ message }) => message).join(' ') })
}

/** Devices by their options: a second client of one plugin would allocate its memory twice. */
const opened = new Map<string, Promise<Either<XlaFailure, XlaDevice>>>()

/**
 * Opens XLA: a device that compiles programs by a PJRT plugin, which JAX itself runs on, for processors, graphics cards and others. It is
 * then among `devices()`, and `withDevice('xla', f)` runs `f` on it. Opening it takes a second or two, as the plugin passes a self-test;
 * asked again with the same options, it gives the same device. For Node, with the package `koffi`.
 *
 * The failure says what is in the way: `NoForeignFunctions` (no koffi), `NoPlugin` (with what to install), `BadPlugin` (a file that does not
 * start here), `RefusedPlugin` (it computes what is wrong).
 *
 * @throws ArgumentError for options that are none.
 * @example
 * ```ts
 * import { jit, np, withDevice } from 'pullback'
 * import { xla } from 'pullback/xla'
 * const opened = await xla()()
 * const f = jit((x: NDArray) => np.sum(x.mul(x)))
 * opened._tag === 'Right' ? withDevice('xla', () => f(np.ones([4])).item()) : 4 // => 4
 * ```
 */
export const xla = (options: XlaOptions = {}): TaskEither<XlaFailure, XlaDevice> => {
  xlaDoor(options)
  const key = JSON.stringify(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)))
  return async () => {
    const attempt = opened.get(key) ?? openFirst(options)
    opened.set(key, attempt)
    const result = await attempt
    if (result._tag === 'Right') registerDevice(result.right)
    else opened.delete(key)
    return result
  }
}

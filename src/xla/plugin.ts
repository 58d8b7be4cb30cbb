/** Finds plugins on this machine, and says what to install if there is none. */
import { environment, isFile, namesIn, nodeModule, outputOf } from './platform.ts'

/** A plugin's file. */
export interface PluginFile {
  readonly path: string
  /** How it was found: it was named, `PULLBACK_PJRT_PLUGIN` names it, or the active Python has it. */
  readonly by: 'path' | 'environment' | 'python'
}

/** The plugins found, and the places searched. */
export interface PluginSearch {
  readonly plugins: readonly PluginFile[]
  readonly looked: readonly string[]
}

/** CPU plugins in Python packages that JAX does not load. */
const wheels: readonly string[] = [
  'lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so',
  'xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so',
]

/** What to install, by hardware. */
const installs: readonly { readonly what: string; readonly command: string }[] = [
  { what: 'processors, Linux x64', command: 'pip install lammps-jax-pjrt-cpu==0.11.2' },
  { what: 'NVIDIA, CUDA 13 (not yet run on a GPU)', command: 'pip install "jax[cuda13]"' },
]

export const howToInstall = (): string => installs.map(({ what, command }) => `${command} (${what})`).join('; ')

const listing = 'import json, sys; print(json.dumps([p for p in sys.path if p]))'

/** Pythons, the active one first. */
const pythons = (): readonly string[] => [
  ...['PULLBACK_PYTHON'].flatMap((name) => environment(name) ?? []),
  ...['VIRTUAL_ENV', 'CONDA_PREFIX'].flatMap((name) => {
    const folder = environment(name)
    return folder === undefined ? [] : [`${folder}/bin/python`]
  }),
  'python3',
  'python',
]

const pathsFrom = (text: string): readonly string[] => {
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? list.filter((x) => typeof x === 'string') : []
  } catch {
    return []
  }
}

/** The folders of packages of the first Python that answers. */
const foldersOfPython = async (): Promise<{ readonly python: string; readonly folders: readonly string[] } | null> => {
  for (const python of pythons()) {
    const text = await outputOf(python, ['-c', listing])
    if (text !== null) return { python, folders: pathsFrom(text) }
  }
  return null
}

const isLibrary = (name: string): boolean => /\.(so|dylib|dll)$/.test(name)

/** The plugins in a folder of packages: first those that JAX would load. */
const pluginsIn = async (folder: string): Promise<readonly string[]> => {
  const join = nodeModule('node:path')!.join
  const found: string[] = []
  for (const name of await namesIn(join(folder, 'jax_plugins'))) {
    const files = await namesIn(join(folder, 'jax_plugins', name))
    for (const file of files)
      if (isLibrary(file) && /plugin|pjrt/.test(file)) found.push(join(folder, 'jax_plugins', name, file))
  }
  for (const wheel of wheels) if (await isFile(join(folder, wheel))) found.push(join(folder, wheel))
  return found
}

const search = async (): Promise<PluginSearch> => {
  if (nodeModule('node:path') === undefined) return { plugins: [], looked: ['this is not Node 20.16 or later'] }
  const named = environment('PULLBACK_PJRT_PLUGIN')
  if (named !== undefined && named !== '') {
    return { plugins: [{ path: named, by: 'environment' }], looked: ['PULLBACK_PJRT_PLUGIN'] }
  }
  const looked = ['PULLBACK_PJRT_PLUGIN (not set)']
  const active = await foldersOfPython()
  if (active === null) return { plugins: [], looked: [...looked, 'python3 (not there)'] }
  const paths = (await Promise.all(active.folders.map(pluginsIn))).flat()
  return {
    plugins: [...new Set(paths)].map((path) => ({ path, by: 'python' })),
    looked: [...looked, `jax_plugins and ${wheels.join(', ')} in the packages of ${active.python}`],
  }
}

/**
 * The plugins of this machine: the one that the variable `PULLBACK_PJRT_PLUGIN` names, and no other then; else those of the active Python,
 * first what JAX would load (`jax_plugins`), then packages for processors that are known. Nothing is loaded.
 *
 * @example
 * ```ts
 * import { findPlugins } from 'pullback/xla'
 * const { plugins, looked } = await findPlugins()
 * looked.length > 0 // => true
 * ```
 */
export const findPlugins = (): Promise<PluginSearch> => search()

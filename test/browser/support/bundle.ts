/** The scripts of pages. */
import { builtinModules } from 'node:module'
import { resolve } from 'node:path'
import type { BuildOptions } from 'esbuild'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '../../..')

const entries = ['io', 'models', 'testing', 'tokenizers', 'train']

/** From the library's sources, for a browser. */
const forBrowsers = {
  bundle: true,
  // The package has no side effects; the import that fixes what properties draw is one.
  ignoreAnnotations: true,
  platform: 'browser',
  target: 'es2022',
  alias: {
    pullback: resolve(root, 'src/index.ts'),
    ...Object.fromEntries(entries.map((entry) => [`pullback/${entry}`, resolve(root, `src/${entry}/index.ts`)])),
  },
  write: false,
  logLevel: 'error',
} as const satisfies BuildOptions

/** A file of `page/` as one classic script that defines the global `checks`. */
const bundlePage = async (name: string): Promise<string> => {
  const { outputFiles } = await build({
    ...forBrowsers,
    entryPoints: [resolve(import.meta.dirname, `../page/${name}.ts`)],
    format: 'iife',
    globalName: 'checks',
    sourcemap: 'inline',
  })
  return outputFiles[0]!.text
}

/** Everything in `page/` about the back end. */
export const bundleChecks = (): Promise<string> => bundlePage('index')

/** Tuning. */
export const bundleTuning = (): Promise<string> => bundlePage('lora')

/** What the bundle of an entry imports that is not in it: modules of Node, which pages do not have. */
export const nodeImportsOf = async (entry: string): Promise<readonly string[]> => {
  const { metafile } = await build({
    ...forBrowsers,
    entryPoints: [resolve(root, `src/${entry}/index.ts`)],
    format: 'esm',
    metafile: true,
    external: ['node:*', ...builtinModules],
  })
  return Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path))
}

/** The page's script. */
import { resolve } from 'node:path'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '../../..')

/** Everything in `page/` as one classic script that defines the global `checks`, from the library's sources. */
export const bundleChecks = async (): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [resolve(import.meta.dirname, '../page/index.ts')],
    bundle: true,
    format: 'iife',
    globalName: 'checks',
    // The package has no side effects; the import that fixes what properties draw is one.
    ignoreAnnotations: true,
    platform: 'browser',
    target: 'es2022',
    sourcemap: 'inline',
    alias: { pullback: resolve(root, 'src/index.ts'), 'pullback/testing': resolve(root, 'src/testing/index.ts') },
    write: false,
    logLevel: 'error',
  })
  return outputFiles[0]!.text
}

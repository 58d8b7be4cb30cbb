/** Scripts of tests as programs of their own. */
import { resolve } from 'node:path'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '../../..')

/** The script and the library's sources as one module of Node's at `outfile`: it starts faster than what is compiled on its way. */
export const bundleScript = async (name: string, outfile: string): Promise<void> => {
  await build({
    entryPoints: [resolve(import.meta.dirname, name)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    alias: {
      'pullback/train': resolve(root, 'src/train/index.ts'),
      'pullback/models': resolve(root, 'src/models/index.ts'),
      pullback: resolve(root, 'src/index.ts'),
    },
    logLevel: 'error',
  })
}

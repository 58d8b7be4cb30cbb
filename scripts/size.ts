/** What the package weighs in a browser: bundles a program that only differentiates, and the whole entry. */
import { gzipSync } from 'node:zlib'
import { resolve } from 'node:path'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '..')

interface Target {
  readonly name: string
  readonly code: string
  /** Kilobytes, gzipped, that we aim to stay below. */
  readonly aim: number
  /** Kilobytes, gzipped, above which this fails: no bundle grows unnoticed. */
  readonly ceiling: number
}

const targets: readonly Target[] = [
  {
    name: 'grad only',
    code: "import { grad } from 'pullback'\nconsole.log(grad((x) => x.mul(x))(3).item())",
    aim: 55,
    ceiling: 53,
  },
  { name: 'whole entry', code: "import * as pullback from 'pullback'\nconsole.log(pullback)", aim: 210, ceiling: 259 },
]

const kilobytes = (bytes: number): string => (bytes / 1024).toFixed(1).padStart(6)

for (const { name, code, aim, ceiling } of targets) {
  const result = await build({
    stdin: { contents: code, resolveDir: root, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['source'],
    alias: { pullback: resolve(root, 'src/index.ts') },
    metafile: true,
    write: false,
    logLevel: 'error',
  })
  const [output] = result.outputFiles
  const zipped = gzipSync(output!.contents, { level: 9 }).length
  console.log(
    `${name.padEnd(12)} ${kilobytes(output!.contents.length)} KB minified, ${kilobytes(zipped)} KB gzipped (aim: ${aim} KB)`,
  )
  if (process.argv.includes('--verbose')) {
    const inputs = Object.entries(Object.values(result.metafile.outputs)[0]!.inputs)
    for (const [file, { bytesInOutput }] of inputs
      .sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput)
      .slice(0, 25)) {
      console.log(`  ${kilobytes(bytesInOutput)} KB ${file}`)
    }
  }
  if (zipped > ceiling * 1024) process.exitCode = 1
}

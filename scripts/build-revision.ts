/** Writes into the built package which compiler it has: a digest of its files. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { digestOfCompiler } from '../src/backends/wasm/sources.ts'

const dist = resolve(import.meta.dirname, '../dist')
const file = resolve(dist, 'backends/wasm/revision.js')
// The digest is that of the files as tsc wrote them: another build of the same sources has the same one.
const digest = digestOfCompiler(dist)
if (digest === null) throw new Error(`${dist} has no compiler in it.`)
writeFileSync(
  file,
  `/** Which compiler this is: a digest of its files. */\nexport const revision = () => '${digest}';\n`,
)

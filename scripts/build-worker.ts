/** Writes `pullback/worker`, the file for pages that may not start workers from text. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { workerFile } from '../src/backends/wasm/workerSource.ts'

writeFileSync(resolve(import.meta.dirname, '../dist/worker.js'), workerFile)

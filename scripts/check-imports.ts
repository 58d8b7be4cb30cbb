/** Holds the architecture: see `scripts/support/imports.ts` for the layers and the rules. */
import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { importProblems } from './support/imports.ts'

const root = resolve(import.meta.dirname, '../src')

const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'))
const files = new Map(names.map((f) => [f.replaceAll(sep, '/'), readFileSync(join(root, f), 'utf8')]))
const problems = importProblems(files)

for (const problem of problems) console.error(problem)
console.log(`imports: ${files.size} files, ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1

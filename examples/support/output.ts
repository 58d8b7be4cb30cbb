/** What the examples write: files under examples/output, progress bars, and exits with a reason. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import { tryCatch } from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'

export interface WriteError {
  readonly _tag: 'WriteError'
  readonly message: string
}

const folder = join(import.meta.dirname, '..', 'output')

/** The path of something in examples/output. */
export const outputPath = (name: string): string => relative(process.cwd(), join(folder, name))

/** Writes a file of examples/output; gives its path. */
export const writeOutput = (name: string, contents: string | Uint8Array): TaskEither<WriteError, string> =>
  tryCatch(
    async () => {
      await mkdir(folder, { recursive: true })
      const path = join(folder, name)
      await writeFile(path, contents)
      return relative(process.cwd(), path)
    },
    (e) => ({ _tag: 'WriteError', message: `${name} could not be written: ${String(e)}` }),
  )

/** Which of these flags the example was given: `--quick`, ... */
export const readFlags = <K extends string>(...names: readonly K[]): { readonly [N in K]: boolean } => {
  const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'boolean' }])) })
  return Object.fromEntries(names.map((name) => [name, values[name] === true])) as { readonly [N in K]: boolean }
}

/** Whether the example was asked to be quick (`--quick`). */
export const isQuick = (): boolean => readFlags('quick').quick

/** A progress bar over so many steps. */
export const progressBar = (label: string, steps: number): SingleBar => {
  const bar = new SingleBar({
    format: `${label} {bar} {percentage}% | {note}`,
    barsize: 24,
    hideCursor: true,
    stopOnComplete: true,
    noTTYOutput: false,
  })
  bar.start(steps, 0, { note: '' })
  return bar
}

/** Prints a failure and ends with exit code 1. */
export const fail = (error: { readonly _tag: string; readonly message: string }): void => {
  console.error(`${error._tag}: ${error.message}`)
  process.exitCode = 1
}

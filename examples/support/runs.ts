/** What runs of tuning cost and came to, beside one another. */
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onStep } from 'pullback/train'
import type { Hook } from 'pullback/train'
import { outputPath } from './output.ts'

/** A run, measured. */
export interface Run {
  readonly name: string
  readonly f1: number
  readonly accuracy: number
  /** How many numbers were trained. */
  readonly trained: number
  /** Bytes of what was saved. */
  readonly bytes: number
  /** The most memory that the process had, in bytes. */
  readonly memory: number
  /** Of training, without what comes before and after it. */
  readonly seconds: number
  /** The median over steps. */
  readonly stepSeconds: number
}

/** The most memory that this process had until now, in bytes. It counts a run of its own only in a process of its own. */
export const peakMemory = (): number => 1024 * process.resourceUsage().maxRSS

/** Bytes of the weights in a folder. */
export const weightBytes = (folder: string): number =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.safetensors'))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)

/** Remembers how long steps took. */
export const stopwatch = (): { readonly hook: Hook; readonly median: () => number } => {
  const seconds: number[] = []
  return {
    hook: onStep(({ seconds: one }) => void seconds.push(one)),
    median: () => seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length / 2)] ?? NaN,
  }
}

const fileOf = (name: string): string => outputPath(`mail-${name.replaceAll(' ', '-')}.json`)

/** Keeps what a run came to, for `readRun` in another process. */
export const writeRun = (run: Run): void => {
  writeFileSync(fileOf(run.name), `${JSON.stringify(run, null, 2)}\n`)
}

export const readRun = (name: string): Run => JSON.parse(readFileSync(fileOf(name), 'utf8')) as Run

/** Runs this program again with further arguments, in a process of its own; gives what it kept under the name. */
export const runApart = (name: string, args: readonly string[]): Run => {
  const { status } = spawnSync(process.execPath, [...process.execArgv, process.argv[1]!, ...args], { stdio: 'inherit' })
  if (status !== 0) throw new Error(`the run "${name}" ended with exit code ${status}.`)
  return readRun(name)
}

const megabytes = (bytes: number, digits = 0): string => `${(bytes / 1e6).toFixed(digits)} MB`

/** Runs as a table of Markdown. */
export const tableOf = (runs: readonly Run[]): string => {
  const rows = [
    ['', 'F1', 'accuracy', 'trained', 'file', 'peak memory', 'time', 'median step'],
    ...runs.map((run) => [
      run.name,
      run.f1.toFixed(3),
      run.accuracy.toFixed(3),
      run.trained.toLocaleString('en'),
      megabytes(run.bytes, 1),
      megabytes(run.memory),
      `${run.seconds.toFixed(0)} s`,
      `${run.stepSeconds.toFixed(2)} s`,
    ]),
  ]
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  const lines = rows.map((row) => `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`) // prettier-ignore
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [lines[0]!, rule, ...lines.slice(1)].join('\n')
}

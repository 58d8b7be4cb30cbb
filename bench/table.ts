/** The results as a Markdown table, and its place in the documentation. */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { Name } from './tasks.ts'
import { names } from './tasks.ts'
import type { Timing } from './timing.ts'

export interface Row {
  /** What is measured, and of what one unit is timed. */
  readonly what: string
  /** Microseconds that Pullback should stay under. */
  readonly target?: number
  readonly timings: readonly Timing[]
}

export const targetMegabytes = 300

const duration = (microseconds: number): string =>
  microseconds >= 1000 ? `${(microseconds / 1000).toFixed(1)} ms` : `${microseconds.toFixed(2)} µs`

const factor = (ratio: number): string => (ratio < 0.01 ? '< 0.01×' : `${ratio.toFixed(2)}×`)

const cell = (timings: readonly Timing[], name: Name): string => {
  const timing = timings.find((t) => t.name === name)
  if (timing === undefined) return '–'
  const text = duration(timing.microseconds)
  const own = timings.find((t) => t.name === 'Pullback')!
  return name === 'Pullback' ? text : `${text} (${factor(timing.microseconds / own.microseconds)})`
}

const targetCell = (target: number | undefined): string => (target === undefined ? '–' : `≤ ${target} µs`)

export const table = (rows: readonly Row[], megabytes: number): string =>
  [
    `| | target | ${names.join(' | ')} |`,
    `| --- | ---: | ${names.map(() => '---:').join(' | ')} |`,
    ...rows.map(
      ({ what, target, timings }) =>
        `| ${what} | ${targetCell(target)} | ${names.map((name) => cell(timings, name)).join(' | ')} |`,
    ),
    '',
    'A synchronous loop of 1,000,000 small operations: ' +
      `${megabytes.toFixed(0)} MB resident at most (target: under ${targetMegabytes}).`,
  ].join('\n')

/** Targets that were missed, one a line. */
export const missed = (rows: readonly Row[], megabytes: number): readonly string[] => [
  ...rows.flatMap(({ what, target, timings }) => {
    const own = timings.find((t) => t.name === 'Pullback')!
    return target === undefined || own.microseconds <= target
      ? []
      : [`${what}: ${duration(own.microseconds)}, not ${duration(target)}`]
  }),
  ...(megabytes < targetMegabytes ? [] : [`memory: ${megabytes.toFixed(0)} MB, not under ${targetMegabytes}`]),
]

/** Replaces the table in docs/benchmarks.md, under today's date and the kind of machine. */
export const writeTable = (text: string): void => {
  const path = join(import.meta.dirname, '..', 'docs', 'benchmarks.md')
  const [cpu] = cpus()
  const date = new Date().toISOString().slice(0, 10)
  const head = `${date}, Node ${process.versions.node}, ${cpus().length} cores of ${cpu!.model.trim()}:`
  const block = `<!-- table -->\n\n${head}\n\n${text}\n\n<!-- end -->`
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace(/<!-- table -->[^]*<!-- end -->/, () => block),
  )
}

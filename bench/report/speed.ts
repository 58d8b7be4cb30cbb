/** The table of speed, and which targets are missed. */
import type { Contestant } from '../harness/contestants.ts'
import type { Measured, Speed } from '../speed.ts'
import type { Target } from '../tasks/row.ts'
import { duration, factor, markdown } from './format.ts'

/** The best time of those in a role, if any could do it. */
const best = ({ timings }: Measured, contestants: readonly Contestant[], role: Contestant['role']): number | null => {
  const times = contestants.flatMap(({ name, role: r }) =>
    r === role && timings.has(name) ? [timings.get(name)!] : [],
  )
  return times.length === 0 ? null : Math.min(...times)
}

interface Outcome {
  /** How many times faster than the best peer. */
  readonly ratio: number | null
  readonly microseconds: number
  readonly gigaflops: number | null
}

const outcome = (measured: Measured, contestants: readonly Contestant[]): Outcome | null => {
  const own = best(measured, contestants, 'own')
  if (own === null) return null
  const peer = best(measured, contestants, 'peer')
  const { flops } = measured.row
  return {
    ratio: peer === null ? null : peer / own,
    microseconds: own,
    gigaflops: flops === undefined ? null : flops / own / 1000,
  }
}

const wanted = ({ timesFaster, microseconds, gigaflops, fasterThan }: Target): string =>
  [
    ...(timesFaster === undefined ? [] : [`≥ ${timesFaster}×`]),
    ...(gigaflops === undefined ? [] : [`≥ ${gigaflops} GFLOP/s`]),
    ...(microseconds === undefined ? [] : [`≤ ${duration(microseconds)}`]),
    ...(fasterThan === undefined ? [] : [`faster than ${fasterThan}`]),
  ].join(', ')

const reached = ({ ratio, gigaflops }: Outcome): string =>
  [...(ratio === null ? [] : [factor(ratio)]), ...(gigaflops === null ? [] : [`${gigaflops.toFixed(0)} GFLOP/s`])].join(
    ', ',
  )

const isMissed = ({ row, timings }: Measured, found: Outcome): boolean => {
  const { timesFaster, microseconds, gigaflops, fasterThan } = row.target
  const rival = fasterThan === undefined ? undefined : timings.get(fasterThan)
  return (
    (timesFaster !== undefined && !(found.ratio !== null && found.ratio >= timesFaster)) ||
    (microseconds !== undefined && !(found.microseconds <= microseconds)) ||
    (gigaflops !== undefined && !(found.gigaflops !== null && found.gigaflops >= gigaflops)) ||
    (rival !== undefined && !(found.microseconds < rival))
  )
}

export const speedTable = ({ contestants, rows }: Speed): string =>
  markdown(
    ['', ...contestants.map(({ name }) => name), 'times faster than the best peer', 'target'],
    rows.map((measured) => {
      const { name, row, timings } = measured
      const found = outcome(measured, contestants)
      const mark = found === null ? '' : isMissed(measured, found) ? ' (missed)' : ' (met)'
      return [
        `${name.replace(/\..*/, '')}: ${row.what}`,
        ...contestants.map((c) => (timings.has(c.name) ? duration(timings.get(c.name)!) : '–')),
        found === null ? '–' : reached(found),
        wanted(row.target) + mark,
      ]
    }),
  )

/** Targets that were missed, one a line. */
export const missedTargets = ({ contestants, rows }: Speed): readonly string[] =>
  rows.flatMap((measured) => {
    const found = outcome(measured, contestants)
    const { name, row } = measured
    if (found !== null && !isMissed(measured, found)) return []
    const result =
      found === null ? 'not measured' : [duration(found.microseconds), reached(found)].filter(Boolean).join(', ')
    return [`${name} (${row.what}): ${result}; wanted ${wanted(row.target)}`]
  })

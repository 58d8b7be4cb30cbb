/** The command line. */
import { parseArgs } from 'node:util'
import type { Pace } from './harness/pace.ts'
import { quick, thorough } from './harness/pace.ts'
import { familyNames, rowsOf } from './tasks/families.ts'

export interface Options {
  /** Whether a row or a section, by its name, is to be measured. */
  readonly wants: (name: string) => boolean
  /** Whether all is. */
  readonly isAll: boolean
  readonly pace: Pace
  /** Whether to write docs/benchmarks.md. */
  readonly write: boolean
  /** A Python interpreter that has JAX and PyTorch, or null. */
  readonly python: string | null
  /** Whether to have a column for XLA. */
  readonly xla: boolean
  /** A Node whose V8 joins vectors to ones of 256 bits, or null. */
  readonly wideNode: string | null
}

export const usage = `npm run bench                     measures all, and prints the tables
npm run bench -- --write          writes them into docs/benchmarks.md too, of whole sections where --only is given
npm run bench -- --only W5        some rows or sections: W1, ..., W9, W1.256, models, memory, scale; may be repeated
npm run bench -- --quick          short rounds
npm run bench -- --python PATH    with columns for JAX and PyTorch, by an interpreter that has them
npm run bench -- --xla            with a column for XLA, by the PJRT plugin that pullback/xla finds
npm run bench -- --wide-node PATH a column of real models for vectors of 256 bits, by Node 24 or later on x64`

const sections = ['models', 'memory', 'scale']
const names = [...familyNames.flatMap((family) => rowsOf(family).map(([name]) => name)), ...sections]

/** Whether `part` is a name, or all of one before a dot. */
const covers = (part: string, name: string): boolean => name === part || name.startsWith(`${part}.`)

/** @throws an Error that says what is wrong with the arguments. */
export const parseOptions = (args: readonly string[]): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      python: { type: 'string' },
      xla: { type: 'boolean', default: false },
      'wide-node': { type: 'string' },
    },
  })
  const { only } = values
  if (values.write && (values.quick || only.some((part) => !sections.includes(part))))
    throw new Error('--write goes with whole sections, and not with --quick.')
  const unknown = only.find((part) => !names.some((name) => covers(part, name)))
  if (unknown !== undefined) throw new Error(`--only: there is no ${unknown}. There are: ${names.join(', ')}.`)
  return {
    wants: (name) => only.length === 0 || only.some((part) => covers(part, name)),
    isAll: only.length === 0,
    pace: values.quick ? quick : thorough,
    write: values.write,
    python: values.python ?? null,
    xla: values.xla,
    wideNode: values['wide-node'] ?? null,
  }
}

/** The command line. */
import { parseArgs } from 'node:util'
import type { Pace } from './harness/pace.ts'
import { quick, thorough } from './harness/pace.ts'
import { familyNames, rowsOf } from './tasks/families.ts'

export interface Options {
  /** Whether a row or a section, by its name, is to be measured. */
  readonly wants: (name: string) => boolean
  readonly pace: Pace
  /** Whether to write docs/benchmarks.md. */
  readonly write: boolean
  /** A Python interpreter that has JAX and PyTorch, or null. */
  readonly python: string | null
}

export const usage = `npm run bench                     measures all, and prints the tables
npm run bench -- --write          writes them into docs/benchmarks.md too
npm run bench -- --only W5        some rows or sections: W1, ..., W9, W1.256, models, memory, scale; may be repeated
npm run bench -- --quick          short rounds
npm run bench -- --python PATH    with columns for JAX and PyTorch, by an interpreter that has them`

const names = [...familyNames.flatMap((family) => rowsOf(family).map(([name]) => name)), 'models', 'memory', 'scale']

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
    },
  })
  const { only } = values
  if (values.write && (only.length > 0 || values.quick))
    throw new Error('--write goes with neither --only nor --quick.')
  const unknown = only.find((part) => !names.some((name) => covers(part, name)))
  if (unknown !== undefined) throw new Error(`--only: there is no ${unknown}. There are: ${names.join(', ')}.`)
  return {
    wants: (name) => only.length === 0 || only.some((part) => covers(part, name)),
    pace: values.quick ? quick : thorough,
    write: values.write,
    python: values.python ?? null,
  }
}

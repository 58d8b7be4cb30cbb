/** The command line, run in this process. */
import { expect } from 'vitest'
import { runCommandLine } from '../../../src/cli/run.ts'

/** What a command line came to: its exit code, and what it printed. */
export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command line. */
export const pullback = async (...args: readonly string[]): Promise<Ran> => {
  let [out, err] = ['', '']
  const code = await runCommandLine(
    args,
    { out: (text) => void (out += text), draw: null },
    (line) => void (err += line),
  )
  return { code, out, err }
}

/** Runs one that has to succeed, without a word of complaint; what it printed. */
export const succeed = async (...args: readonly string[]): Promise<string> => {
  const { code, out, err } = await pullback(...args)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
}

/** What is asked of every pass, and programs as text before and after one. */
import * as fc from 'fast-check'
import { checkProgram, equalPrograms, parseProgram, printProgram } from 'pullback'
import type { Program } from 'pullback'
import type { ProgramOptions } from 'pullback/testing'
import { operations, programs } from 'pullback/testing'
import { expect } from 'vitest'
import { run as interpret } from '../../../src/backends/reference/reference.ts'
import { countEquations } from '../../../src/ir/walk.ts'
import { toHost } from '../../../src/trace/value.ts'
import { expectSameElements } from '../../support/elements.ts'

export type Pass = (program: Program) => Program

// A NaN has many bit patterns, of which any may come out.
const among = operations.filter((op) => op !== 'bitcast' && op !== 'callback')

const parsed = (text: string): Program => {
  const program = parseProgram(text)
  if (program._tag === 'Left') throw new Error(program.left.message)
  checkProgram(program.right)
  return program.right
}

/** The program of this text, with blanks at the beginnings of lines as they come. */
export const programOf = (lines: string): Program =>
  parsed(
    lines
      .trim()
      .split('\n')
      .map((line) => line.trim())
      .join('\n'),
  )

/** The lines of a program after a pass, without those of its head and its end. */
export const after = (pass: Pass, lines: string): readonly string[] =>
  printProgram(pass(programOf(lines)))
    .split('\n')
    .slice(1, -1)
    .map((line) => line.trim())

const forAll = (
  options: ProgramOptions,
  numRuns: number,
  check: (p: { program: Program; inputs: readonly Parameters<typeof toHost>[0][] }) => void,
): void => {
  fc.assert(fc.property(programs({ operations: among, maxSize: 60, ...options }), check), { numRuns })
}

/** Random programs are well typed after the pass, have the same types, and give the same elements bit for bit. */
export const keepsMeaning = (pass: Pass, options: ProgramOptions = {}): void => {
  forAll(options, 120, ({ program, inputs }) => {
    const passed = pass(program)
    checkProgram(passed)
    expect([passed.inAvals, passed.outAvals].map(String)).toEqual([program.inAvals, program.outAvals].map(String))
    const data = inputs.map((x) => toHost(x, 'test').data)
    expectSameElements(interpret(passed, data), interpret(program, data), program.outAvals)
  })
}

/** What has been passed through is left as it is. */
export const isIdempotent = (pass: Pass, options: ProgramOptions = {}): void => {
  forAll(options, 120, ({ program }) => {
    const once = pass(program)
    expect(equalPrograms(pass(once), once)).toBe(true)
  })
}

/** Programs get no longer, those inside of equations included. */
export const addsNothing = (pass: Pass, options: ProgramOptions = {}): void => {
  forAll(options, 60, ({ program }) => {
    expect(countEquations(pass(program))).toBeLessThanOrEqual(countEquations(program))
  })
}

/** Passes of programs among the parameters of equations. */
import { checkProgram, printProgram } from 'pullback'
import type { Program } from 'pullback'
import { describe, expect, it } from 'vitest'
import { subprograms } from '../../src/ir/walk.ts'
import { dce } from '../../src/passes/dce.ts'
import { inner } from '../../src/passes/inner.ts'
import { simplify } from '../../src/passes/simplify.ts'
import { after, keepsMeaning, programOf } from './support/passes.ts'

const operations = ['scan', 'while', 'cond', 'call', 'checkpoint', 'add', 'mul', 'sin', 'neg', 'reshape'] as const

it('random programs mean the same', () => {
  keepsMeaning(inner(simplify), { operations })
  keepsMeaning(inner(dce), { operations })
})

const text = `program(a: i32[], b: f32[]) {
  c: f32[] = neg b
  d: f32[] = neg c
  e: f32[] = cond[branches=[program(a: f32[]) {
    b: f32[] = mul a 1:f32[]
    return b
  }, program(a: f32[]) {
    b: f32[] = call[program=program(a: f32[]) {
      b: f32[] = add a -0:f32[]
      return b
    }, name="f"] a
    return b
  }]] a d
  return e
}`

describe('inner', () => {
  it('reaches all programs of an equation, and no equation beside them', () => {
    const lines = after(inner(simplify), text)
    expect(lines.filter((line) => line.includes('neg')).length).toBe(2)
    expect(lines.some((line) => line.includes('mul'))).toBe(false)
  })

  it('goes down one level: a pass that is to go deeper calls it', () => {
    expect(after(inner(simplify), text).some((line) => line.includes('-0:f32[]'))).toBe(true)
    const deep = (program: Program): Program => simplify(inner(deep)(program))
    const simplest = deep(programOf(text))
    checkProgram(simplest)
    expect(printProgram(simplest)).not.toMatch(/ (?:mul|add) /)
  })

  it('sees each program once, with the type that it keeps', () => {
    const seen: Program[] = []
    const program = programOf(text)
    inner((p) => {
      seen.push(p)
      return p
    })(program)
    expect(seen).toEqual(program.equations.flatMap((eqn) => subprograms(eqn).map(([, p]) => p)))
  })
})

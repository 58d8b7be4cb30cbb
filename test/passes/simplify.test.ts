/** Algebra that holds for every value. */
import { describe, expect, it } from 'vitest'
import { simplify } from '../../src/passes/simplify.ts'
import { addsNothing, after, keepsMeaning } from './support/passes.ts'

/** Operations whose equations have simpler ones, and such as make their operands. */
const operations = ['add', 'sub', 'mul', 'div', 'neg', 'integerPow', 'select', 'cast', 'reshape', 'transpose', 'broadcast', 'rev', 'max', 'eq'] as const // prettier-ignore

describe('random programs', () => {
  it('mean the same', () => {
    keepsMeaning(simplify)
  })
  it('mean the same where most equations have a rule', () => {
    keepsMeaning(simplify, { operations, maxEquations: 20 })
  })
  it('get no longer', () => {
    addsNothing(simplify, { operations })
  })
})

/** What is left of one equation on `a` (and `b`), f32[2,3]; nothing where the operand itself stands for it. */
const left = (equation: string, result = 'f32[2,3]', more = ''): readonly string[] =>
  after(
    simplify,
    `program(a: f32[2,3], b: f32[2,3]) {
      ${more}
      z: ${result} = ${equation}
      return z
    }`.replace(/\n\s*\n/, '\n'),
  )

const fill = (value: string): string => `x: f32[2,3] = broadcast[shape=[2, 3], dims=[]] ${value}:f32[]`

describe('an operand stands for', () => {
  it.each([
    ['x + (-0)', 'add a x', '-0'],
    ['(-0) + x', 'add x a', '-0'],
    ['x - 0', 'sub a x', '0'],
    ['x · 1', 'mul a x', '1'],
    ['1 · x', 'mul x a', '1'],
    ['x / 1', 'div a x', '1'],
  ])('%s', (_, equation, value) => {
    expect(left(equation, 'f32[2,3]', fill(value)).at(-1)).toBe('return a')
  })

  it.each([
    ['x¹', 'integerPow[exponent=1] a'],
    ['a choice between it and itself', 'select m a a', 'm: bool[2,3] = lt a b'],
    ['a cast to its own type', 'cast[dtype="float32", weak=false] a'],
    ['a reshape to its own shape', 'reshape[shape=[2, 3]] a'],
    ['a transpose that moves nothing', 'transpose[permutation=[0, 1]] a'],
    ['a broadcast to its own shape', 'broadcast[shape=[2, 3], dims=[0, 1]] a'],
    ['-(-x)', 'neg n', 'n: f32[2,3] = neg a'],
    ['two reversals', 'rev[axes=[1]] n', 'n: f32[2,3] = rev[axes=[1]] a'],
    ['two transposes that cancel', 'transpose[permutation=[1, 0]] n', 'n: f32[3,2] = transpose[permutation=[1, 0]] a'],
  ])('%s', (_, equation, more = '') => {
    expect(left(equation, 'f32[2,3]', more).at(-1)).toBe('return a')
  })

  it.each([
    ['1', 'a'],
    ['0', 'b'],
  ])('a choice by a known condition, %s', (value, chosen) => {
    const mask = `x: bool[2,3] = broadcast[shape=[2, 3], dims=[]] ${value}:bool[]`
    expect(left('select x a b', 'f32[2,3]', mask).at(-1)).toBe(`return ${chosen}`)
  })
})

describe('what would change a value stays', () => {
  it.each([
    ['x + 0, which is 0 for -0', 'add a x', '0'],
    ['x - (-0)', 'sub a x', '-0'],
    ['x · 0, which is NaN for infinities', 'mul a x', '0'],
    ['0 / x', 'div x a', '0'],
    ['0 - x', 'sub x a', '0'],
    ['1 / x', 'div x a', '1'],
  ])('%s', (_, equation, value) => {
    expect(left(equation, 'f32[2,3]', fill(value)).length).toBe(3)
  })

  it.each([
    ['x - x', 'sub a a'],
    ['x / x', 'div a a'],
    ['x⁰', 'integerPow[exponent=0] a'],
  ])('%s', (_, equation) => {
    expect(left(equation).length).toBe(2)
  })

  it('a weak operand does not stand for a strong result', () => {
    const text = `program(a: ~f32[]) {
      b: f32[] = add a -0:f32[]
      return b
    }`
    expect(after(simplify, text).length).toBe(2)
  })
})

describe('two moves are one', () => {
  it.each([
    ['reshapes', 'reshape[shape=[6]] n', 'f32[6]', 'n: f32[3,2] = reshape[shape=[3, 2]] a', 'reshape[shape=[6]] a'],
    [
      'broadcasts',
      'broadcast[shape=[5, 4, 2, 3], dims=[1, 2, 3]] n',
      'f32[5,4,2,3]',
      'n: f32[4,2,3] = broadcast[shape=[4, 2, 3], dims=[1, 2]] a',
      'broadcast[shape=[5, 4, 2, 3], dims=[2, 3]] a',
    ],
  ])('%s', (_, equation, result, more, wanted) => {
    expect(left(equation, result, more).at(-2)).toContain(wanted)
  })

  it('transposes', () => {
    const text = `program(a: f32[2,3,4]) {
      b: f32[3,4,2] = transpose[permutation=[1, 2, 0]] a
      c: f32[4,2,3] = transpose[permutation=[1, 2, 0]] b
      return c
    }`
    expect(after(simplify, text).at(-2)).toBe('c: f32[4,2,3] = transpose[permutation=[2, 0, 1]] a')
  })
})

describe('integers', () => {
  it('have one zero', () => {
    const text = `program(a: i32[]) {
      b: i32[] = add a 0:i32[]
      c: i32[] = sub b 0:i32[]
      return c
    }`
    expect(after(simplify, text)).toEqual(['return a'])
  })
})

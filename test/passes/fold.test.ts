/** What depends on constants only is computed once. */
import { describe, expect, it } from 'vitest'
import { fold } from '../../src/passes/fold.ts'
import { addsNothing, after, isIdempotent, keepsMeaning } from './support/passes.ts'

describe('random programs', () => {
  it('mean the same', () => {
    keepsMeaning(fold)
  })
  it('get no longer', () => {
    addsNothing(fold)
  })
  it('are folded at once', () => {
    isIdempotent(fold)
  })
})

describe('an equation', () => {
  it('of literals becomes one, and what depends on it', () => {
    const text = `program(a: f32[]) {
      b: f32[] = add 1:f32[] 2:f32[]
      c: f32[] = mul b 4:f32[]
      d: f32[] = add a c
      return d
    }`
    expect(after(fold, text)).toEqual(['b: f32[] = add a 12:f32[]', 'return b'])
  })

  it('of constants becomes a constant', () => {
    const text = `program() {
      const a: f32[2] = [1, 4]
      b: f32[2] = sqrt a
      return b
    }`
    const lines = after(fold, text)
    expect(lines).toContain('const b: f32[2] = [1, 2]')
    expect(lines.some((line) => line.includes('sqrt'))).toBe(false)
  })

  it('that fills an array with one value stays, and so does what reads it', () => {
    const text = `program() {
      a: f32[2] = broadcast[shape=[2], dims=[]] 1:f32[]
      b: f32[2] = sin a
      return b
    }`
    expect(after(fold, text).length).toBe(3)
  })

  it('whose result would be large stays', () => {
    const text = (n: number): string => `program() {
      const a: f32[2] = [1, 2]
      b: f32[${n},2] = broadcast[shape=[${n}, 2], dims=[1]] a
      return b
    }`
    expect(after(fold, text(512)).some((line) => line.includes('broadcast'))).toBe(false)
    expect(after(fold, text(513)).some((line) => line.includes('broadcast'))).toBe(true)
  })

  it('of nothing, such as iota, stays', () => {
    const text = `program() {
      a: f32[3] = iota[dtype="float32", shape=[3], axis=0]
      return a
    }`
    expect(after(fold, text)).toEqual(['a: f32[3] = iota[dtype="float32", shape=[3], axis=0]', 'return a'])
  })

  it('that holds programs stays, also of literals', () => {
    const text = `program() {
      a: f32[] = call[program=program(a: f32[]) {
        b: f32[] = sin a
        return b
      }, name="f"] 1:f32[]
      return a
    }`
    expect(after(fold, text)[0]).toContain('call')
  })

  it('keeps types: a literal is as weak as what it stands for, and -0 is -0', () => {
    const text = `program(a: f32[]) {
      b: ~f32[] = neg 0:~f32[]
      c: f32[] = mul a b
      return c
    }`
    expect(after(fold, text)[0]).toBe('b: f32[] = mul a -0:~f32[]')
  })
})

/** What the parser says of texts that are nearly programs, and the checker of rules that nearly fit. */
import { checkProgram, parseProgram, printProgram } from 'pullback'
import { operations } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { parametersOf } from '../../src/ir/signatures.ts'

describe('the text of parameters', () => {
  const withParameters = (text: string): string => `program(a: f32[2]) {\n  b: f32[2] = ${text} a\n  return b\n}`
  const messageOf = (text: string): string => {
    const parsed = parseProgram(text)
    return parsed._tag === 'Left' ? parsed.left.message : 'parsed'
  }

  it.each(operations.flatMap((op) => parametersOf(op).map(([name, kind]) => [op, name, kind.what] as const)))(
    '%s has %s: %s',
    (op, name, what) => {
      const value = op === 'reshape' ? '"x"' : name === 'name' ? '0' : '-0.5'
      expect(messageOf(withParameters(op))).toMatch(new RegExp(`^${op} lacks its parameter `))
      expect(messageOf(withParameters(`${op}[${name}=${value}]`))).toContain(`${op} takes ${what} for ${name}, got`)
      expect(messageOf(withParameters(`${op}[none=0]`))).toMatch(
        new RegExp(`'none' is not a parameter of ${op}.*${name}`),
      )
    },
  )

  it('has each once, in any order', () => {
    expect(messageOf(withParameters('cumsum[reverse=false, axis=0]'))).toBe('parsed')
    expect(messageOf(withParameters('cumsum[reverse=false, reverse=false, axis=0]'))).toBe(
      'cumsum has two parameters reverse',
    )
    expect(messageOf(withParameters('sin[axis=0]'))).toBe("'axis' is not a parameter of sin, which has none")
  })

  it('says where: the value, the name, the operation', () => {
    const at = (text: string) => {
      const parsed = parseProgram(withParameters(text))
      return parsed._tag === 'Left' ? [parsed.left.line, parsed.left.column] : []
    }
    expect(at('cumsum[reverse=false, axis=-1]')).toEqual([2, 42])
    expect(at('cumsum[reverse=false, axes=1]')).toEqual([2, 37])
    expect(at('cumsun[reverse=false]')).toEqual([2, 15])
    expect(at('checkpointName[name="\\u12"]')).toEqual([2, 35])
  })

  it('may be null', () => {
    const x = 'program(x: f32[2]) {\n return x\n }'
    const text = withParameters(`linearSolve[matvec=${x}, vecmat=${x}, solve=${x}, transposeSolve=null, consts=0]`)
    const parsed = parseProgram(text)
    expect(parsed._tag === 'Right' && printProgram(parsed.right)).toContain('transposeSolve=null')
  })
})

describe('the text of elements', () => {
  const literal = (text: string, type: string): unknown => {
    const parsed = parseProgram(`program() {\n  return ${text}:${type}[]\n}`)
    if (parsed._tag === 'Left') return parsed.left.message
    return printProgram(parsed.right).split('\n')[1]!.trim().slice('return '.length)
  }

  it.each([
    ['1.5', 'i32', 'int32'],
    ['nan', 'i32', 'int32'],
    ['2147483648', 'i32', 'int32'],
    ['-1', 'u32', 'uint32'],
    ['256', 'u8', 'uint8'],
    ['128', 'i8', 'int8'],
    ['2', 'bool', 'bool'],
    ['1.5', 'i64', 'int64'],
    ['inf', 'i64', 'int64'],
    ['1e3', 'i64', 'int64'],
    ['9223372036854775808', 'i64', 'int64'],
  ])('%s is no %s', (text, type, dtype) => {
    expect(literal(text, type)).toBe(`${text} is no ${dtype}`)
    const constant = parseProgram(`program() {\n  const a: ${type}[1] = [${text}]\n  return a\n}`)
    expect(constant).toMatchObject({ _tag: 'Left', left: { message: `${text} is no ${dtype}`, line: 2 } })
  })

  it.each([
    ['-9223372036854775808', 'i64'],
    ['1.5', 'f16'],
    ['-inf', 'f16'],
    ['1.5', 'bf16'],
    ['nan', 'bf16'],
    ['-0', 'f32'],
    ['1e-45', 'f64'],
    ['-128', 'i8'],
    ['1', 'bool'],
  ])('%s is the %s that it says', (text, type) => {
    expect(literal(text, type)).toBe(`${text}:${type}[]`)
  })
})

describe('rules that do not fit', () => {
  const x = 'program(x: f32[2]) {\n return x\n }'
  const y = 'program(x: f32[3]) {\n return x\n }'
  it.each([
    ['customJvp', `program=${x}, rule=${x}, captured=0, name="f"`],
    ['customVjp', `program=${x}, forward=${x}, backward=${y}, captured=0, name="f"`],
    ['customVjp', `program=${x}, forward=${y}, backward=${x}, captured=0, name="f"`],
    ['customVjp', `program=${x}, forward=${x}, backward=${x}, captured=7, name="f"`],
    ['customLinear', `backward=${y}, residuals=0, name="f"`],
    ['linearSolve', `matvec=${x}, vecmat=${y}, solve=${x}, transposeSolve=null, consts=0`],
    ['root', `residual=${x}, solve=${x}, tangentSolve=${x}, consts=0`],
  ])('%s of %s', (op, params) => {
    const parsed = parseProgram(`program(a: f32[2]) {\n  b: f32[2] = ${op}[${params}] a\n  return b\n}`)
    if (parsed._tag === 'Left') throw new Error(parsed.left.message)
    expect(() => {
      checkProgram(parsed.right)
    }).toThrow(
      expect.objectContaining({
        name: 'ProgramError',
        message: expect.stringContaining(`equation 0 (${op})`) as string,
      }),
    )
  })
})

describe('programs', () => {
  it('that do not parse are values, with the place', () => {
    const parsed = parseProgram('program(a: f32[]) {\n  b: f32[] = frobnicate a\n  return b\n}')
    expect(parsed).toMatchObject({ _tag: 'Left' })
    expect(JSON.stringify(parsed)).toMatch(/frobnicate/)
  })

  it('that are ill-typed do not pass the check', () => {
    const parsed = parseProgram('program(a: f32[2], b: f32[3]) {\n  c: f32[2] = add a b\n  return c\n}')
    if (parsed._tag === 'Left') throw new Error(parsed.left.message)
    expect(() => {
      checkProgram(parsed.right)
    }).toThrow(expect.objectContaining({ name: 'ShapeError', message: expect.stringContaining('add') as string }))
  })
})

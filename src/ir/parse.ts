/** Printed programs, read back. */
import type { Either } from 'fp-ts/lib/Either.js'
import { Aval } from '../core/aval.ts'
import { convert } from '../core/convert.ts'
import type { DType, TypedArray } from '../core/dtype.ts'
import { fromShortName } from '../core/dtype.ts'
import type { OpParams } from './op.ts'
import { isOpName } from './names.ts'
import type { Atom, Constant, Equation, Source } from './program.ts'
import { Literal, Program, Variable, equation } from './program.ts'

/** Why a text is no program, and where. Lines and columns count from 1. */
export interface ParseFailure {
  readonly _tag: 'ParseFailure'
  readonly message: string
  readonly line: number
  readonly column: number
}

class Stop extends Error {}

// Words, numbers and signs. Strings are JSON's.
const token = /\s*(?:("(?:[^"\\]|\\.)*")|(-?(?:inf|nan|\d+(?:\.\d+)?(?:e[+-]?\d+)?))(?![\w])|([A-Za-z_]\w*)|([^\s]))/y

interface Token {
  readonly kind: 'string' | 'number' | 'word' | 'sign' | 'end'
  readonly text: string
  readonly at: number
}

/** One token ahead, over the text. */
class Reader {
  readonly #text: string
  #next: Token
  #place = 0
  #end = 0

  constructor(text: string) {
    this.#text = text
    this.#next = this.#scan()
  }

  #scan(): Token {
    token.lastIndex = this.#place
    const match = token.exec(this.#text)
    if (match === null) return { kind: 'end', text: 'the end', at: this.#text.length }
    this.#place = token.lastIndex
    const [, string, number, word, sign] = match
    const text = string ?? number ?? word ?? sign!
    const kind =
      string !== undefined ? 'string' : number !== undefined ? 'number' : word !== undefined ? 'word' : 'sign'
    return { kind, text, at: this.#place - text.length }
  }

  get peek(): Token {
    return this.#next
  }

  /** Whether a line break stands before the next token. */
  get startsLine(): boolean {
    return this.#text.slice(this.#end, this.#next.at).includes('\n')
  }

  take(): Token {
    const taken = this.#next
    this.#end = this.#place
    this.#next = this.#scan()
    return taken
  }

  is(text: string): boolean {
    return this.#next.text === text && this.#next.kind !== 'string'
  }

  /** Takes the token if it is this one. */
  accept(text: string): boolean {
    if (!this.is(text)) return false
    this.take()
    return true
  }

  expect(text: string): void {
    if (!this.accept(text)) this.fail(`expected '${text}', found '${this.#next.text}'`)
  }

  word(): string {
    if (this.#next.kind !== 'word') this.fail(`expected a name, found '${this.#next.text}'`)
    return this.take().text
  }

  fail(message: string): never {
    throw new Stop(message)
  }

  where(): { readonly line: number; readonly column: number } {
    const before = this.#text.slice(0, this.#next.at).split('\n')
    return { line: before.length, column: before.at(-1)!.length + 1 }
  }
}

/** Items between brackets, with commas. */
const list = <T>(r: Reader, open: string, close: string, item: () => T): T[] => {
  const items: T[] = []
  r.expect(open)
  while (!r.accept(close)) {
    if (items.length > 0) r.expect(',')
    items.push(item())
  }
  return items
}

const number = (r: Reader): number => {
  if (r.peek.kind !== 'number') r.fail(`expected a number, found '${r.peek.text}'`)
  return toNumber(r.take().text)
}

const toNumber = (text: string): number => {
  if (text === 'nan') return NaN
  return text.endsWith('inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text)
}

const aval = (r: Reader): Aval => {
  const weak = r.accept('~')
  const name = r.word()
  const dtype = fromShortName(name)
  if (dtype === undefined) r.fail(`'${name}' is no dtype`)
  const shape = list(r, '[', ']', () => number(r))
  if (shape.some((n) => !Number.isInteger(n) || n < 0)) r.fail(`[${shape.join(',')}] is no shape`)
  return new Aval(dtype, shape, weak)
}

const elements = (dtype: DType, texts: readonly string[]): TypedArray =>
  dtype === 'int64' ? BigInt64Array.from(texts, BigInt) : convert(Float64Array.from(texts, toNumber), 'float64', dtype)

const parameter = (r: Reader): unknown => {
  if (r.is('program')) return program(r)
  if (r.is('[')) return list(r, '[', ']', () => parameter(r))
  if (r.peek.kind === 'string') return JSON.parse(r.take().text) as unknown
  if (r.accept('true')) return true
  return r.accept('false') ? false : number(r)
}

const parameters = (r: Reader): Readonly<Record<string, unknown>> => {
  if (!r.is('[')) return {}
  return Object.fromEntries(
    list(r, '[', ']', () => {
      const key = r.word()
      r.expect('=')
      return [key, parameter(r)] as const
    }),
  )
}

/** The names of one program. */
class Scope {
  readonly #variables = new Map<string, Variable>()
  readonly #reader: Reader

  constructor(reader: Reader) {
    this.#reader = reader
  }

  define(): Variable {
    const r = this.#reader
    const name = r.word()
    if (this.#variables.has(name)) r.fail(`'${name}' is defined twice`)
    r.expect(':')
    const variable = new Variable(aval(r))
    this.#variables.set(name, variable)
    return variable
  }

  atom(): Atom {
    const r = this.#reader
    if (r.peek.kind === 'number') return this.#literal()
    const name = r.word()
    return this.#variables.get(name) ?? r.fail(`'${name}' is not defined before its use`)
  }

  #literal(): Literal {
    const r = this.#reader
    const { text } = r.take()
    r.expect(':')
    const { dtype, weak, rank } = aval(r)
    if (rank !== 0) r.fail('a literal is a scalar')
    return new Literal(elements(dtype, [text])[0]!, dtype, weak)
  }
}

const constant = (r: Reader, scope: Scope): Constant => {
  const variable = scope.define()
  r.expect('=')
  const texts = list(r, '[', ']', () => (r.peek.kind === 'number' ? r.take().text : r.fail('expected a number')))
  if (texts.length !== variable.aval.size)
    r.fail(`${variable.aval.toString()} needs ${variable.aval.size} elements, got ${texts.length}`)
  return { variable, value: { aval: variable.aval, data: elements(variable.aval.dtype, texts) } }
}

const isAtom = (r: Reader): boolean => r.peek.kind === 'number' || (r.peek.kind === 'word' && !r.is('return'))

/** What is left of an equation's place in the user's code: the scope. */
const scopeOf = (r: Reader): Source | undefined => {
  if (!r.accept('@')) return undefined
  if (r.peek.kind !== 'string') r.fail(`expected a scope in quotes, found '${r.peek.text}'`)
  const scope = JSON.parse(r.take().text) as string
  return { scope, toString: () => '(parsed)' }
}

const equationLine = (r: Reader, scope: Scope): Equation => {
  const outputs: Variable[] = []
  do outputs.push(scope.define())
  while (r.accept(','))
  r.expect('=')
  const op = r.word()
  if (!isOpName(op)) r.fail(`'${op}' is no operation`)
  const params = parameters(r) as unknown as OpParams[typeof op]
  const inputs: Atom[] = []
  while (isAtom(r) && !r.startsLine) inputs.push(scope.atom())
  return equation(op, params, inputs, outputs, scopeOf(r))
}

const program = (r: Reader): Program => {
  r.expect('program')
  const scope = new Scope(r)
  const inputs = list(r, '(', ')', () => scope.define())
  r.expect('{')
  const constants: Constant[] = []
  while (r.accept('const')) constants.push(constant(r, scope))
  const equations: Equation[] = []
  while (!r.is('return')) equations.push(equationLine(r, scope))
  r.expect('return')
  const outputs: Atom[] = []
  while (!r.accept('}')) {
    if (outputs.length > 0) r.expect(',')
    outputs.push(scope.atom())
  }
  return new Program({ inputs, constants, equations, outputs })
}

/**
 * The program that a text stands for, as `printProgram` writes it. Names and indentation are free; an equation ends
 * with its line. Not checked: see `checkProgram`.
 *
 * @returns `right(program)`, or `left` of a `ParseFailure` with line and column.
 */
export const parseProgram = (text: string): Either<ParseFailure, Program> => {
  const r = new Reader(text)
  try {
    const parsed = program(r)
    if (r.peek.kind !== 'end') r.fail(`expected the end, found '${r.peek.text}'`)
    return { _tag: 'Right', right: parsed }
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    return { _tag: 'Left', left: { _tag: 'ParseFailure', message: error.message, ...r.where() } }
  }
}

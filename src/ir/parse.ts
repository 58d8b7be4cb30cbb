/** Parses printed programs. */
import type { Either } from 'fp-ts/lib/Either.js'
import { Aval } from '../core/aval.ts'
import type { DType, TypedArray } from '../core/dtype.ts'
import { allocate, fromShortName } from '../core/dtype.ts'
import { decodeElement } from '../core/convert.ts'
import { ArgumentError } from '../core/errors.ts'
import { sizeOf } from '../core/shape.ts'
import { show } from '../core/show.ts'
import { elementFrom, toNumber } from './elements.ts'
import type { OpName, OpParams } from './op.ts'
import { isOpName, parametersOf } from './signatures.ts'
import type { Atom, Constant, Equation, Source } from './program.ts'
import { Literal, Program, Variable, equation } from './program.ts'

/** Why a text is not a program, and where. Lines and columns count from 1. */
export interface ParseFailure {
  readonly _tag: 'ParseFailure'
  readonly message: string
  readonly line: number
  readonly column: number
}

class Stop extends Error {
  /** The offset in the text. */
  readonly at: number
  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

/** The deepest nesting of programs and lists: far above that of real functions, and safe for the stack. */
const MAX_NESTING = 256

// Words, numbers and signs. Strings are JSON's.
const token = /\s*(?:("(?:[^"\\]|\\.)*")|(-?(?:inf|nan|\d+(?:\.\d+)?(?:e[+-]?\d+)?))(?![\w])|([A-Za-z_]\w*)|([^\s]))/y

interface Token {
  readonly kind: 'string' | 'number' | 'word' | 'sign' | 'end'
  readonly text: string
  readonly at: number
}

/** Reads the text with one token of lookahead. */
class Reader {
  readonly #text: string
  #next: Token
  #place = 0
  #end = 0
  #depth = 0

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

  /** Whether a line break comes before the next token. */
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

  /** Consumes the next token if it is this one. */
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

  /** A quoted text, as in JSON. */
  string(): string {
    const { kind, text, at } = this.#next
    if (kind !== 'string') this.fail(`expected a text in quotes, found '${text}'`)
    this.take()
    try {
      return JSON.parse(text) as string
    } catch {
      return this.fail(`${text} is not text in quotes as JSON has them`, at)
    }
  }

  /** Calls `read` one level deeper. */
  nested<T>(read: () => T): T {
    if (this.#depth === MAX_NESTING) this.fail(`nested deeper than ${MAX_NESTING}`)
    this.#depth++
    const result = read()
    this.#depth--
    return result
  }

  /** Stops parsing with an error, by default at the next token. */
  fail(message: string, at = this.#next.at): never {
    throw new Stop(message, at)
  }

  where(at: number): { readonly line: number; readonly column: number } {
    const before = this.#text.slice(0, at).split('\n')
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

/** A parameter or an extent: a natural number, or infinite, but not -0. */
const number = (r: Reader): number => {
  if (r.peek.kind !== 'number') r.fail(`expected a number, found '${r.peek.text}'`)
  return toNumber(r.take().text) + 0
}

const aval = (r: Reader): Aval => {
  const weak = r.accept('~')
  const { at } = r.peek
  const name = r.word()
  const dtype = fromShortName(name)
  if (dtype === undefined) r.fail(`'${name}' is not a dtype`, at)
  const shape = list(r, '[', ']', () => number(r))
  if (shape.some((n) => !Number.isSafeInteger(n) || n < 0)) r.fail(`[${shape.join(',')}] is not a shape`, at)
  if (sizeOf(shape) > Number.MAX_SAFE_INTEGER) r.fail(`[${shape.join(',')}] has more elements than can be counted`, at)
  return new Aval(dtype, shape, weak)
}

/** A number as an element of this type. */
const element = (r: Reader, dtype: DType): number | bigint => {
  const { kind, text, at } = r.peek
  if (kind !== 'number') r.fail(`expected a number, found '${text}'`)
  r.take()
  return elementFrom(dtype, text) ?? r.fail(`${text} is no ${dtype}`, at)
}

const parameter = (r: Reader): unknown => {
  if (r.is('program')) return r.nested(() => program(r))
  if (r.is('[')) return r.nested(() => list(r, '[', ']', () => parameter(r)))
  if (r.peek.kind === 'string') return r.string()
  if (r.accept('null')) return null
  if (r.accept('true')) return true
  return r.accept('false') ? false : number(r)
}

/** All parameters of an operation, each once and of its kind, in any order. */
const parameters = (r: Reader, op: OpName): Readonly<Record<string, unknown>> => {
  const { at } = r.peek
  const wanted = new Map(parametersOf(op))
  const given = new Map<string, unknown>()
  const one = (): void => {
    const { at: place } = r.peek
    const key = r.word()
    const kind = wanted.get(key)
    if (kind === undefined) r.fail(`'${key}' is not a parameter of ${op}, which has ${names(wanted)}`, place)
    if (given.has(key)) r.fail(`${op} has two parameters ${key}`, place)
    r.expect('=')
    const { at: start } = r.peek
    const value = parameter(r)
    if (!kind.is(value)) r.fail(`${op} takes ${kind.what} for ${key}, got ${show(value)}`, start)
    given.set(key, value)
  }
  if (r.is('[')) list(r, '[', ']', one)
  for (const [key, { what }] of wanted) if (!given.has(key)) r.fail(`${op} lacks its parameter ${key}, ${what}`, at)
  return Object.fromEntries(given)
}

const names = (wanted: ReadonlyMap<string, unknown>): string =>
  wanted.size === 0 ? 'none' : [...wanted.keys()].join(', ')

interface Declaration {
  readonly name: string
  readonly at: number
  readonly variable: Variable
}

/** The names of one program. */
class Scope {
  readonly #variables = new Map<string, Variable>()
  readonly #reader: Reader

  constructor(reader: Reader) {
    this.#reader = reader
  }

  /** A name and its type; defined once the equation of its value has been read. */
  declare(): Declaration {
    const r = this.#reader
    const { at } = r.peek
    const name = r.word()
    r.expect(':')
    return { name, at, variable: new Variable(aval(r)) }
  }

  define({ name, at, variable }: Declaration): Variable {
    if (this.#variables.has(name)) this.#reader.fail(`'${name}' is defined twice`, at)
    this.#variables.set(name, variable)
    return variable
  }

  atom(): Atom {
    const r = this.#reader
    if (r.peek.kind === 'number') return this.#literal()
    const { at } = r.peek
    const name = r.word()
    return this.#variables.get(name) ?? r.fail(`'${name}' is not defined before its use`, at)
  }

  #literal(): Literal {
    const r = this.#reader
    const { text, at } = r.take()
    r.expect(':')
    const { dtype, weak, rank } = aval(r)
    if (rank !== 0) r.fail('a literal is a scalar', at)
    const element = elementFrom(dtype, text) ?? r.fail(`${text} is no ${dtype}`, at)
    return new Literal(decodeElement(dtype, element), dtype, weak)
  }
}

const constant = (r: Reader, scope: Scope): Constant => {
  const variable = scope.define(scope.declare())
  const { aval } = variable
  r.expect('=')
  const { at } = r.peek
  const values = list(r, '[', ']', () => element(r, aval.dtype))
  if (values.length !== aval.size) r.fail(`${aval} needs ${aval.size} elements, got ${values.length}`, at)
  const data: TypedArray = allocate(aval.dtype, aval.size)
  values.forEach((value, i) => (data[i] = value))
  return { variable, value: { aval, data } }
}

const isAtom = (r: Reader): boolean => r.peek.kind === 'number' || (r.peek.kind === 'word' && !r.is('return'))

/** The part of an equation's source that the text keeps: the scope. */
const scopeOf = (r: Reader): Source | undefined => {
  if (!r.accept('@')) return undefined
  const scope = r.string()
  return { scope, toString: () => '(parsed)' }
}

const equationLine = (r: Reader, scope: Scope): Equation => {
  const declared: Declaration[] = []
  do declared.push(scope.declare())
  while (r.accept(','))
  r.expect('=')
  const { at } = r.peek
  const op = r.word()
  if (!isOpName(op)) r.fail(`'${op}' is not an operation`, at)
  const params = parameters(r, op) as unknown as OpParams[typeof op]
  const inputs: Atom[] = []
  while (isAtom(r) && !r.startsLine) inputs.push(scope.atom())
  const outputs = declared.map((d) => scope.define(d))
  return equation(op, params, inputs, outputs, scopeOf(r))
}

const program = (r: Reader): Program => {
  r.expect('program')
  const scope = new Scope(r)
  const inputs = list(r, '(', ')', () => scope.define(scope.declare()))
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
 * Parses a program, as `printProgram` writes it. Names and indentation are free; an equation ends with its line. The parameters
 * of each operation are checked, but types are not: see `checkProgram`. Callbacks are functions and have no text. Programs are
 * nested at most 256 deep.
 *
 * @returns `right(program)`, or `left` of a `ParseFailure` with line and column, whatever the text.
 * @example
 * ```ts
 * import { evalProgram, np, parseProgram } from 'pullback'
 * const parsed = parseProgram('program(a: f32[]) {\n  b: f32[] = mul a 2:f32[]\n  return b\n}')
 * if (parsed._tag === 'Left') throw new Error(parsed.left.message)
 * evalProgram(parsed.right, [np.array(21)])[0] // => 42.
 * ```
 */
export const parseProgram = (text: string): Either<ParseFailure, Program> => {
  if (typeof text !== 'string') {
    throw new ArgumentError(`parseProgram takes a text, got ${show(text)}. printProgram gives a program's text.`)
  }
  const r = new Reader(text)
  try {
    const parsed = program(r)
    if (r.peek.kind !== 'end') r.fail(`expected the end, found '${r.peek.text}'`)
    return { _tag: 'Right', right: parsed }
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    return { _tag: 'Left', left: { _tag: 'ParseFailure', message: error.message, ...r.where(error.at) } }
  }
}

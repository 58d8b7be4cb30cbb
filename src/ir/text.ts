/** Programs as text. `parse` reads it back. */
import { ProgramError } from '../core/errors.ts'
import type { HostArray } from '../core/host.ts'
import { elementText, numberText } from './elements.ts'
import type { AnyEquation, AnyProgram, Atom, Constant, Literal, Variable } from './parts.ts'
import { isAnyProgram } from './parts.ts'
import { parametersOf } from './signatures.ts'

/** `a` to `z`, then `aa`, `ab`, ... */
const nameOf = (n: number): string => {
  let name = ''
  for (let rest = n; rest >= 0; rest = Math.floor(rest / 26) - 1) name = String.fromCharCode(97 + (rest % 26)) + name
  return name
}

/** Reserved words of the text: not used as names of variables. */
const reserved = new Set(['inf', 'nan', 'true', 'false', 'const', 'return', 'program'])

/** Names in order: `a`, `b`, ... */
const freshNames = (): (() => string) => {
  let count = 0
  return () => {
    const name = nameOf(count++)
    return reserved.has(name) ? nameOf(count++) : name
  }
}

/** Text in pieces: a program is replaced by its text, which begins in the middle of a line; `\n` ends a line. */
type Piece = string | AnyProgram

const between = (lists: readonly (readonly Piece[])[], separator: string): Piece[] =>
  lists.flatMap((pieces, i) => (i === 0 ? pieces : [separator, ...pieces]))

const parameterPieces = (value: unknown): readonly Piece[] => {
  if (isAnyProgram(value)) return [value]
  if (Array.isArray(value)) return ['[', ...between(value.map(parameterPieces), ', '), ']']
  // Parameters are natural numbers: -0 becomes 0.
  return [typeof value === 'number' ? numberText(value + 0) : JSON.stringify(value)]
}

/** In the order of the operation's signature, not that of the object. */
const parametersPieces = ({ op, params }: AnyEquation): readonly Piece[] => {
  const given = params as Readonly<Record<string, unknown>>
  const entries = parametersOf(op).map(([name]) => [`${name}=`, ...parameterPieces(given[name])])
  return entries.length === 0 ? [] : ['[', ...between(entries, ', '), ']']
}

const programPieces = (program: AnyProgram): readonly Piece[] => {
  const names = new Map<Variable, string>()
  const fresh = freshNames()
  const define = (v: Variable): string => {
    const name = fresh()
    names.set(v, name)
    return `${name}: ${v.aval.toString()}`
  }
  const literal = ({ aval, value }: Literal): string => `${numberText(value)}:${aval.toString()}`
  const atom = (a: Atom): string => ('value' in a ? literal(a) : (names.get(a) ?? '?'))
  const elements = ({ aval, data }: HostArray): string =>
    Array.from<number | bigint, string>(data, (x) => elementText(aval.dtype, x)).join(', ')
  const constant = ({ variable, value }: Constant): string => `  const ${define(variable)} = [${elements(value)}]`
  const line = (eqn: AnyEquation): readonly Piece[] => {
    const { op, inputs, outputs, source } = eqn
    const scope = source === undefined || source.scope === '' ? '' : ` @ ${JSON.stringify(source.scope)}`
    const operands = inputs.map((a) => ` ${atom(a)}`).join('')
    return [`  ${outputs.map(define).join(', ')} = ${op}`, ...parametersPieces(eqn), operands + scope]
  }
  const head = `program(${program.inputs.map(define).join(', ')}) {`
  const constants = program.constants.map(constant)
  const lines = program.equations.map(line)
  const results = program.outputs.map((a) => ` ${atom(a)}`).join(',')
  return between([[head], ...constants.map((c) => [c]), ...lines, [`  return${results}`], ['}']], '\n')
}

interface Frame {
  readonly program: AnyProgram
  readonly pieces: readonly Piece[]
  readonly indent: string
  next: number
}

/** The result of `printProgram`. */
export const programText = (program: AnyProgram): string => {
  const out: string[] = []
  const open = new Set<AnyProgram>()
  const begin = (inner: AnyProgram, indent: string): Frame => {
    if (open.has(inner)) throw new ProgramError('printProgram: this program holds itself.')
    open.add(inner)
    return { program: inner, pieces: programPieces(inner), indent, next: 0 }
  }
  // A loop, not a recursion: programs may be nested arbitrarily deep.
  const stack = [begin(program, '')]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const piece = top.pieces[top.next++]
    if (piece === undefined) {
      open.delete(top.program)
      stack.pop()
    } else if (typeof piece !== 'string') stack.push(begin(piece, `${top.indent}  `))
    else out.push(piece === '\n' ? `\n${top.indent}` : piece)
  }
  return out.join('')
}

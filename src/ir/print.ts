/** Programs as text. `parse` reads it back. */
import * as must from '../core/arguments.ts'
import { ProgramError } from '../core/errors.ts'
import type { HostArray } from '../core/host.ts'
import { elementText, numberText } from './elements.ts'
import type { Atom, Constant, Equation, Literal, Program, Variable } from './program.ts'
import { parametersOf } from './signatures.ts'
import { isProgram } from './walk.ts'

/** `a` to `z`, then `aa`, `ab`, ... */
const nameOf = (n: number): string => {
  let name = ''
  for (let rest = n; rest >= 0; rest = Math.floor(rest / 26) - 1) name = String.fromCharCode(97 + (rest % 26)) + name
  return name
}

/** Words that mean something else in the text: no variable has them for a name. */
const reserved = new Set(['inf', 'nan', 'true', 'false', 'const', 'return', 'program'])

/** Names in order: `a`, `b`, ... */
const freshNames = (): (() => string) => {
  let count = 0
  return () => {
    const name = nameOf(count++)
    return reserved.has(name) ? nameOf(count++) : name
  }
}

/** Text in pieces: a program stands for its text, which begins in the middle of a line; `\n` ends a line. */
type Piece = string | Program

const between = (lists: readonly (readonly Piece[])[], separator: string): Piece[] =>
  lists.flatMap((pieces, i) => (i === 0 ? pieces : [separator, ...pieces]))

const parameterPieces = (value: unknown): readonly Piece[] => {
  if (isProgram(value)) return [value]
  if (Array.isArray(value)) return ['[', ...between(value.map(parameterPieces), ', '), ']']
  // Parameters are whole numbers, of which -0 is none.
  return [typeof value === 'number' ? numberText(value + 0) : JSON.stringify(value)]
}

/** In the order in which the operation has them, whatever order they were given in. */
const parametersPieces = ({ op, params }: Equation): readonly Piece[] => {
  const given = params as Readonly<Record<string, unknown>>
  const entries = parametersOf(op).map(([name]) => [`${name}=`, ...parameterPieces(given[name])])
  return entries.length === 0 ? [] : ['[', ...between(entries, ', '), ']']
}

const programPieces = (program: Program): readonly Piece[] => {
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
  const line = (eqn: Equation): readonly Piece[] => {
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
  readonly program: Program
  readonly pieces: readonly Piece[]
  readonly indent: string
  next: number
}

const aProgram = must.kind('a program', isProgram)
const printDoor = must.door('printProgram', { program: aProgram })

/**
 * A program as text: one line an equation (and the scope it was asked for in, after an @), names `a`, `b`, ... in order of
 * definition, types in JAX's short notation.
 * Equal programs print equally, and `parseProgram` reads the text back.
 *
 * @example
 * ```ts
 * import { makeProgram, np, printProgram } from 'pullback'
 * printProgram(makeProgram((x: NDArray) => np.sin(x))(np.zeros([2]))).split('\n')[1] // =>   b: f32[2] = sin a
 * ```
 */
export const printProgram = (program: Program): string => {
  printDoor(program)
  const out: string[] = []
  const open = new Set<Program>()
  const begin = (inner: Program, indent: string): Frame => {
    if (open.has(inner)) throw new ProgramError('printProgram: this program holds itself.')
    open.add(inner)
    return { program: inner, pieces: programPieces(inner), indent, next: 0 }
  }
  // A loop: programs may be nested as deep as one likes.
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

const equalDoor = must.door('equalPrograms', { a: aProgram, b: aProgram })

/**
 * Whether two programs are the same but for the names of their variables.
 *
 * @example
 * ```ts
 * import { equalPrograms, makeProgram, np } from 'pullback'
 * const program = (f: (x: NDArray) => NDArray) => makeProgram(f)(np.zeros([2]))
 * equalPrograms(program((x) => np.sin(x)), program((y) => y.sin())) // => true
 * equalPrograms(program((x) => np.sin(x)), program((x) => np.cos(x))) // => false
 * ```
 */
export const equalPrograms = (a: Program, b: Program): boolean => {
  equalDoor(a, b)
  return a === b || printProgram(a) === printProgram(b)
}

/** Programs as text. `parse` reads it back. */
import type { DType, TypedArray } from '../core/dtype.ts'
import { bfloat16BitsToFloat32, float16BitsToFloat32 } from '../core/float16.ts'
import type { Atom, Constant, Equation, Program, Variable } from './program.ts'
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

const number = (x: number | bigint): string => {
  if (typeof x === 'bigint') return String(x)
  if (Object.is(x, -0)) return '-0'
  return Number.isNaN(x) ? 'nan' : x === Infinity ? 'inf' : x === -Infinity ? '-inf' : String(x)
}

const elementText = (dtype: DType, data: TypedArray): string => {
  const decoded: ArrayLike<number | bigint> =
    dtype === 'float16'
      ? Array.from(data as Uint16Array, float16BitsToFloat32)
      : dtype === 'bfloat16'
        ? Array.from(data as Uint16Array, bfloat16BitsToFloat32)
        : data
  return Array.from(decoded, number).join(', ')
}

const parameterText = (value: unknown, indent: string): string => {
  if (isProgram(value)) return programText(value, indent)
  if (Array.isArray(value)) return `[${value.map((v) => parameterText(v, indent)).join(', ')}]`
  return typeof value === 'number' ? number(value) : JSON.stringify(value)
}

const parametersText = (params: object, indent: string): string => {
  const entries = Object.entries(params)
  return entries.length === 0 ? '' : `[${entries.map(([k, v]) => `${k}=${parameterText(v, indent)}`).join(', ')}]`
}

const programText = (program: Program, indent: string): string => {
  const names = new Map<Variable, string>()
  const fresh = freshNames()
  const inner = `${indent}  `
  const define = (v: Variable): string => {
    const name = fresh()
    names.set(v, name)
    return `${name}: ${v.aval.toString()}`
  }
  const atom = (a: Atom): string => ('value' in a ? `${number(a.value)}:${a.aval.toString()}` : (names.get(a) ?? '?'))
  const constant = ({ variable, value }: Constant): string =>
    `${inner}const ${define(variable)} = [${elementText(value.aval.dtype, value.data)}]`
  const line = ({ op, params, inputs, outputs, source }: Equation): string => {
    const scope = source === undefined || source.scope === '' ? '' : ` @ ${JSON.stringify(source.scope)}`
    const operands = inputs.map((a) => ` ${atom(a)}`).join('')
    return `${inner}${outputs.map(define).join(', ')} = ${op}${parametersText(params, inner)}${operands}${scope}`
  }
  const head = `program(${program.inputs.map(define).join(', ')}) {`
  const constants = program.constants.map(constant)
  const lines = program.equations.map(line)
  const results = program.outputs.map((a) => ` ${atom(a)}`).join(',')
  return [head, ...constants, ...lines, `${inner}return${results}`, `${indent}}`].join('\n')
}

/**
 * A program as text: one line an equation (and the scope it was asked for in, after an @), names `a`, `b`, ... in order of definition, types in JAX's short notation.
 * Equal programs print equally, and `parseProgram` reads the text back.
 *
 * @example
 * ```ts
 * import { makeProgram, np, printProgram } from 'pullback'
 * printProgram(makeProgram((x: NDArray) => np.sin(x))(np.zeros([2]))).split('\n')[1] // =>   b: f32[2] = sin a
 * ```
 */
export const printProgram = (program: Program): string => programText(program, '')

/** Whether two programs are the same but for the names of their variables. */
export const equalPrograms = (a: Program, b: Program): boolean => a === b || printProgram(a) === printProgram(b)

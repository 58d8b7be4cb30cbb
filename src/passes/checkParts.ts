/** Checks the parts of programs from any source: parsers, plain JavaScript, external data. */
import { isListOf } from '../core/arguments.ts'
import { Aval } from '../core/aval.ts'
import { allocate, isDType, isInteger } from '../core/dtype.ts'
import { ProgramError } from '../core/errors.ts'
import { sizeOf } from '../core/shape.ts'
import { show } from '../core/show.ts'
import { isElement } from '../ir/elements.ts'
import type { Arity } from '../ir/signatures.ts'
import { isOpName, parametersOf, signatures } from '../ir/signatures.ts'
import type { OpName } from '../ir/op.ts'
import type { Constant } from '../ir/program.ts'
import { Literal, Program, Variable } from '../ir/program.ts'

/** The largest rank: a higher one is a mistake, or an attack on loops over axes. */
const MAX_RANK = 1000

const fail = (message: string): never => {
  throw new ProgramError(`checkProgram: ${message}`)
}

const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> => typeof x === 'object' && x !== null

/** Why these are not valid extents; null if they are. */
const shapeFault = (shape: unknown): string | null => {
  if (!Array.isArray(shape)) return `whose shape is ${show(shape)}, not a list of extents`
  if (shape.length > MAX_RANK) return `of ${shape.length} axes; there are ${MAX_RANK} at most`
  for (const extent of shape as readonly unknown[]) {
    if (Number.isSafeInteger(extent) && (extent as number) >= 0) continue
    return `with the extent ${show(extent)}; extents are whole numbers, 0 or more`
  }
  if (sizeOf(shape) <= Number.MAX_SAFE_INTEGER) return null
  return `of shape ${show(shape)}, which has more elements than can be counted`
}

/** Throws unless something is a type: a dtype, extents, weak or not. */
export const checkAval = (aval: unknown, what: string): Aval => {
  if (!(aval instanceof Aval)) return fail(`${what} has ${show(aval)} for a type.`)
  const { dtype, shape, weak } = aval as Readonly<Record<keyof Aval, unknown>>
  if (typeof dtype !== 'string' || !isDType(dtype)) return fail(`${what} has the dtype ${show(dtype)}.`)
  const fault = shapeFault(shape)
  if (fault !== null) return fail(`${what} is an array ${fault}.`)
  if (typeof weak !== 'boolean') return fail(`${what} has a type that is ${show(weak)}, not true or false, in weak.`)
  return aval
}

const checkLiteral = ({ aval, value }: Literal, what: string): void => {
  const { dtype, rank } = checkAval(aval, `a literal of ${what}`)
  if (rank !== 0) fail(`${what} takes a literal of type ${aval}; literals are scalars.`)
  if (isElement(dtype, value)) return
  const hint = isInteger(dtype) ? ', a whole number within its range' : ''
  fail(`${what} takes the literal ${show(value)}, which is no ${dtype}${hint}.`)
}

const checkVariable = (variable: unknown, what: string): void => {
  if (!(variable instanceof Variable)) fail(`${what} is ${show(variable)}, not a Variable.`)
  else checkAval(variable.aval, what)
}

const checkAtom = (atom: unknown, what: string): void => {
  if (atom instanceof Literal) checkLiteral(atom, what)
  else if (atom instanceof Variable) checkAval(atom.aval, `a variable of ${what}`)
  else fail(`${what} takes ${show(atom)}; programs compute with Variables and Literals.`)
}

const checkConstant = (constant: unknown, what: string): void => {
  const { variable, value } = isRecord(constant) ? (constant as Partial<Constant>) : {}
  checkVariable(variable, what)
  if (!isRecord(value)) return fail(`${what} has no value.`)
  const { dtype, size } = checkAval(value.aval, `the value of ${what}`)
  const data = value.data as unknown
  if (data instanceof allocate(dtype, 0).constructor && value.data.length === size) return
  fail(`${what} is ${value.aval} and has ${ArrayBuffer.isView(data) ? 'other elements' : show(data)} for its elements.`)
}

const countText = ([least, most]: Arity): string => (least === most ? String(least) : `${least} or more`)

const checkParameters = (op: OpName, params: unknown, what: string): void => {
  if (!isRecord(params)) return fail(`${what} has ${show(params)} for its parameters.`)
  for (const [name, kind] of parametersOf(op)) {
    const value = Object.hasOwn(params, name) ? params[name] : undefined
    if (value === undefined) fail(`${what} lacks its parameter ${name}, ${kind.what}.`)
    if (!kind.is(value)) fail(`${what} takes ${kind.what} for ${name}, got ${show(value)}.`)
  }
}

const checkEquation = (equation: unknown, i: number, where: string): void => {
  if (!isRecord(equation)) return fail(`${where}equation ${i} is ${show(equation)}.`)
  const { op, params, inputs, outputs } = equation
  if (typeof op !== 'string' || !isOpName(op)) return fail(`${where}equation ${i} applies ${show(op)}: no operation.`)
  const what = `${where}equation ${i} (${op})`
  checkParameters(op, params, what)
  checkList(inputs, `the operands of ${what}`).forEach((atom) => {
    checkAtom(atom, what)
  })
  checkList(outputs, `the results of ${what}`).forEach((variable, k) => {
    checkVariable(variable, `result ${k} of ${what}`)
  })
  const { operands } = signatures[op]
  const count = (inputs as readonly unknown[]).length
  if (count < operands[0] || count > operands[1]) {
    fail(`${what} takes ${countText(operands)} operand${operands[1] === 1 ? '' : 's'}, got ${count}.`)
  }
}

/** A copy has no holes: missing items are undefined, and rejected as such. */
const checkList = (list: unknown, what: string): readonly unknown[] =>
  isListOf(list, () => true) ? Array.from(list as readonly unknown[]) : fail(`${what} are ${show(list)}, not a list.`)

/** Throws a ProgramError unless something is a program with valid parts. Programs that it holds are not checked in depth. */
export const checkParts = (program: unknown, where: string): void => {
  if (!Program.is(program)) {
    return fail(`${where}${show(program)} is no Program, as makeProgram and parseProgram give them.`)
  }
  checkList(program.inputs, `${where}the inputs`).forEach((variable, i) => {
    checkVariable(variable, `${where}input ${i}`)
  })
  checkList(program.constants, `${where}the constants`).forEach((constant, i) => {
    checkConstant(constant, `${where}constant ${i}`)
  })
  checkList(program.equations, `${where}the equations`).forEach((equation, i) => {
    checkEquation(equation, i, where)
  })
  checkList(program.outputs, `${where}the outputs`).forEach((atom, i) => {
    checkAtom(atom, `${where}output ${i}`)
  })
}

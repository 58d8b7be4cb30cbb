/** Checks that the programs by which an operation is differentiated match the operation, without running them. */
import type { Aval } from '../core/aval.ts'
import { isFloat } from '../core/dtype.ts'
import { ProgramError } from '../core/errors.ts'
import type { CustomJvpParams, CustomVjpParams, LinearSolveParams, OpParams, RootParams } from '../ir/op.ts'
import type { OpName } from '../ir/op.ts'
import type { Equation, Program } from '../ir/program.ts'

type Avals = readonly Aval[]

const same = (a: Avals, b: Avals): boolean => a.length === b.length && a.every((x, i) => x.matches(b[i]!))

const expect = (what: string, got: Avals, wanted: Avals): void => {
  if (!same(got, wanted)) throw new ProgramError(`${what} (${got.join(', ')}), wanted (${wanted.join(', ')}).`)
}

/** Throws unless a program has these input and output types. */
const expectProgram = (name: string, program: Program, inputs: Avals, outputs: Avals): void => {
  expect(`${name} takes`, program.inAvals, inputs)
  expect(`${name} gives`, program.outAvals, outputs)
}

const floats = (avals: Avals): Avals => avals.filter((a) => isFloat(a.dtype))

const checkCount = (what: string, count: number, most: number): void => {
  if (count > most) throw new ProgramError(`${what} is ${count}; there are ${most} values in all.`)
}

const checkJvpRule = ({ program, rule, captured }: CustomJvpParams): void => {
  const { inAvals, outAvals } = program
  checkCount('captured', captured, inAvals.length)
  expectProgram('rule', rule, [...inAvals, ...floats(inAvals.slice(captured))], [...outAvals, ...floats(outAvals)])
}

const checkVjpRule = ({ program, forward, backward, captured }: CustomVjpParams): void => {
  const { inAvals, outAvals } = program
  checkCount('captured', captured, inAvals.length)
  expect('forward takes', forward.inAvals, inAvals)
  expect('forward gives, first,', forward.outAvals.slice(0, outAvals.length), outAvals)
  const residuals = forward.outAvals.slice(outAvals.length)
  expectProgram('backward', backward, [...residuals, ...floats(outAvals)], floats(inAvals.slice(captured)))
}

const checkSolve = ({ matvec, vecmat, solve, transposeSolve, consts }: LinearSolveParams): void => {
  const { inAvals, outAvals } = solve
  checkCount('consts', consts, inAvals.length)
  const both = [...inAvals.slice(0, consts), ...outAvals]
  expectProgram('solve', solve, both, outAvals)
  expectProgram('matvec', matvec, both, outAvals)
  expectProgram('vecmat', vecmat, both, outAvals)
  if (transposeSolve !== null) expectProgram('transposeSolve', transposeSolve, both, outAvals)
}

const checkRoot = ({ residual, solve, tangentSolve, consts }: RootParams): void => {
  const { inAvals, outAvals } = solve
  checkCount('consts', consts, inAvals.length)
  const given = inAvals.slice(0, consts)
  expectProgram('solve', solve, [...given, ...outAvals], outAvals)
  expectProgram('residual', residual, [...given, ...outAvals], outAvals)
  expectProgram('tangentSolve', tangentSolve, [...given, ...outAvals, ...outAvals], outAvals)
}

const rules: { readonly [N in OpName]?: (params: OpParams[N]) => void } = {
  customJvp: checkJvpRule,
  customVjp: checkVjpRule,
  linearSolve: checkSolve,
  root: checkRoot,
}

/** Throws a ProgramError unless an operation's rules have the types that its derivatives need. */
export const checkRules = ({ op, params }: Equation): void => {
  ;(rules[op] as ((params: OpParams[OpName]) => void) | undefined)?.(params)
}

/** Dependencies of values: finds what partial evaluation will know, without running it. */
import type { Marks } from '../core/marks.ts'
import { keyOf } from '../core/marks.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Atom, Program, Variable } from '../ir/program.ts'
import { Literal } from '../ir/program.ts'
import { primitives } from '../primitives/registry.ts'

/** Which of `count` results of an application depend on the operands in `marks`. */
export const resultsDepending = <N extends OpName>(op: N, params: OpParams[N], marks: Marks, count: number): Marks => {
  if (!marks.some(Boolean)) return Array.from({ length: count }, () => false)
  return primitives[op].depends?.(params, marks, depends) ?? Array.from({ length: count }, () => true)
}

/** Calls `visit` with marks of the results of each equation that depend on the inputs in `marks`; returns a test of atoms. */
const follow = (program: Program, marks: Marks, visit: (results: Marks) => void): ((a: Atom) => boolean) => {
  const moving = new Set<Variable>(program.inputs.filter((_, i) => marks[i]))
  const isMoving = (a: Atom): boolean => !(a instanceof Literal) && moving.has(a)
  for (const { op, params, inputs, outputs } of program.equations) {
    const results = resultsDepending(op, params, inputs.map(isMoving), outputs.length)
    outputs.forEach((v, i) => results[i] === true && moving.add(v))
    visit(results)
  }
  return isMoving
}

/** Which outputs of a program depend on the inputs in `marks`. */
export const depends = (program: Program, marks: Marks): Marks =>
  program.derive(`depends ${keyOf(marks)}`, () => program.outputs.map(follow(program, marks, () => undefined)))

/** Whether an equation has both results that depend on the inputs in `marks` and results that do not. */
export const hasMixedEquation = (program: Program, marks: Marks): boolean =>
  program.derive(`mixed ${keyOf(marks)}`, () => {
    let mixed = false
    follow(program, marks, (results) => {
      mixed ||= results.includes(true) && results.includes(false)
    })
    return mixed
  })

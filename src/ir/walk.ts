import type { Equation, Program } from './program.ts'

/** The programs among an equation's parameters, by parameter name. */
export const subprograms = (equation: Equation): readonly (readonly [string, Program])[] =>
  Object.entries(equation.params as Readonly<Record<string, unknown>>).flatMap(([key, value]) => {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value]
    return list.filter(isProgram).map((program) => [key, program] as const)
  })

/** Whether a parameter is a program. By shape, so that this file needs no class. */
export const isProgram = (x: unknown): x is Program =>
  typeof x === 'object' && x !== null && 'equations' in x && 'outputs' in x

/** Number of equations, those of nested programs included. */
export const countEquations = (program: Program): number => {
  let count = 0
  const pending = [program]
  for (let p = pending.pop(); p !== undefined; p = pending.pop()) {
    count += p.equations.length
    for (const equation of p.equations) for (const [, inner] of subprograms(equation)) pending.push(inner)
  }
  return count
}

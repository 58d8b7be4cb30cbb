import { ProgramError } from '../core/errors.ts'
import { isAnyProgram } from './parts.ts'
import type { Equation, Program } from './program.ts'

/** The programs among an equation's parameters, by parameter name. */
export const subprograms = (equation: Pick<Equation, 'params'>): readonly (readonly [string, Program])[] =>
  Object.entries(equation.params as Readonly<Record<string, unknown>>).flatMap(([key, value]) => {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value]
    return list.filter(isProgram).map((program) => [key, program] as const)
  })

/** Whether a parameter is a program. */
export const isProgram = (x: unknown): x is Program => isAnyProgram(x)

/** The number of equations, including those of nested programs. */
export const countEquations = (program: Program): number => {
  let count = 0
  const pending = [program]
  for (let p = pending.pop(); p !== undefined; p = pending.pop()) {
    count += p.equations.length
    for (const equation of p.equations) for (const [, inner] of subprograms(equation)) pending.push(inner)
  }
  return count
}

/** A nested program, and its position. */
interface Placed {
  readonly program: Program
  /** The path from the outermost program: `equation 2 (scan), body: `; empty for that one. */
  readonly where: string
  /** The depth of programs nested in it; 0 without any. */
  readonly height: number
}

interface Frame {
  readonly program: Program
  readonly where: string
  readonly inner: readonly Omit<Placed, 'height'>[]
  next: number
  height: number
}

/**
 * Visits a program and those that it holds, at any depth: each once, after those that it holds. A loop, not a recursion:
 * programs may be nested arbitrarily deep. `enter` is called before a program's equations are visited.
 *
 * @throws ProgramError where a program holds itself.
 */
export const visitInnerFirst = (
  outermost: Program,
  visit: (placed: Placed) => void,
  enter: (program: Program, where: string) => void = () => undefined,
): void => {
  const heights = new Map<Program, number>()
  const open = new Set<Program>()
  const begin = (program: Program, where: string): Frame => {
    enter(program, where)
    open.add(program)
    const inner = program.equations.flatMap((eqn, i) =>
      subprograms(eqn).map(([key, held]) => ({ program: held, where: `${where}equation ${i} (${eqn.op}), ${key}: ` })),
    )
    return { program, where, inner, next: 0, height: 0 }
  }
  const stack = [begin(outermost, '')]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const held = top.inner[top.next]
    if (held === undefined) {
      visit(top)
      heights.set(top.program, top.height)
      open.delete(top.program)
      stack.pop()
      continue
    }
    const height = heights.get(held.program)
    if (height !== undefined) {
      top.height = Math.max(top.height, height + 1)
      top.next++
    } else if (open.has(held.program)) {
      throw new ProgramError(`${held.where}this program holds itself.`)
    } else stack.push(begin(held.program, held.where))
  }
}

/** Functions of trees as programs, whose captured values become inputs. */
import type { Aval } from '../core/aval.ts'
import { ArgumentError } from '../core/errors.ts'
import type { TreeDef } from '../core/treedef.ts'
import { keystr } from '../core/path.ts'
import { leafPaths, unflatten } from '../core/tree.ts'
import { Variable, equation } from '../ir/program.ts'
import type { Program } from '../ir/program.ts'
import { fromHost } from '../trace/value.ts'
import type { NDArray } from '../trace/value.ts'
import { stage } from '../transforms/stage.ts'
import { flattenResult } from './leaves.ts'

/** A program whose first inputs stand for the values that the function closes over. */
export interface Closure {
  readonly program: Program
  readonly captured: readonly NDArray[]
}

/** A closure and the structure of its result. */
interface TreeClosure extends Closure {
  readonly out: TreeDef
}

/** Turns the constants of a program into inputs, like other captured values. */
const liftConstants = ({ program, captured }: Closure): Closure => {
  const { constants } = program
  if (constants.length === 0) return { program, captured }
  return {
    program: program.with({ constants: [], inputs: [...constants.map((c) => c.variable), ...program.inputs] }),
    captured: [...constants.map(({ value }) => fromHost(value.aval, value.data)), ...captured],
  }
}

/** A function of lists of arrays as a program. */
export const closeList = (
  name: string,
  f: (xs: readonly NDArray[]) => readonly NDArray[],
  avals: readonly Aval[],
): Closure => liftConstants(stage(name, f, avals))

/** A function of trees, whose arguments have the structure `args` (a list of trees), as a program. */
export const closeTree = (
  name: string,
  f: (...args: never[]) => unknown,
  args: TreeDef,
  avals: readonly Aval[],
): TreeClosure => {
  if (typeof f !== 'function') throw new ArgumentError(`${name}: expected a function, got ${typeof f}.`)
  let out: TreeDef | undefined
  const closure = closeList(
    name,
    (xs) => {
      const result = flattenResult(name, f(...(unflatten(args, xs) as never[])))
      out = result.treedef
      return result.leaves
    },
    avals,
  )
  return { ...closure, out: out! }
}

/** Gives programs a common list of captured values as first inputs: each ignores those of the others. */
export const shareCaptured = (
  parts: readonly Closure[],
): { readonly programs: readonly Program[]; readonly captured: readonly NDArray[] } => {
  const captured = [...new Set(parts.flatMap((p) => p.captured))]
  const programs = parts.map(({ program, captured: own }) => {
    const place = new Map(own.map((x, i) => [x, program.inputs[i]!]))
    const inputs = captured.map((x) => place.get(x) ?? new Variable(x.aval))
    return program.with({ inputs: [...inputs, ...program.inputs.slice(own.length)] })
  })
  return { programs, captured }
}

/** A program whose outputs are cast to these types, where they differ. */
export const castOutputs = (program: Program, avals: readonly Aval[]): Program => {
  if (program.outputs.every((a, i) => a.aval.equals(avals[i]!))) return program
  const equations = [...program.equations]
  const outputs = program.outputs.map((atom, i) => {
    const { dtype, weak } = avals[i]!
    if (atom.aval.equals(avals[i]!)) return atom
    const output = new Variable(avals[i]!)
    equations.push(equation('cast', { dtype, weak }, [atom], [output]))
    return output
  })
  return program.with({ equations, outputs })
}

/** The path of a leaf in its tree, for messages: ` at .layers[0]`. */
export const placeOf = (treedef: TreeDef, i: number): string => {
  const path = keystr(leafPaths(treedef)[i]!)
  return path === '' ? '' : ` at ${path}`
}

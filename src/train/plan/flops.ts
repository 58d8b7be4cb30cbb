/** Arithmetic that a program does, counted from its equations. */
import { sizeOf } from '../../core/shape.ts'
import type { OpName } from '../../ir/op.ts'
import type { Equation, Program } from '../../ir/program.ts'
import { subprograms } from '../../ir/walk.ts'
import { bodyProgram } from '../../primitives/registry.ts'

/** Floating-point operations of a program. */
export interface Flops {
  /** In products of matrices and convolutions, a multiplication and an addition being two. */
  readonly products: number
  /** In all the rest: one for each element of a result. */
  readonly others: number
  /** Whether there are loops that end by a condition: one round of each is counted. */
  readonly open: boolean
}

const none: Flops = { products: 0, others: 0, open: false }

const add = (a: Flops, b: Flops): Flops => ({
  products: a.products + b.products,
  others: a.others + b.others,
  open: a.open || b.open,
})

const times = (n: number, { products, others, open }: Flops): Flops => ({
  products: n * products,
  others: n * others,
  open,
})

const sum = (programs: readonly Program[]): Flops => programs.map(countFlops).reduce(add, none)

/** Operations that move elements and compute nothing. */
const movement = new Set<OpName>(['reshape', 'transpose', 'broadcast', 'slice', 'pad', 'concatenate', 'rev', 'gather', 'dynamicSlice', 'dynamicUpdateSlice', 'checkpointName', 'iota', 'cast']) // prettier-ignore

/** Operations that work on each element of their operand, and give fewer. */
const isReduction = (op: OpName): boolean => /^(reduce|arg|scatter)/.test(op)

const ofEquation = (equation: Equation): Flops => {
  const [result] = equation.outputs
  const size = equation.outputs.reduce((n, v) => n + v.aval.size, 0)
  switch (equation.op) {
    case 'dotGeneral': {
      const met = sizeOf(equation.params.contract[0].map((axis) => equation.inputs[0]!.aval.shape[axis]!))
      return { ...none, products: 2 * met * size }
    }
    case 'quantizedDot': {
      const { shape } = equation.inputs[0]!.aval
      return { ...none, products: 2 * shape.at(-1)! * size }
    }
    case 'conv': {
      const features = result!.aval.shape[equation.params.outSpec[1]!]!
      return { ...none, products: (2 * size * equation.inputs[1]!.aval.size) / Math.max(1, features) }
    }
    case 'scan':
      return times(equation.params.length, countFlops(equation.params.body))
    case 'while':
      return { ...sum([equation.params.cond, equation.params.body]), open: true }
    case 'cond': {
      const branches = equation.params.branches.map(countFlops)
      const costliest = branches.toSorted((a, b) => b.products + b.others - a.products - a.others)
      return costliest[0] ?? none
    }
    default: {
      const inner = bodyProgram(equation) ?? subprograms(equation)[0]?.[1]
      if (inner !== undefined) return countFlops(inner)
      if (movement.has(equation.op)) return none
      return { ...none, others: isReduction(equation.op) ? equation.inputs[0]!.aval.size : size }
    }
  }
}

/** What a program does, programs inside of it included. */
export const countFlops = (program: Program): Flops => program.equations.map(ofEquation).reduce(add, none)

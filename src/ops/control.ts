/** Control flow on values: programs that are chosen or repeated. */
import type {
  CallbackParams,
  CheckpointParams,
  CondParams,
  LinearSolveParams,
  RootParams,
  ScanParams,
  WhileParams,
} from '../ir/op.ts'
import type { Program } from '../ir/program.ts'
import { bind, bindAll } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

type Values = readonly NDArray[]

/** Applies the branch with index `index` (int32, clamped into range) to operands. */
export const cond = (branches: CondParams['branches'], index: NDArray, operands: Values): Values =>
  bindAll('cond', { branches }, [index, ...operands])

/** Repeats `body` on the carry while `cond` holds. */
export const whileLoop = (params: WhileParams, operands: Values): Values => bindAll('while', params, operands)

/** Folds over the first axis of arrays. */
export const scan = (params: ScanParams, operands: Values): Values => bindAll('scan', params, operands)

/** Applies a program whose derivative recomputes the values that `policy` does not keep. */
export const checkpoint = (params: CheckpointParams, operands: Values): Values =>
  bindAll('checkpoint', params, operands)

/** `x` under a name that policies of `checkpoint` can refer to. */
export const checkpointName = (x: NDArray, name: string): NDArray => bind('checkpointName', { name }, [x])

/** `checkpoint` that keeps nothing but its operands. */
export const recompute = (program: Program, operands: Values): Values =>
  checkpoint({ program, name: 'recompute', policies: [['nothingSaveable']], preventCse: true }, operands)

/** The x with A x = b, by a user-defined method. */
export const linearSolve = (params: LinearSolveParams, operands: Values): Values =>
  bindAll('linearSolve', params, operands)

/** Runs a user's function on the host. */
export const callback = (params: CallbackParams, operands: Values): Values => bindAll('callback', params, operands)

/** The x with f(x) = 0, by a user-defined method. */
export const root = (params: RootParams, operands: Values): Values => bindAll('root', params, operands)

import { TracerError } from '../core/errors.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { NDArray } from './value.ts'

/**
 * What an operation means at the moment: evaluate it, write it down, differentiate it, batch it. Interpreters stack:
 * each knows its parent and runs its rules there, so a transformation is one small class.
 */
export interface Interpreter {
  bind<N extends OpName>(op: N, params: OpParams[N], operands: readonly NDArray[]): readonly NDArray[]
}

const unset: Interpreter = {
  bind: (op) => {
    throw new TracerError(`${op}: no interpreter is installed. Make arrays with the functions of the public entry.`)
  },
}

// The library's single mutable cell.
let current = unset

/** Makes `root` the interpreter of code outside all transformations. Called once, by the runtime. */
export const installRoot = (root: Interpreter): void => {
  if (current === unset) current = root
}

export const currentInterpreter = (): Interpreter => current

/** Runs `f` with `interpreter` giving operations their meaning; restores the previous one however `f` ends. */
export const withInterpreter = <T>(interpreter: Interpreter, f: () => T): T => {
  const saved = current
  current = interpreter
  try {
    return f()
  } finally {
    current = saved
  }
}

/** Applies an operation to its operands in the current interpreter. */
export const bindAll = <N extends OpName>(
  op: N,
  params: OpParams[N],
  operands: readonly NDArray[],
): readonly NDArray[] => current.bind(op, params, operands)

/** `bindAll` for operations of one output. */
export const bind = <N extends OpName>(op: N, params: OpParams[N], operands: readonly NDArray[]): NDArray =>
  current.bind(op, params, operands)[0]!

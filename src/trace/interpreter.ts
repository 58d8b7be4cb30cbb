import { TracerError } from '../core/errors.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Scope, Source } from '../ir/program.ts'
import type { NDArray } from './value.ts'

/**
 * The current meaning of operations: evaluate, stage, differentiate, batch. Interpreters stack: each knows its parent and runs
 * its rules there, so a transformation is one small class.
 */
export interface Interpreter {
  bind<N extends OpName>(op: N, params: OpParams[N], operands: readonly NDArray[]): readonly NDArray[]
}

const unset: Interpreter = {
  bind: (op) => {
    throw new TracerError(`${op}: no interpreter is installed. Make arrays with the functions of the public entry.`)
  },
}

// The library's mutable cells: the meaning of operations, and the user code that they come from. All are restored in `finally`.
let current = unset
let root = unset
let origin: Source | undefined
let scope: Scope | null = null

/** Makes `root` the interpreter of code outside all transformations. Called once, by the runtime. */
export const installRoot = (interpreter: Interpreter): void => {
  if (root !== unset) return
  root = interpreter
  current = interpreter
}

/** The interpreter outside all transformations. */
export const rootInterpreter = (): Interpreter => root

export const currentInterpreter = (): Interpreter => current

/**
 * Makes `interpreter` the current one; the caller restores the returned one in `finally`. For functions that run users' code,
 * nested a thousand levels deep: `withInterpreter` would take two more stack frames.
 */
export const swapInterpreter = (interpreter: Interpreter): Interpreter => {
  const saved = current
  current = interpreter
  return saved
}

/** Runs `f` with `interpreter` as the current one; restores the previous one even if `f` throws. */
export const withInterpreter = <T>(interpreter: Interpreter, f: () => T): T => {
  const saved = current
  current = interpreter
  try {
    return f()
  } finally {
    current = saved
  }
}

/** The source of the equation that is being applied again, if there is one. */
export const currentOrigin = (): Source | undefined => origin

/**
 * Runs `f`, which can call the function that it is given to set the current source: equations that are staged meanwhile have
 * that position in the user's code.
 */
export const withOrigins = <T>(f: (workFor: (source: Source | undefined) => void) => T): T => {
  const saved = origin
  try {
    return f((source) => {
      origin = source
    })
  } finally {
    origin = saved
  }
}

/** The innermost scope that the user's code is in. */
export const currentScope = (): Scope | null => scope

const within = <T>(inner: Scope, f: () => T): T => {
  const saved = scope
  scope = inner
  try {
    return f()
  } finally {
    scope = saved
  }
}

/** Runs `f` in a nested scope of the user's code. */
export const withScope = <T>(name: string, f: () => T): T => {
  const outer = scope
  return within({ name, outer, text: outer === null || outer.text === '' ? name : `${outer.text}/${name}` }, f)
}

/** Runs `f`, the body of a library function of this name: its operations are one box in graphs. Nothing else changes. */
export const composite = <T>(name: string, f: () => T): T => {
  const outer = scope
  return within({ name, outer, text: outer === null ? '' : outer.text }, f)
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

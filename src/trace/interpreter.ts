import { TracerError } from '../core/errors.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Scope, Source } from '../ir/program.ts'
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

// The library's mutable cells: what operations mean, and on whose behalf they are asked for. All are restored in `finally`.
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

/** What operations mean outside all transformations. */
export const rootInterpreter = (): Interpreter => root

export const currentInterpreter = (): Interpreter => current

/**
 * Makes `interpreter` give operations their meaning; the caller restores the one returned in `finally`. For functions that
 * run users' code, nested a thousand deep: `withInterpreter` would take two more frames of the stack.
 */
export const swapInterpreter = (interpreter: Interpreter): Interpreter => {
  const saved = current
  current = interpreter
  return saved
}

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

/** Where the equation came from that is being applied again, if one is. */
export const currentOrigin = (): Source | undefined => origin

/**
 * Runs `f`, which may say with the function it gets which equation it works for: what is written down meanwhile has that
 * equation's place in the user's code.
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

/** Runs `f` in a further scope of the user's. */
export const withScope = <T>(name: string, f: () => T): T => {
  const outer = scope
  return within({ name, outer, text: outer === null || outer.text === '' ? name : `${outer.text}/${name}` }, f)
}

/** Runs `f`, the body of a function of the library's of this name: what it does is one box in graphs. Nothing else changes. */
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

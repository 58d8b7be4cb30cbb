/** What may be in the way of a device: values. What goes wrong on one: errors with a name. */
import { OutOfMemoryError, PullbackError } from '../core/errors.ts'

/** There is nothing to call C by: the package `koffi` is not installed, or this is no Node. */
export interface NoForeignFunctions {
  readonly _tag: 'NoForeignFunctions'
  readonly message: string
}

/** No plugin was found. */
export interface NoPlugin {
  readonly _tag: 'NoPlugin'
  /** Where it was looked for. */
  readonly looked: readonly string[]
  readonly message: string
}

/** A file that is no plugin, is too old, or does not start here. */
export interface BadPlugin {
  readonly _tag: 'BadPlugin'
  readonly path: string
  readonly message: string
}

/** A plugin that computes what is wrong, or cannot do what is needed. */
export interface RefusedPlugin {
  readonly _tag: 'RefusedPlugin'
  readonly path: string
  readonly message: string
}

/** Why there is no device. */
export type XlaFailure = NoForeignFunctions | NoPlugin | BadPlugin | RefusedPlugin

/** What the plugin says against a program, or of its run. */
export class XlaError extends PullbackError {
  /** The plugin's number for the kind of error (https://abseil.io/docs/cpp/guides/status-codes); 0 where it has none. */
  readonly code: number

  constructor(message: string, code = 0) {
    super(message)
    this.code = code
  }
}

const RESOURCE_EXHAUSTED = 8
const UNIMPLEMENTED = 12

/** The error that an answer of the plugin stands for. */
export const errorOf = (code: number, message: string): PullbackError =>
  code === RESOURCE_EXHAUSTED ? new OutOfMemoryError(message) : new XlaError(message, code)

/** Whether an error says that the plugin lacks something. */
export const isLack = (error: unknown): boolean => error instanceof XlaError && error.code === UNIMPLEMENTED

/** The same error, as of an operation. */
export const inOperation = (operation: string, error: unknown): unknown => {
  if (error instanceof OutOfMemoryError) return new OutOfMemoryError(`${operation}: ${error.message}`)
  return error instanceof XlaError ? new XlaError(`${operation}: ${error.message}`, error.code) : error
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

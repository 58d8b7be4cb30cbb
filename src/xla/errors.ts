/** Why a device cannot be opened, as tagged values; and the errors of an open one, which are thrown. */
import { OutOfMemoryError, PullbackError } from '../core/errors.ts'

/** C cannot be called: the package `koffi` is not installed, or the platform is not Node. */
export interface NoForeignFunctions {
  readonly _tag: 'NoForeignFunctions'
  readonly message: string
}

/** No plugin was found. */
export interface NoPlugin {
  readonly _tag: 'NoPlugin'
  /** The places that were searched. */
  readonly looked: readonly string[]
  readonly message: string
}

/** A file that is not a plugin, or a plugin that does not start on this machine. */
export interface BadPlugin {
  readonly _tag: 'BadPlugin'
  readonly path: string
  readonly message: string
}

/** A plugin that failed the self-test. */
export interface RefusedPlugin {
  readonly _tag: 'RefusedPlugin'
  readonly path: string
  readonly message: string
}

/** Why there is no device. */
export type XlaFailure = NoForeignFunctions | NoPlugin | BadPlugin | RefusedPlugin

/** An error of the plugin, in compiling or running a program. */
export class XlaError extends PullbackError {
  /** The status code (https://abseil.io/docs/cpp/guides/status-codes); 0 if there is none. */
  readonly code: number

  constructor(message: string, code = 0) {
    super(message)
    this.code = code
  }
}

const RESOURCE_EXHAUSTED = 8
const UNIMPLEMENTED = 12

/** The error with this status code. */
export const errorOf = (code: number, message: string): PullbackError =>
  code === RESOURCE_EXHAUSTED ? new OutOfMemoryError(message) : new XlaError(message, code)

/** Whether the plugin does not implement what was called. */
export const isLack = (error: unknown): boolean => error instanceof XlaError && error.code === UNIMPLEMENTED

/** The same error, with the operation's name in front. */
export const inOperation = (operation: string, error: unknown): unknown => {
  if (error instanceof OutOfMemoryError) return new OutOfMemoryError(`${operation}: ${error.message}`)
  return error instanceof XlaError ? new XlaError(`${operation}: ${error.message}`, error.code) : error
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

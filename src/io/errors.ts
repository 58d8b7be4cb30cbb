/** What can go wrong with files, networks and untrusted bytes: values, never thrown. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'

/** Bytes that violate their format. */
export interface MalformedError {
  readonly _tag: 'Malformed'
  /** `safetensors`, `npy`, `zip`, `gguf`, `onnx`, `pytorch`, `json`. */
  readonly format: string
  /** The source of the bytes: a path, a URL, a file's name, or `bytes`. */
  readonly source: string
  /** The byte, counted from the start of the source, at which the error was found. */
  readonly offset: number
  readonly message: string
}

/** A file, or a part of it, that could not be read or written. */
export interface AccessError {
  readonly _tag: 'Access'
  readonly source: string
  /** The platform's code where there is one: `ENOENT`, `EACCES`, `ENOSPC`, ..., or `HTTP 404`. */
  readonly code: string
  readonly message: string
}

/** Well-formed data that this version does not support: a compression, a kind of block, an object in a pickle. */
export interface UnsupportedError {
  readonly _tag: 'Unsupported'
  readonly format: string
  readonly source: string
  readonly offset: number
  readonly message: string
}

/** A requested tensor that does not exist. */
export interface MissingError {
  readonly _tag: 'Missing'
  readonly source: string
  readonly name: string
  readonly message: string
}

/** An error of reading or writing. `message` describes it completely. */
export type IoError = MalformedError | AccessError | UnsupportedError | MissingError

/**
 * Carries an error from where it is found to the border of the module, where `attempt` makes it a
 * value. It never leaves this folder.
 */
class Fault extends Error {
  readonly error: IoError

  constructor(error: IoError) {
    super(error.message)
    this.error = error
  }
}

export const fail = (error: IoError): never => {
  throw new Fault(error)
}

/** The fault that bytes are malformed. */
export const malformed = (format: string, source: string, offset: number, what: string): never =>
  fail({ _tag: 'Malformed', format, source, offset, message: `${source}: not ${format}: ${what} (at byte ${offset}).` })

/** The fault that something is not supported. */
export const unsupported = (format: string, source: string, offset: number, what: string): never =>
  fail({ _tag: 'Unsupported', format, source, offset, message: `${source}: ${what} (at byte ${offset}).` })

/** The fault that no tensor has that name. */
export const missing = (source: string, name: string, known: Iterable<string>): never => {
  const names = [...known]
  const some = names.slice(0, 5).join(', ')
  const rest = names.length > 5 ? `, and ${names.length - 5} more` : ''
  return fail({
    _tag: 'Missing',
    source,
    name,
    message: `${source}: no tensor is named '${name}'. ${names.length === 0 ? 'There are none.' : `There are ${some}${rest}.`}`,
  })
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'

/** What the platform threw, as an `AccessError`. */
export const accessError = (source: string, error: unknown): AccessError => {
  const text = error instanceof Error ? error.message : String(error)
  return { _tag: 'Access', source, code: codeOf(error), message: `${source}: ${text}` }
}

/** Fails with what the platform threw; a fault is rethrown as it is. */
export const failPlatform = (source: string, error: unknown): never => {
  if (error instanceof Fault) throw error
  return fail(accessError(source, error))
}

const caught = (error: unknown): Either<IoError, never> => {
  if (error instanceof Fault) return { _tag: 'Left', left: error.error }
  throw error
}

/** A task that returns the value of `f`, or its error. */
export const attempt =
  <A>(f: () => Promise<A>): TaskEither<IoError, A> =>
  async () => {
    try {
      return { _tag: 'Right', right: await f() }
    } catch (error) {
      return caught(error)
    }
  }

/** Runs a task inside another: its value, or its error as a fault. */
export const run = async <A>(task: TaskEither<IoError, A>): Promise<A> => {
  const result = await task()
  return result._tag === 'Right' ? result.right : fail(result.left)
}

import type { Scope, Source } from './program.ts'

const ownFile = /[/\\]pullback[/\\](?:src|dist)[/\\]/

/** The first line of a stack outside the library. */
const userLine = (stack: string, ownRoot: string): string => {
  // Frames of the engine's own functions have no line.
  const frames = stack.split('\n').filter((line) => /^\s*at |@/.test(line) && /:\d+:\d+\)?$/.test(line))
  const frame = frames.find((line) => !line.includes(ownRoot) && !ownFile.test(line))
  if (frame === undefined) return '(unknown)'
  return (/\(?((?:file:\/\/)?[^()\s]+:\d+:\d+)\)?$/.exec(frame)?.[1] ?? frame.trim()).replace(/^file:\/\//, '')
}

/** The directory of the library's modules, as it appears in stacks. */
const rootOf = (): string => {
  const line = new Error().stack?.split('\n').find((l) => /\bir[/\\]source\.[jt]s/.test(l)) ?? ''
  return /((?:file:\/\/)?[^()\s]*?)[/\\]?ir[/\\]source\.[jt]s/.exec(line)?.[1] ?? '\0'
}

class StackSource implements Source {
  readonly within: Scope | null
  readonly #error: Error
  constructor(error: Error, within: Scope | null) {
    this.#error = error
    this.within = within
  }
  get scope(): string {
    return this.within === null ? '' : this.within.text
  }
  toString(): string {
    return userLine(this.#error.stack ?? '', rootOf())
  }
}

/**
 * Captures the user's line of code. The stack is captured here and formatted lazily. An engine keeps ten frames by default, so
 * the line may be unknown below many calls inside the library.
 */
export const captureSource = (scope: Scope | null): Source => new StackSource(new Error(), scope)

/** The user's current line, at any depth of the library's own calls. Slow: for errors. */
export const currentUserLine = (): string => {
  const engine = Error as { stackTraceLimit?: number }
  const limit = engine.stackTraceLimit
  engine.stackTraceLimit = 200
  try {
    return new StackSource(new Error(), null).toString()
  } finally {
    if (limit !== undefined) engine.stackTraceLimit = limit
  }
}

/** Which back end runs programs: the one mutable cell of the runtime. */
import type { Backend } from '../backends/backend.ts'
import { isBackend } from '../backends/backend.ts'
import { interpreterBackend } from '../backends/interpreter/interpreter.ts'
import { settings } from '../core/settings.ts'
import type { ConcreteBody } from '../trace/body.ts'

let standard: () => Backend = () => interpreterBackend
let chosen: Backend | null = null

/** Gives the back end that serves where none is chosen; it is made when it is first needed. Called once, by `devices`. */
export const installBackend = (make: () => Backend): void => {
  let made: Backend | undefined
  standard = () => (made ??= make())
}

/** What runs programs now. To find the equation that makes a NaN or an infinity, the interpreter does. */
export const currentBackend = (): Backend => (isDebugged() ? interpreterBackend : chosenBackend())

const isDebugged = (): boolean => settings.nans || settings.infs

/** What runs something on these arrays now: where one of them is out of reach, what has it; else what was chosen. */
export const backendFor = (bodies: readonly ConcreteBody[]): Backend => {
  // The interpreter cannot reach them either, and says so.
  if (isDebugged()) return interpreterBackend
  for (const body of bodies) if (body.isOutOfReach && isBackend(body.device)) return body.device
  return chosenBackend()
}

/** What is chosen to run programs, whether or not values are being checked as they come. */
export const chosenBackend = (): Backend => chosen ?? standard()

/** Runs `f` with another back end; restores the previous one however `f` ends. */
export const withBackend = <T>(backend: Backend, f: () => T): T => {
  const saved = chosen
  chosen = backend
  try {
    return f()
  } finally {
    chosen = saved
  }
}

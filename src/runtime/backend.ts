/** Which back end runs programs: the one mutable cell of the runtime. */
import type { Backend } from '../backends/backend.ts'
import { isBackend } from '../backends/backend.ts'
import { referenceBackend } from '../backends/reference/reference.ts'
import { settings } from '../core/settings.ts'
import type { ConcreteBody } from '../trace/body.ts'

let standard: () => Backend = () => referenceBackend
let chosen: Backend | null = null

/** Sets the default back end, which is made when it is first needed. Called once, by `devices`. */
export const installBackend = (make: () => Backend): void => {
  let made: Backend | undefined
  standard = () => (made ??= make())
}

/** The back end that runs programs now. While NaNs or infinities are searched for, it is the reference. */
export const currentBackend = (): Backend => (isDebugged() ? referenceBackend : chosenBackend())

const isDebugged = (): boolean => settings.nans || settings.infs

/** The back end for operations on these arrays: if one of them is out of reach, its own; else the current one. */
export const backendFor = (bodies: readonly ConcreteBody[]): Backend => {
  // The reference cannot reach them either, and throws.
  if (isDebugged()) return referenceBackend
  for (const body of bodies) if (body.isOutOfReach && isBackend(body.device)) return body.device
  return chosenBackend()
}

/** The chosen back end, whether or not values are being checked for NaN and infinity. */
export const chosenBackend = (): Backend => chosen ?? standard()

/** Runs `f` with another back end; restores the previous one even if `f` throws. */
export const withBackend = <T>(backend: Backend, f: () => T): T => {
  const saved = chosen
  chosen = backend
  try {
    return f()
  } finally {
    chosen = saved
  }
}

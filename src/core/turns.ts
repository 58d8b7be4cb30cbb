/**
 * Turns of the host's event loop. Finalisers run only between them, so garbage accumulates while a program runs within one
 * turn, or awaits only resolved promises. Back ends count its bytes here, and functions that await anyway (`x.data()`,
 * `blockUntilReady`) yield a turn to the host when there are enough.
 */

/** Globals that some platforms have. */
export interface Host {
  readonly setImmediate?: (f: () => void) => unknown
  readonly MessageChannel?: new () => {
    readonly port1: { onmessage: (() => void) | null }
    readonly port2: { postMessage(data: null): void }
  }
  readonly setTimeout: (f: () => void, milliseconds: number) => unknown
}

/** By messages: browsers delay nested timers, by up to four milliseconds. */
const byMessages = (Channel: NonNullable<Host['MessageChannel']>): ((f: () => void) => void) => {
  const waiting: (() => void)[] = []
  const { port1, port2 } = new Channel()
  port1.onmessage = () => {
    waiting.shift()?.()
  }
  return (f) => {
    waiting.push(f)
    port2.postMessage(null)
  }
}

/** A scheduler that calls a function in the next turn of a host; the message channel is opened when it is first needed. */
export const schedulerOf = (host: Host): ((f: () => void) => unknown) => {
  const { MessageChannel } = host
  const immediate = host.setImmediate?.bind(host)
  if (immediate !== undefined) return immediate
  const timer = host.setTimeout.bind(host)
  if (MessageChannel === undefined) return (f) => timer(f, 0)
  let post: ((f: () => void) => void) | undefined
  return (f) => {
    post ??= byMessages(MessageChannel)
    post(f)
  }
}

/** Calls a function in the next turn. Chosen once, before a test can replace the host's timers. */
export const inNextTurn = schedulerOf(globalThis as unknown as Host)

/** The bytes from which freeing them is worth a turn, which takes a few microseconds: filling them takes 10 ms. */
const ENOUGH = 2 ** 26

let turn = 0
let piled = 0

/** Counts bytes that a device has allocated for an array. Returns the current turn. */
export const pileUp = (bytes: number): number => {
  piled += bytes
  return turn
}

/** Counts bytes that were allocated in that turn as freed. Those of earlier turns are no longer counted. */
export const clearAway = (bytes: number, madeIn: number): void => {
  if (madeIn === turn) piled -= bytes
}

/** Records that the host has had a turn. */
export const noteTurn = (): void => {
  turn++
  piled = 0
}

/** A promise of the host's next turn, if enough bytes have accumulated; else null. */
export const turnIfDue = (): Promise<void> | null => {
  if (piled < ENOUGH) return null
  noteTurn()
  return new Promise(inNextTurn)
}

/**
 * Turns of the host's event loop. Finalisers run between them only: what a program makes within one turn, or awaiting nothing but
 * resolved promises, piles up. Back ends count it here, and what awaits anyway (`x.data()`, `blockUntilReady`) gives the host
 * a turn when enough has come together.
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

/** By messages: browsers keep timers waiting, for four milliseconds in the end. */
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

/** What calls a function in the next turn of a host; a channel of messages is opened when it is first needed. */
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

/** Calls a function in the next turn. Found once, before a test puts timers of its own in the place of the host's. */
export const inNextTurn = schedulerOf(globalThis as unknown as Host)

/** Bytes beyond which it is worth a turn, which takes some microseconds, to have them back: what it takes 10 ms to fill. */
const ENOUGH = 2 ** 26

let turn = 0
let piled = 0

/** Counts bytes that a device has given to an array. The result says in which turn that was. */
export const pileUp = (bytes: number): number => {
  piled += bytes
  return turn
}

/** Counts bytes as given back, made in that turn. Those of earlier turns are not counted any more. */
export const clearAway = (bytes: number, madeIn: number): void => {
  if (madeIn === turn) piled -= bytes
}

/** Says that the host has had a turn. */
export const noteTurn = (): void => {
  turn++
  piled = 0
}

/** A promise of the host's next turn, if so much has piled up that it is worth one; else null. */
export const turnIfDue = (): Promise<void> | null => {
  if (piled < ENOUGH) return null
  noteTurn()
  return new Promise(inNextTurn)
}

/**
 * One run for a directory. A run holds an address of the system's own, which is given back with the process however it ends: there is
 * no file that a killed run leaves behind.
 */
import { FailedError } from '../command.ts'
import { directoryId, node } from '../host.ts'
import type { Server } from '../host.ts'

/**
 * A name that all processes of this machine know; a socket's file where the system has no better. That is not in the directory for
 * temporary files, which an environment may change from process to process, and whose path may be too long for a socket.
 */
const addressOf = (id: string): string => {
  if (node.platform === 'linux') return `\0pullback-${id}`
  return node.platform === 'win32' ? `\\\\.\\pipe\\pullback-${id}` : `/tmp/pullback-${id}.sock`
}

/** Whether someone answers there. */
const isHeld = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = node.getBuiltinModule('node:net').connect(address)
    const found = (held: boolean) => (): void => {
      socket.destroy()
      resolve(held)
    }
    socket.on('connect', found(true))
    socket.on('error', found(false))
  })

/** A server at that address, or why there is none. */
const listen = (address: string): Promise<Server | string> =>
  new Promise((resolve) => {
    const server = node.getBuiltinModule('node:net').createServer()
    server.on('error', (error) => {
      resolve(error.code ?? 'unknown')
    })
    server.listen(address, () => {
      // The run alone keeps the process alive.
      server.unref()
      resolve(server)
    })
  })

/**
 * Does `f` with the directory for itself. Where the system has no such addresses, as in some sandboxes, without.
 *
 * @throws FailedError if another process has it.
 */
export const withDirectory = async <A>(directory: string, f: () => Promise<A>): Promise<A> => {
  const address = addressOf(await directoryId(directory))
  let server = await listen(address)
  if (server === 'EADDRINUSE') {
    if (await isHeld(address)) {
      throw new FailedError(
        `${directory}: another process is tuning into this directory; wait for it, or choose another --out`,
      )
    }
    await node.getBuiltinModule('node:fs').promises.rm(address, { force: true })
    server = await listen(address)
  }
  try {
    return await f()
  } finally {
    if (typeof server !== 'string') server.close()
  }
}

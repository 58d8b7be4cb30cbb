/**
 * One run per directory. A run holds a system address, which is released with the process however it ends, so a killed run
 * leaves no lock file behind.
 */
import { FailedError } from '../command.ts'
import { directoryId, node } from '../host.ts'
import type { Server } from '../host.ts'

/**
 * A name that is the same for all processes of this machine; the file of a socket where the system has nothing better. It is
 * not in the directory for temporary files, which may differ between processes, and whose path may be too long for a socket.
 */
const addressOf = (id: string): string => {
  if (node.platform === 'linux') return `\0pullback-${id}`
  return node.platform === 'win32' ? `\\\\.\\pipe\\pullback-${id}` : `/tmp/pullback-${id}.sock`
}

/** Whether a process answers there. */
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
      // The server must not keep the process alive.
      server.unref()
      resolve(server)
    })
  })

/**
 * Runs `f` with exclusive use of the directory; where the system has no such addresses, as in some sandboxes, without it.
 *
 * @throws FailedError if another process is using it.
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

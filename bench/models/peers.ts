/**
 * Libraries that are installed apart, in bench/peers: they bring hundreds of megabytes, and binaries that not every platform has. Where one
 * is not there, or does not start, its rows say so.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const require = createRequire(join(import.meta.dirname, '..', 'peers', 'package.json'))

/** Where a peer is; null if it is not there. */
const pathOf = (name: string): string | null => {
  try {
    return require.resolve(name)
  } catch {
    return null
  }
}

export const hasPeer = (name: string): boolean => pathOf(name) !== null

export const peerModule = async (name: string): Promise<unknown> => {
  const path = pathOf(name)
  if (path === null) throw new Error(`${name} is not in bench/peers.`)
  return import(pathToFileURL(path).href)
}

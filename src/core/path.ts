/** Paths from a tree to its subtrees. */
import * as must from './arguments.ts'

/** One step from a tree to a subtree: an index of an array, or a key of an object. */
export type PathKey = string | number
/** The keys and indices that lead from a tree to a subtree. */
export type Path = readonly PathKey[]

/** A name that needs no quotes as a key. */
export const identifier = /^[A-Za-z_$][\w$]*$/

/** Checks a path. */
export const aPath = must.listOf(
  must.kind('a key', (x) => typeof x === 'string' || typeof x === 'number'),
  'a list of keys and indices',
)
const keystrDoor = must.door('tree.keystr', { path: aPath })

/**
 * A path as JS property accesses: `.layers[0].weight`.
 *
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * tree.keystr(['layers', 0, 'odd key']) // => .layers[0]["odd key"]
 * ```
 */
export const keystr = (path: Path): string => {
  keystrDoor(path)
  return stringOf(path)
}

const stringOf = (path: Path): string =>
  path.map((k) => (typeof k === 'number' ? `[${k}]` : identifier.test(k) ? `.${k}` : `[${JSON.stringify(k)}]`)).join('')

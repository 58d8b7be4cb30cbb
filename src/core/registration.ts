/** Classes whose instances are containers of a tree. */
import * as must from './arguments.ts'
import { TreeError } from './errors.ts'
import type { Path } from './path.ts'

/** How instances of a registered class are flattened and unflattened. */
export interface Registration {
  readonly name: string
  readonly id: number
  readonly flatten: (x: never) => {
    readonly children: readonly unknown[]
    readonly keys?: Path
    readonly aux?: unknown
  }
  readonly unflatten: (aux: unknown, children: readonly unknown[]) => unknown
  readonly frozen?: string
}

/** Options of `registerPytreeNode`. */
interface PytreeOptions {
  /**
   * For a class whose arrays have no derivatives: what it is and what to do instead, for the message of the `FrozenError`.
   */
  readonly frozen?: string
}

/** A class whose instances may be containers. */
export type PytreeClass = abstract new (...args: never[]) => unknown

// Registration is by class, and a class is registered once: the one table that outlives calls.
const registrations = new WeakMap<PytreeClass, Registration>()
let registered = 0

const registerDoor = must.door('tree.registerPytreeNode', { type: must.func, flatten: must.func, unflatten: must.func })

/**
 * Makes instances of a class containers. `aux` distinguishes structures with equal children; primitives, lists and plain
 * objects are compared by value, everything else by identity.
 *
 * @throws TreeError if the class is already registered.
 * @example
 * ```ts
 * import { grad, np, tree } from 'pullback'
 * class Line {
 *   readonly slope: NDArray
 *   readonly start: NDArray
 *   constructor(slope: NDArray, start: NDArray) {
 *     this.slope = slope
 *     this.start = start
 *   }
 *   at(x: NDArray): NDArray {
 *     return x.mul(this.slope).add(this.start)
 *   }
 * }
 * tree.registerPytreeNode(
 *   Line,
 *   ({ slope, start }) => ({ children: [slope, start], keys: ['slope', 'start'] }),
 *   (_, [slope, start]) => new Line(slope as NDArray, start as NDArray),
 * )
 * const line = new Line(np.array(2), np.array(1))
 * grad((l: Line) => l.at(np.array(3)))(line).slope // => 3.
 * ```
 */
export const registerPytreeNode = <T>(
  type: abstract new (...args: never[]) => T,
  flatten: (x: T) => { readonly children: readonly unknown[]; readonly keys?: Path; readonly aux?: unknown },
  unflatten: (aux: unknown, children: readonly unknown[]) => T,
  options: PytreeOptions = {},
): void => {
  registerDoor(type, flatten, unflatten)
  if (registrations.has(type)) throw new TreeError(`registerPytreeNode: class ${type.name} is registered already.`)
  registrations.set(type, { name: type.name, id: registered++, flatten: flatten, unflatten, ...options })
}

/** The registration of a class, if it is registered. */
export const registrationOf = (type: PytreeClass): Registration | undefined => registrations.get(type)

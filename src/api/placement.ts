/** Trees of arrays in the memory of devices: moving them there, reading them back, waiting for them. */
import type { Backend } from '../backends/backend.ts'
import { flatten } from '../core/tree.ts'
import { turnIfDue } from '../core/turns.ts'
import { currentBackend } from '../runtime/backend.ts'
import type { DeviceChoice } from '../runtime/devices.ts'
import { aDevice, backendOf } from '../runtime/devices.ts'
import * as must from '../conversions/arguments.ts'
import { ConcreteBody, fetchFrom } from '../trace/body.ts'
import { NDArray, fromHost, isNDArray } from '../trace/value.ts'
import { flattenArrays, restore } from './leaves.ts'
import type { Arrays } from './types.ts'

/** The array on that device; a traced array is returned as it is. */
const placed = (x: NDArray, backend: Backend): NDArray => {
  const { aval, body } = x
  if (!(body instanceof ConcreteBody)) return x
  const isThere = backend.put === undefined ? body.device === null : body.device === backend
  if (isThere && !body.isGone) return new NDArray(aval, body.share())
  const data = body.host('devicePut')
  return backend.put === undefined ? fromHost(aval, data) : new NDArray(aval, backend.put(aval, data))
}

const devicePutDoor = must.door('devicePut', { value: must.anything, device: must.optional(aDevice) })

/**
 * The arrays of a tree in the memory of a device, as `x.device` says; those that are already there are not copied. The
 * arguments stay where they are. The interpreter has no memory of its own, so arrays put there are in ordinary memory. Programs
 * run on the current device (`withDevice`) wherever their arguments are, so this is never necessary; it only determines when
 * elements are copied. A traced array is returned as it is, so functions that call `devicePut` have derivatives.
 *
 * @param value - a tree of arrays; numbers become arrays.
 * @param device - a device or its name; by default the one that programs run on.
 * @throws TreeError for a leaf that is not an array; ArgumentError if there is no such device; OutOfMemoryError if it has no
 *   room; SynchronousReadError for an array on another device that can only be read asynchronously:
 *   `devicePut(await deviceGet(value), device)`.
 * @example
 * ```ts
 * import { devicePut, np } from 'pullback'
 * const params = devicePut({ w: np.ones([2, 3]), b: np.zeros([3]) }, 'wasm')
 * params.w.device?.name // => wasm
 * devicePut(params.w, 'interpreter').device // => null
 * ```
 */
export const devicePut = <T>(value: T, device?: DeviceChoice): Arrays<T> => {
  devicePutDoor(value, device)
  const { leaves, treedef } = flattenArrays('devicePut', value, 'value')
  const backend = device === undefined ? currentBackend() : backendOf('devicePut', device)
  return restore(
    treedef,
    leaves.map((x) => placed(x, backend)),
  )
}

/** The array in ordinary memory. */
const gotten = async (x: NDArray): Promise<NDArray> => {
  const { aval, body } = x
  if (body instanceof ConcreteBody && body.device === null && !body.isGone) return x
  return fromHost(aval, await fetchFrom(body, 'deviceGet'))
}

/**
 * The arrays of a tree in ordinary memory, wherever they are: the result can be read synchronously, by `item()`, `toArray()`
 * and `String(x)`. All reads are started before the first is awaited.
 *
 * @param value - a tree of arrays; numbers become arrays.
 * @returns a promise, which rejects with TreeError for a leaf that is not an array, TracerError for a traced one, DonatedError
 *   for a donated one, and with the error of the program that should have computed it.
 * @example
 * ```ts
 * import { deviceGet, devicePut, np } from 'pullback'
 * const there = devicePut([np.array([1, 2]), np.array(3)], 'wasm')
 * const here = await deviceGet(there)
 * here[0]?.device // => null
 * here[0] // => [1. 2.]
 * ```
 */
export const deviceGet = async <T>(value: T): Promise<Arrays<T>> => {
  const { leaves, treedef } = flattenArrays('deviceGet', value, 'value')
  const arrays = await Promise.all(leaves.map(gotten))
  await turnIfDue()
  return restore(treedef, arrays)
}

const readiness = async (x: unknown): Promise<void> => {
  if (isNDArray(x) && x.body instanceof ConcreteBody) await x.body.ready('blockUntilReady')
}

/**
 * Waits until all arrays of a tree have been computed, without reading them: to time a program, or to get its errors here.
 * Despite its name, which is JAX's, it does not block; like `x.data()`, it yields to the event loop where garbage has
 * accumulated. Leaves that are not arrays, and traced ones, are ignored.
 *
 * @returns a promise of the tree itself; it rejects with DonatedError for an array that was donated, and with the error of the
 *   program that should have computed it.
 * @example
 * ```ts
 * import { blockUntilReady, jit, np } from 'pullback'
 * const step = jit((x: NDArray) => np.matmul(x, x))
 * const y = await blockUntilReady(step(np.ones([2, 2])))
 * y.sum() // => 8.
 * ```
 */
export const blockUntilReady = async <T>(value: T): Promise<T> => {
  await Promise.all(flatten(value).leaves.map(readiness))
  await turnIfDue()
  return value
}

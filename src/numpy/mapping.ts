/** `np`: functions applied to all parts of arrays. */
import { vmap } from '../api/vmap.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { broadcastTwo, normalizeAxes, normalizeAxis, range } from '../core/shape.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { broadcastTo, expandDims, moveaxis, reshape } from './movement.ts'

const applyAlongAxisDoor = must.door('np.applyAlongAxis', { f: must.func, axis: must.axis, x: must.arrayLike })

/**
 * Applies a function of vectors to all vectors along an axis. Its result replaces the axis.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.applyAlongAxis((v) => np.cumsum(v), 0, np.array([[1, 2], [3, 4]])).toArray() // => 1,2,4,6
 * ```
 */
export const applyAlongAxis = (f: (x: NDArray) => ArrayLike, axis: number, x: ArrayLike): NDArray => {
  applyAlongAxisDoor(f, axis, x)
  const array = asArray(x)
  const along = normalizeAxis('np.applyAlongAxis', axis, array.ndim)
  const lines = moveaxis(array, along, -1)
  const outer = lines.shape.slice(0, -1)
  const results = vmap((line: NDArray) => asArray(f(line)))(reshape(lines, [-1, lines.shape.at(-1)!]))
  const inner = results.shape.slice(1)
  const whole = reshape(results, [...outer, ...inner])
  const from = range(inner.length).map((i) => outer.length + i)
  return moveaxis(whole, from, range(inner.length).map((i) => along + i)) // prettier-ignore
}

const applyOverAxesDoor = must.door('np.applyOverAxes', { f: must.func, x: must.arrayLike, axes: must.axes })

/**
 * Applies a function that reduces an axis to one axis after the other; removed axes stay with extent 1.
 *
 * @throws ShapeError unless a result has all axes or one fewer.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.applyOverAxes((x, axis) => np.sum(x, { axis }), np.ones([2, 3]), [0, 1]).shape // => 1,1
 * ```
 */
export const applyOverAxes = (
  f: (x: NDArray, axis: number) => ArrayLike,
  x: ArrayLike,
  axes: number | readonly number[],
): NDArray => {
  applyOverAxesDoor(f, x, axes)
  const array = asArray(x)
  return normalizeAxes('np.applyOverAxes', axes, array.ndim).reduce((y, axis) => {
    const result = asArray(f(y, axis))
    if (result.ndim === y.ndim) return result
    if (result.ndim === y.ndim - 1) return expandDims(result, axis)
    throw new ShapeError(`np.applyOverAxes: the function made ${result.aval} of ${y.aval}.`)
  }, array)
}

interface Signature {
  readonly inputs: readonly (readonly string[])[]
  readonly outputs: number
}

const parseSignature = (text: string): Signature => {
  const match = /^(\([\w\s,]*\)(?:,\([\w\s,]*\))*)->(\([\w\s,]*\)(?:,\([\w\s,]*\))*)$/.exec(text.replaceAll(' ', ''))
  if (match === null) throw new ArgumentError(`np.vectorize: '${text}' is not a signature, such as '(n,m),(m)->(n)'.`)
  const groups = (part: string): string[][] =>
    Array.from(part.matchAll(/\(([^)]*)\)/g), ([, names]) => (names === '' ? [] : names!.split(',')))
  return { inputs: groups(match[1]!), outputs: groups(match[2]!).length }
}

/** Checks that core axes of the same name have the same extent. */
const checkCore = (signature: Signature, arrays: readonly NDArray[]): void => {
  const extents = new Map<string, number>()
  arrays.forEach((x, i) => {
    const names = signature.inputs[i]!
    if (x.ndim < names.length)
      throw new ShapeError(`np.vectorize: argument ${i}, ${x.aval}, has not ${names.length} axes.`)
    names.forEach((name, d) => {
      const n = x.shape[x.ndim - names.length + d]!
      const before = extents.get(name) ?? n
      if (before !== n) throw new ShapeError(`np.vectorize: axis '${name}' has extents ${before} and ${n}.`)
      extents.set(name, n)
    })
  })
}

const vectorizeDoor = must.door('np.vectorize', {
  f: must.func,
  options: must.optionsOf<{ readonly signature?: string }>({ signature: must.string }),
})

/**
 * Extends a function of numbers, or of arrays of given ranks, to arrays with further leading axes, which broadcast.
 *
 * @param signature - the axes of arguments and results by name, `(n,m),(m)->(n)`; numbers by default.
 * @throws ArgumentError for an invalid signature, or another number of arguments; ShapeError if axes do not match.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.vectorize((x, y) => np.dot(x, y), { signature: '(n),(n)->()' })(np.ones([2, 3]), np.ones([3])) // => [3. 3.]
 * ```
 */
export const vectorize = <R extends NDArray | readonly NDArray[]>(
  f: (...xs: NDArray[]) => R,
  options: { readonly signature?: string } = {},
): ((...xs: readonly ArrayLike[]) => R) => {
  vectorizeDoor(f, options)
  const { signature } = options
  const parsed = signature === undefined ? null : parseSignature(signature)
  return (...xs) => {
    const arrays = xs.map((x) => asArray(x))
    const inputs = parsed?.inputs ?? arrays.map(() => [])
    if (inputs.length !== arrays.length) {
      throw new ArgumentError(`np.vectorize: ${arrays.length} arguments for the signature '${String(signature)}'.`)
    }
    if (parsed !== null) checkCore(parsed, arrays)
    const outer = arrays.map((x, i) => x.shape.slice(0, x.ndim - inputs[i]!.length))
    const loop = outer.reduce<readonly number[]>((a, b) => broadcastTwo('np.vectorize', a, b), [])
    const full = arrays.map((x, i) => broadcastTo(x, [...loop, ...x.shape.slice(outer[i]!.length)]))
    const mapped = loop.reduce<(...ys: NDArray[]) => R>((g) => vmap(g) as unknown as (...ys: NDArray[]) => R, f)
    return mapped(...full)
  }
}

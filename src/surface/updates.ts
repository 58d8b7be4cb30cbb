/** Arrays with other values at an index: one scatter per index, where possible. */
import type { OptionTable } from '../core/arguments.ts'
import { boolean, checkArguments, func, oneOf, optionsOf } from '../core/arguments.ts'
import { isFloat, kindOf } from '../core/dtype.ts'
import { DTypeError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { broadcastTwo, range, sameShape, showShape, sizeOf, stridesOf } from '../core/shape.ts'
import { full, fullLike, zerosLike } from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import type { ScatterName } from '../ops/indexing.ts'
import { scatterWith } from '../ops/indexing.ts'
import { broadcastTo, reshape } from '../ops/movement.ts'
import type { ArrayLike, Index, IndexedPlace, UpdateOptions } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { divide, power } from './arithmetic.ts'
import { arrayLike } from '../conversions/arguments.ts'
import { asArray } from '../conversions/convert.ts'
import type { Part } from '../conversions/indices.ts'
import { arrangeBack, get, planIndex, scatterParams } from './indexing.ts'
import { knownPart, parse } from '../conversions/indices.ts'

const kinds = ['bool', 'unsigned', 'signed', 'float']

/** The values cast to the array's dtype, if it can represent their kind. */
const castUpdate = (operation: string, x: NDArray, values: ArrayLike): NDArray => {
  const v = asArray(values)
  const fits = v.aval.weak
    ? !(isFloat(v.aval.dtype) && !isFloat(x.aval.dtype))
    : kinds.indexOf(kindOf(v.aval.dtype)) <= kinds.indexOf(kindOf(x.aval.dtype))
  if (!fits) {
    throw new DTypeError(
      `at(...).${operation}: values ${v.aval} do not fit an array ${x.aval}. Convert one of them with np.astype.`,
    )
  }
  return e.cast(v, x.aval.dtype)
}

const broadcastUpdate = (operation: string, v: NDArray, shape: Shape): NDArray => {
  // Extra leading axes of extent 1 are dropped, as in NumPy.
  const extra = Math.max(0, v.aval.rank - shape.length)
  const trimmed = v.aval.shape.slice(0, extra).every((n) => n === 1) ? reshape(v, v.aval.shape.slice(extra)) : v
  if (!sameShape(broadcastTwo(`at(...).${operation}`, trimmed.aval.shape, shape), shape)) {
    throw new ShapeError(
      `at(...).${operation}: values of shape ${showShape(v.aval.shape)} do not broadcast to the indexed shape ${showShape(shape)}.`,
    )
  }
  return broadcastTo(trimmed, shape)
}

/** The options of updates. */
export const updateOptions: OptionTable<UpdateOptions> = {
  mode: oneOf(['drop', 'fill', 'clip', 'promiseInBounds']),
  uniqueIndices: boolean,
}
const updateParameters = { values: arrayLike, options: optionsOf(updateOptions) }
const applyParameters = { f: func, options: optionsOf(updateOptions) }

const scatterInto = (
  operation: string,
  op: ScatterName,
  x: NDArray,
  parts: readonly Part[],
  values: ArrayLike,
  options: UpdateOptions,
): NDArray => {
  checkArguments(`at(...).${operation}`, updateParameters, values, options)
  const { mode = 'drop', uniqueIndices = false } = options
  const plan = planIndex(x, parts)
  const updates = arrangeBack(plan, broadcastUpdate(operation, castUpdate(operation, x, values), plan.shape))
  const indexMode = mode === 'drop' ? 'fill' : mode
  // Without index arrays, no element occurs twice.
  const unique = uniqueIndices || parts.every((p) => p.kind !== 'array')
  return scatterWith(op, x, plan.starts, updates, scatterParams(plan, indexMode, unique))
}

type Update = (values: ArrayLike, options?: UpdateOptions) => NDArray

const update =
  (operation: string, op: ScatterName, x: NDArray, parts: readonly Part[]): Update =>
  (values, options = {}) =>
    scatterInto(operation, op, x, parts, values, options)

const subtractAt =
  (x: NDArray, parts: readonly Part[]): Update =>
  (values, options = {}) => {
    checkArguments('at(...).subtract', updateParameters, values, options)
    if (x.aval.dtype === 'bool') throw new DTypeError('at(...).subtract: bools cannot be subtracted.')
    const v = castUpdate('subtract', x, values)
    return scatterInto('subtract', 'scatterAdd', x, parts, e.sub(zerosLike(v), v), options)
  }

/** Combines an element with the product of all its values; other elements stay as they are, whatever the function returns there. */
const combineAt =
  (operation: string, combine: (x: NDArray, y: NDArray) => NDArray, x: NDArray, parts: readonly Part[]): Update =>
  (values, options = {}) => {
    const product = scatterInto(operation, 'scatterMul', fullLike(x, 1), parts, values, options)
    const none = full(x.aval.shape, 0, 'int32')
    const isNamed = e.cast(scatterInto(operation, 'scatter', none, parts, 1, options), 'bool')
    const combined = combine(e.select(isNamed, x, fullLike(x, 1)), product)
    return e.select(isNamed, combined, e.cast(x, combined.aval.dtype, combined.aval.weak))
  }

/** How often the index arrays together name each element; known indices only. */
const countPlaces = (x: NDArray, arrays: readonly Extract<Part, { kind: 'array' }>[]): Map<string, number[]> => {
  const shape = arrays.reduce<Shape>((s, p) => broadcastTwo('at', s, p.given.aval.shape), [])
  const columns = arrays.map(({ given, axis }) => {
    const data = given.body.host('at(...).apply without { uniqueIndices: true }')
    const own = stridesOf(given.aval.shape)
    const offset = shape.length - given.aval.rank
    const steps = shape.map((_, d) => (d < offset || given.aval.shape[d - offset] === 1 ? 0 : own[d - offset]!))
    const strides = stridesOf(shape)
    const n = x.aval.shape[axis]!
    return (i: number): number => {
      const at = steps.reduce((sum, step, d) => sum + step * (Math.floor(i / strides[d]!) % shape[d]!), 0)
      const place = Number(data[at])
      return place < 0 ? place + n : place
    }
  })
  const counts = new Map<string, number[]>()
  for (const i of range(sizeOf(shape))) {
    const place = columns.map((column) => column(i))
    if (place.some((p, k) => p < 0 || p >= x.aval.shape[arrays[k]!.axis]!)) continue
    const [times = 0] = counts.get(place.join()) ?? []
    counts.set(place.join(), [times + 1, ...place])
  }
  return counts
}

/** Applies `f` once at each distinct element, again at those named twice, and so on. */
const applyAt =
  (x: NDArray, parts: readonly Part[]) =>
  (f: (x: NDArray) => NDArray, options: UpdateOptions = {}): NDArray => {
    checkArguments('at(...).apply', applyParameters, f, options)
    const once = (y: NDArray, at: readonly Part[]): NDArray =>
      scatterInto('apply', 'scatter', y, at, f(get(y, at, {})), { ...options, uniqueIndices: true })
    const arrays = parts.filter((p) => p.kind === 'array')
    if (options.uniqueIndices === true || arrays.length === 0) return once(x, parts)
    const places = [...countPlaces(x, arrays).values()]
    const rounds = places.reduce((most, [times]) => Math.max(most, times!), 0)
    return range(rounds).reduce((y, round) => {
      const left = places.filter(([times]) => times! > round)
      const known = arrays.map((p, k) =>
        knownPart(
          p.axis,
          Int32Array.from(left, (place) => place[k + 1]!),
        ),
      )
      return once(y, parts.map((p) => (p.kind === 'array' ? known[arrays.indexOf(p)]! : p))) // prettier-ignore
    }, x)
  }

/** `x.at(...)`: see `IndexedPlace`. */
export const at = (x: NDArray, indices: readonly Index[]): IndexedPlace => {
  const parts = parse(x, indices)
  const multiply = update('multiply', 'scatterMul', x, parts)
  return {
    get: (options) => get(x, parts, options),
    set: update('set', 'scatter', x, parts),
    add: update('add', 'scatterAdd', x, parts),
    subtract: subtractAt(x, parts),
    multiply,
    mul: multiply,
    divide: combineAt('divide', divide, x, parts),
    power: combineAt('power', power, x, parts),
    min: update('min', 'scatterMin', x, parts),
    max: update('max', 'scatterMax', x, parts),
    apply: applyAt(x, parts),
  }
}

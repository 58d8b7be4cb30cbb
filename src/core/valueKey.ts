/** Keys of values that are not arrays: static arguments, auxiliary data of classes, parameters of operations. */

const objects = new WeakMap<object, number>()
const symbols = new Map<symbol, number>()
let count = 0

const numberOf = <K extends object | symbol>(
  known: { get(x: K): number | undefined; set(x: K, n: number): unknown },
  x: K,
): number => {
  const given = known.get(x)
  if (given !== undefined) return given
  known.set(x, count)
  return count++
}

/** A number for each object. Keys that contain one are meaningless in another process. */
export const identityOf = (x: object): number => numberOf(objects, x)

/** Whether it was written as `{ … }`, or has no prototype. */
export const isPlainObject = (x: object): x is Readonly<Record<string, unknown>> => {
  const prototype: unknown = Object.getPrototypeOf(x)
  return prototype === Object.prototype || prototype === null
}

/** A primitive as unique text: -0 is not 0, `'1'` is not 1. */
export const primitiveKey = (x: unknown): string => {
  switch (typeof x) {
    case 'string':
      return JSON.stringify(x)
    case 'number':
      return Object.is(x, -0) ? '-0' : String(x)
    case 'bigint':
      return `${x}n`
    case 'symbol':
      return `@${numberOf(symbols, x)}`
    default:
      return String(x)
  }
}

/** Deeper data, which may be infinite, is compared by identity. */
const DEEPEST = 64

/** `above` has the containers around `x`. */
const keyWithin = (x: unknown, above: object[]): string => {
  if (x === null || (typeof x !== 'object' && typeof x !== 'function')) return primitiveKey(x)
  const isList = Array.isArray(x)
  const isData = isList || (typeof x === 'object' && isPlainObject(x))
  if (!isData || above.length === DEEPEST || above.includes(x)) return `#${identityOf(x)}`
  above.push(x)
  let key = ''
  if (isList) for (const y of x as readonly unknown[]) key += `${keyWithin(y, above)},`
  else for (const name of Object.keys(x).sort()) key += `${JSON.stringify(name)}:${keyWithin(x[name], above)},`
  above.pop()
  return isList ? `[${key}]` : `{${key}}`
}

/** Equal keys for equal values: primitives, lists and plain objects by value, everything else by identity. */
export const valueKey = (x: unknown): string => keyWithin(x, [])

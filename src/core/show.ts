/** Any value as a short text, for messages. Never throws. */

const LONGEST = 60

const cut = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text)

const nameOf = (x: object): string => {
  const prototype = Object.getPrototypeOf(x) as { readonly constructor?: { readonly name?: unknown } } | null
  const name = prototype?.constructor?.name
  return typeof name === 'string' && name !== '' ? name : 'object'
}

const article = (noun: string): string => `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`

/** Shape and dtype, of anything that has them as arrays do. */
const typeOf = (x: object): string | null => {
  const aval = 'aval' in x ? (x as { readonly aval: unknown }).aval : null
  return typeof aval === 'object' && aval !== null && 'dtype' in aval ? String(aval) : null
}

const FEW = 5

const showItems = (items: readonly string[], count: number): string =>
  items.slice(0, FEW).join(', ') + (count > FEW ? ', ...' : '')

const showFlat = (x: unknown): string => {
  if (typeof x === 'string') return JSON.stringify(cut(x))
  return typeof x === 'object' && x !== null && isContainer(x) ? '...' : showAny(x)
}

const isContainer = (x: object): boolean => Array.isArray(x) || nameOf(x) === 'Object'

const showList = (x: readonly unknown[]): string => {
  const first = Array.from({ length: Math.min(x.length, FEW) }, (_, i) => showFlat(x[i]))
  return `[${showItems(first, x.length)}]`
}

const showObject = (x: object): string => {
  const type = typeOf(x)
  if (type !== null) return `an array ${type}`
  if (Array.isArray(x)) return showList(x)
  if (ArrayBuffer.isView(x)) return `a ${nameOf(x)}`
  if (nameOf(x) !== 'Object') return article(nameOf(x))
  const keys = Object.keys(x)
  const fields = keys.slice(0, FEW).map((key) => `${key}: ${showFlat((x as Readonly<Record<string, unknown>>)[key])}`)
  return keys.length === 0 ? '{}' : `{ ${showItems(fields, keys.length)} }`
}

const showFunction = (x: object): string => {
  const { name } = x as { readonly name?: unknown }
  return typeof name === 'string' && name !== '' ? `the function ${name}` : 'a function'
}

const showAny = (x: unknown): string => {
  switch (typeof x) {
    case 'string':
      return `the string ${JSON.stringify(cut(x))}`
    case 'bigint':
      return `${x}n`
    case 'number':
      return Object.is(x, -0) ? '-0' : String(x)
    case 'function':
      return showFunction(x)
    case 'object':
      return x === null ? 'null' : showObject(x)
    default:
      return String(x)
  }
}

/**
 * A value for a message: bigints, cycles, symbols and long lists included. A value that throws when it is inspected (a revoked
 * proxy, a getter) is shown by its type.
 */
export const show = (x: unknown): string => {
  try {
    return cut(showAny(x))
  } catch {
    return article(typeof x)
  }
}

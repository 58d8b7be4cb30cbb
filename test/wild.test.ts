/**
 * Every function of the namespaces, called with arguments that nobody should write: it gives results whose elements are as many as
 * their shapes say, or throws one of the library's named errors. `PULLBACK_WILD=200000` makes as many calls.
 */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as pullback from 'pullback'
import { NDArray, PullbackError } from 'pullback'
import { toHost } from '../src/trace/value.ts'
import { argumentsFor, Thrown } from './support/wild.ts'

const CALLS = Number(process.env['PULLBACK_WILD'] ?? 20_000)

type Callable = (...args: readonly unknown[]) => unknown

interface Subject {
  readonly name: string
  readonly namespace: string
  readonly call: Callable
}

/** Functions of a namespace, those of namespaces inside of it included. */
const functionsOf = (namespace: string, members: object, prefix: string): readonly Subject[] =>
  Object.entries(members).flatMap(([key, value]: readonly [string, unknown]) => {
    const name = `${prefix}.${key}`
    if (typeof value === 'function') return /^[A-Z]/.test(key) ? [] : [{ name, namespace, call: value as Callable }]
    return typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object Module]'
      ? functionsOf(namespace, value, name)
      : []
  })

/** Methods of arrays, with the array as the first argument. */
const methods: readonly Subject[] = Object.getOwnPropertyNames(NDArray.prototype)
  .filter((key) => typeof Object.getOwnPropertyDescriptor(NDArray.prototype, key)?.value === 'function')
  .filter((key) => !['constructor', 'donate', 'data', 'toString', 'toJSON', 'describeTracer'].includes(key))
  .map((key) => ({
    name: `x.${key}`,
    namespace: 'method',
    call: (x, ...args) => (x instanceof NDArray ? (x[key as 'add'] as unknown as Callable).apply(x, args) : undefined),
  }))

const { np, lax, nn, optim, random } = pullback
const subjects: readonly Subject[] = [
  ...functionsOf('np', np, 'np'),
  ...functionsOf('lax', lax, 'lax'),
  ...functionsOf('nn', nn, 'nn'),
  ...functionsOf('optim', optim, 'optim'),
  ...functionsOf('random', random, 'random'),
  ...methods,
]

/** Arrays anywhere in a result, to a small depth. */
const arraysIn = (x: unknown, depth = 0): readonly NDArray[] => {
  if (x instanceof NDArray) return [x]
  if (typeof x !== 'object' || x === null || depth > 2) return []
  return Object.values(x)
    .slice(0, 8)
    .flatMap((item) => arraysIn(item, depth + 1))
}

/** What is wrong with a call; null if nothing is. */
const faultOf = ({ name, call }: Subject, args: readonly unknown[]): string | null => {
  try {
    for (const x of arraysIn(call(...args))) {
      if (x.body.trace !== null) return `${name} gave a tracer away`
      const { length } = toHost(x, 'wild').data
      if (x.shape.some((n) => !Number.isSafeInteger(n) || n < 0) || length !== x.size) {
        return `${name} gave ${length} elements of shape [${x.shape.join()}]`
      }
    }
    return null
  } catch (error) {
    if (error instanceof PullbackError || error instanceof Thrown) return null
    return `${name}: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`
  }
}

describe('wild calls', () => {
  const each = Math.max(1, Math.ceil(CALLS / subjects.length))
  test(
    `of ${subjects.length} functions`,
    () => {
      const faults = new Map<string, string>()
      for (const subject of subjects) {
        fc.assert(
          fc.property(argumentsFor(subject.namespace), (args) => {
            const fault = faultOf(subject, args)
            if (fault !== null) faults.set(fault.slice(0, 200), subject.name)
          }),
          { numRuns: each },
        )
      }
      expect([...faults.keys()]).toEqual([])
    },
    CALLS * 20 + 60_000,
  )
})

/** Pullback against JAX: the same functions on the same inputs. */
import { describe, expect, test } from 'vitest'
import { np, random } from 'pullback'
import type { IndexedPlace, NDArray, UpdateOptions } from 'pullback'
import { differences } from './differences.ts'
import type { Case } from './replay.ts'
import { asIndex, decode, difference, readCases } from './replay.ts'

type AnyFunction = (...args: readonly unknown[]) => unknown

const at =
  (method: keyof IndexedPlace): AnyFunction =>
  (x, index, ...rest) =>
    ((x as NDArray).at(...asIndex(index))[method] as (...args: readonly unknown[]) => NDArray)(...rest)

const composites: { readonly [name: string]: AnyFunction } = {
  splitTwice: (key) => random.split([...random.split(key as NDArray)][0]!).at(1).get(),
  promote: (a, b) => promoteByName(a as string, b as string),
}

// Weak types are recorded as `int*` and `float*`.
const operand = (name: string): NDArray | number => {
  if (name === 'weak int') return 1
  if (name === 'weak float') return 0.5
  return np.zeros([], { dtype: name as 'float32' })
}
const promoteByName = (a: string, b: string): string => {
  const [x, y] = [operand(a), operand(b)]
  const { dtype, aval } = np.where(true, x, y)
  return aval.weak ? `weak ${dtype.startsWith('float') ? 'float' : 'int'}` : dtype
}

const resolve = (name: string): AnyFunction | undefined => {
  const [namespace, member] = name.split('.') as [string, string | undefined]
  if (namespace === 'at') return at(member as keyof IndexedPlace)
  const table = { np, random }[namespace as 'np' | 'random'] as { readonly [k: string]: unknown } | undefined
  return (composites[name] ?? table?.[member!]) as AnyFunction | undefined
}

// Functions whose last positional arguments JAX takes by keyword and ours in an object have them recorded as options.
const replay = (c: Case): unknown => {
  const args = c.args.map(decode)
  const f = resolve(c.fn)!
  return c.options === undefined ? f(...args) : f(...args, decode(c.options) as UpdateOptions)
}

const topics = [
  'numpy-creation',
  'numpy-elementwise',
  'numpy-contraction',
  'numpy-reduction',
  'numpy-movement',
  'indexing',
  'promotion',
  'random',
]

for (const topic of topics) {
  describe(topic, () => {
    for (const c of readCases(topic)) {
      if (resolve(c.fn) === undefined) continue
      const reason = differences[c.name]
      test(reason === undefined ? c.name : `${c.name} (differs from JAX: ${reason})`, () => {
        const found = difference(replay(c), c.out, c.tol)
        if (reason === undefined) expect(found).toBeNull()
        else expect(found).not.toBeNull()
      })
    }
  })
}

/** A message begins with the name of the function that was called, and not with that of one that it is made of. */
import { np, PullbackError } from 'pullback'
import { describe, expect, test } from 'vitest'

const ones = (...shape: readonly number[]) => np.ones(shape)
const bools = np.array([true, false])

/** Arguments that are wrong for most functions, each in its own way: shapes, dtypes, axes, nothing. */
const calls: readonly (readonly unknown[])[] = [
  [ones(2, 3), ones(4, 5)],
  [ones(2), ones(3)],
  [ones(2, 2, 2), ones(3, 3)],
  [ones(2, 3), ones(4, 5), ones(6, 7)],
  [ones(3), ones(2), ones(5)],
  [ones(3, 2), ones(3, 2)],
  [ones(0)],
  [ones(0), ones(3)],
  [ones(0, 3)],
  [ones(0), { axis: 0 }],
  [[ones(2, 3), ones(3, 4)]],
  [[ones(2), ones(3)]],
  [[]],
  [bools, bools],
  [ones(2), bools],
  [ones(2), 1.5],
  [ones(2, 3), 5],
  [5, ones(2)],
  [ones(2, 3), { axis: 7 }],
  [ones(2, 3), { axis: [0, 0] }],
  [ones(2), { axis: 1 }],
  [ones(2, 3), [9]],
  [ones(2, 3), [2, 2], [3]],
  [ones(2, 3), [0, 9], [1, 2]],
  [ones(2, 3), 9, ones(3)],
  [ones(2, 3), 0, 9],
  [ones(2), [5], ones(3)],
  ['ij,jk', ones(2, 3), ones(2, 3)],
]

const functionsOf = (prefix: string, space: object) =>
  Object.entries(space).flatMap(([name, f]: [string, unknown]) =>
    typeof f === 'function' ? [[`${prefix}${name}`, f as (...args: readonly unknown[]) => unknown] as const] : [],
  )

const all = [...functionsOf('np.', np), ...functionsOf('np.linalg.', np.linalg)]

/** Functions that are another one by a second name, and tell of themselves by the first. */
const also: { readonly [name: string]: string } = {
  'np.asarray': 'np.array',
  'np.isTrue': 'bool',
  'np.permuteDims': 'np.transpose',
  'np.linalg.matmul': 'np.matmul',
  'np.linalg.tensordot': 'np.tensordot',
  'np.linalg.vecdot': 'np.vecdot',
}
const namesOf = (name: string, f: unknown): readonly string[] => [
  ...all.flatMap(([other, g]) => (g === f ? [other] : [])),
  ...(also[name] === undefined ? [] : [also[name]]),
]

const messagesOf = (f: (...args: readonly unknown[]) => unknown): readonly string[] =>
  calls.flatMap((args) => {
    try {
      f(...args)
      return []
    } catch (error) {
      return [error instanceof PullbackError ? error.message : `not named: ${String(error)}`]
    }
  })

/** Of a list that makes no array, whichever function it was given to. */
const isOfList = (message: string): boolean => message.startsWith('np.array: ')

describe('messages', () => {
  test('of wrong shapes, dtypes and axes begin with the name of the function, for all of np', () => {
    let seen = 0
    const odd = all.flatMap(([name, f]) => {
      const messages = messagesOf(f).filter((message) => !isOfList(message))
      seen += messages.length
      const starts = namesOf(name, f)
      return messages
        .filter(
          (message) => !starts.some((start) => new RegExp(`^${start.replaceAll('.', '\\.')}(?![\\w.])`).test(message)),
        )
        .map((message) => `${name} | ${message.slice(0, 80)}`)
    })
    expect(odd).toEqual([])
    expect(seen).toBeGreaterThan(2000)
  })

  test.each([
    [
      () => np.hstack([ones(2, 3), ones(3, 3)]),
      'np.hstack: shapes may differ along axis 1 only, got f32[2,3] and f32[3,3].',
    ],
    [() => np.vstack([ones(2), ones(3)]), 'np.vstack: shapes may differ along axis 0 only, got f32[1,2] and f32[1,3].'],
    [() => np.argmax(ones(0)), 'np.argmax of an empty axis has no value: operand f32[0], axis 0.'],
    [() => np.max(ones(0)), 'np.max of an empty axis has no value: operand f32[0], axes [0].'],
  ])('%s', (f, message) => {
    expect(f).toThrow(message)
  })
})

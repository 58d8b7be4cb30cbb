/** What layers are given by mistake, and would take without a word: shapes that broadcast, or that reshape into something else. */
import { expect, test } from 'vitest'
import { ArgumentError, np, PullbackError, ShapeError } from 'pullback'
import type { NDArray } from 'pullback'
import { layers } from 'pullback/models'

const ones = (...shape: readonly number[]): NDArray => np.ones(shape)
const whole = (...shape: readonly number[]): NDArray => np.zeros(shape, { dtype: 'int32' })
const heads = ones(2, 3, 4, 6)
const mask = (...shape: readonly number[]): NDArray => np.ones(shape, { dtype: 'bool' })
const rope = { headDim: 6, theta: 1e4, maxPositionEmbeddings: 8, scaling: { type: 'default' } } as const
const image = ones(2, 3, 4, 4)
const statistics = { running_mean: ones(3), running_var: ones(3) }
const run = { training: false, epsilon: 1e-5, momentum: 0.1 }

const mistakes: readonly (readonly [name: string, what: string, call: () => unknown])[] = [
  ['attend', 'a mask for other keys', () => layers.attend(heads, heads, heads, { mask: mask(3, 4) })],
  ['attend', 'a mask of one row too many', () => layers.attend(heads, heads, heads, { mask: mask(3, 1, 1, 3) })],
  ['attend', 'a bias of other heads', () => layers.attend(heads, heads, heads, { bias: ones(2, 3, 3) })],
  ['attend', 'values of another shape', () => layers.attend(heads, heads, ones(2, 3, 4, 5))],
  ['attend', 'keys of another batch', () => layers.attend(heads, ones(1, 3, 4, 6), ones(1, 3, 4, 6))],
  ['attend', 'heads that are not groups', () => layers.attend(heads, ones(2, 3, 3, 6), ones(2, 3, 3, 6))],
  ['applyLinear', 'a bias of one number', () => layers.applyLinear({ weight: ones(4, 6), bias: ones(1) }, ones(2, 6))],
  ['applyLinear', 'other features', () => layers.applyLinear({ weight: ones(4, 6), bias: null }, ones(2, 4))],
  [
    'applyLayerNorm',
    'a scale of one',
    () => layers.applyLayerNorm({ weight: ones(1), bias: ones(6) }, ones(2, 6), 1e-5),
  ],
  [
    'applyLayerNorm',
    'a shift of one',
    () => layers.applyLayerNorm({ weight: ones(6), bias: ones(1) }, ones(2, 6), 1e-5),
  ],
  ['applyRmsNorm', 'a scale of one', () => layers.applyRmsNorm({ weight: ones(1) }, ones(2, 6), 1e-5)],
  ['splitHeads', 'heads that do not divide', () => layers.splitHeads(ones(2, 3, 7), 2)],
  ['rotate', 'angles of one place', () => layers.rotate(heads, { cos: ones(1, 1, 1, 6), sin: ones(1, 1, 1, 6) })],
  ['rotate', 'angles of other sequences', () => layers.rotate(heads, { cos: ones(3, 3, 1, 6), sin: ones(3, 3, 1, 6) })],
  ['rotationAt', 'an odd head', () => layers.rotationAt({ ...rope, headDim: 5 }, whole(1, 3))],
  ['rotationAt', 'positions of one axis', () => layers.rotationAt(rope, whole(3))],
  ['paddingMask', 'one axis', () => layers.paddingMask([1, 1, 0])],
  ['segmentMask', 'one axis', () => layers.segmentMask([1, 1, 0])],
  ['segmentPositions', 'three axes', () => layers.segmentPositions(whole(1, 2, 3))],
  ['applyConv', 'a bias of one', () => layers.applyConv({ weight: ones(2, 3, 1, 1), bias: ones(1) }, image)],
  [
    'applyBatchNorm',
    'statistics of one channel',
    () =>
      layers.applyBatchNorm({ weight: ones(3), bias: ones(3) }, { ...statistics, running_var: ones(1) }, image, run),
  ],
]

test.each(mistakes)('%s: %s is a ShapeError that names it', (name, _, call) => {
  expect(call).toThrow(ShapeError)
  expect(call).toThrow(new RegExp(`^${name}: `))
})

test('inTurn: parts without states, and results that are not pairs', () => {
  const same = (_: number, state: number, x: NDArray) => [x, state] as const
  expect(() => layers.inTurn([1, 2], [3], ones(2), same)).toThrow(/inTurn: 2 parts have as many states, got 1/)
  const broken = (_: number, __: number, x: NDArray) => x as never
  expect(() => layers.inTurn([1], [3], ones(2), broken)).toThrow(ArgumentError)
})

test('masks of all shapes that broadcast are taken', () => {
  for (const shape of [[3], [3, 3], [1, 3], [4, 3, 3], [2, 1, 3, 3], [1, 1, 1, 3]]) {
    expect(layers.attend(heads, heads, heads, { mask: mask(...shape) }).shape).toEqual([2, 3, 24])
  }
})

test('every function refuses no arguments at all', () => {
  for (const [name, f] of Object.entries(layers)) {
    if (typeof f !== 'function' || ['paddingMask', 'makeDrop'].includes(name)) continue
    expect(f as () => unknown, name).toThrow(PullbackError)
  }
})

import * as fc from 'fast-check'
import type { NDArray } from 'pullback'
import { ArgumentError, grad, jit, makeProgram, np, optim, tree } from 'pullback'
import { quantize } from 'pullback/models'
import { combine, partition, select } from 'pullback/train'
import { describe, expect, test } from 'vitest'
import { begun, bert, close, inputIds } from './support/tiny.ts'

const params = begun(bert)
const names = tree.flattenWithPath(params)[0].map(([path]) => path.join('.'))

describe('globs of names', () => {
  test.each([
    ['bert.encoder.layer.{0,2}.**', (n: string) => /^bert\.encoder\.layer\.[02]\./.test(n)],
    ['bert.encoder.layer.{1..2}.**', (n: string) => /^bert\.encoder\.layer\.[12]\./.test(n)],
    ['**.bias', (n: string) => n.endsWith('.bias')],
    ['**', () => true],
    ['**.query.*', (n: string) => n.includes('.query.')],
    ['classifier.?????', (n: string) => n === 'classifier.?????'],
    ['classifier.????', (n: string) => n === 'classifier.bias'],
    ['!**.embeddings.**', (n: string) => !n.includes('.embeddings.')],
    ['**.*_embeddings.weight', (n: string) => n.endsWith('_embeddings.weight')],
  ])('%s', (glob, wanted) => {
    const expected = names.filter(wanted)
    if (expected.length === 0) expect(() => select(params, glob)).toThrow(ArgumentError)
    else expect(select(params, glob)).toEqual(expected)
  })

  test('`*` stays within a part, and a name fits whole or not at all', () => {
    const x = np.ones([1])
    expect(select({ a: { b: x }, ab: x, 'a.b': x }, 'a*')).toEqual(['ab'])
    expect(() => select({ a: { b: x } }, 'b')).toThrow(ArgumentError)
    // What means something in an expression means itself here.
    expect(select({ 'a+b': x, aab: x }, 'a+b')).toEqual(['a+b'])
  })

  test('`a.**` is a itself and all below it', () => {
    const x = np.ones([1])
    expect(select({ a: { b: x }, ab: x }, 'a.**')).toEqual(['a.b'])
    expect(select({ a: x, ab: x }, 'a.**')).toEqual(['a'])
  })
})

test('lists: each adds to those before it, and ! takes away', () => {
  expect(select(params, ['classifier.**', /pooler/, '!**.bias'])).toEqual([
    'bert.pooler.dense.weight',
    'classifier.weight',
  ])
  expect(select(params, ['!**.bias', '!**.LayerNorm.*', 'classifier.bias']).filter((n) => n.endsWith('bias'))).toEqual([
    'classifier.bias',
  ])
  expect(select(params, (leaf, name) => leaf.shape.length === 1 && name.startsWith('classifier'))).toEqual([
    'classifier.bias',
  ])
  // A RegExp that remembers where it stopped is asked anew of each name.
  expect(select(params, /classifier/g)).toEqual(['classifier.bias', 'classifier.weight'])
})

test('a predicate gives true or false', () => {
  expect(() => select(params, (() => undefined) as never)).toThrow(/must give true or false/)
})

describe('partition and combine', () => {
  const selections = fc.subarray(names, { minLength: 1 })

  test('what is taken apart is put together again, leaf by leaf', () => {
    fc.assert(
      fc.property(selections, (chosen) => {
        const [trained, frozen] = partition(params, (_, name) => chosen.includes(name))
        expect(tree.leaves(trained as never)).toHaveLength(chosen.length)
        expect(tree.leaves(frozen as never)).toHaveLength(names.length - chosen.length)
        const again = tree.leaves(combine(trained, frozen))
        expect(again.every((leaf, i) => Object.is(leaf, tree.leaves(params)[i]))).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  test('a quantised matrix is one leaf: frozen whole, and never trained', () => {
    const mixed = quantize({ model: { q_proj: { weight: np.ones([4, 64]) } }, norm: np.ones([64]) } as never, {
      kind: 'q8_0',
    }) as unknown
    const [trained, frozen] = partition(mixed, 'norm')
    expect(tree.structure(combine(trained, frozen)).equals(tree.structure(mixed))).toBe(true)
    expect(() => partition(mixed, '**')).toThrow(/model\.q_proj\.weight cannot be trained, as it is quantised/)
  })

  test('integers have no derivatives', () => {
    const given = { ids: np.arange(3), w: np.ones([2]) }
    expect(() => partition(given, '**')).toThrow(/ids cannot be trained/)
    expect(partition(given, 'w')[1].ids).toBe(given.ids)
  })

  test('trees that are not parts of one are told apart', () => {
    const [trained] = partition({ a: np.ones([1]), b: np.ones([1]) }, 'a')
    expect(() => combine(trained, { a: null } as never)).toThrow(/combine/)
  })
})

describe('what is frozen', () => {
  const layers = Array.from({ length: 4 }, (_, i) => ({ weight: np.full([5, 5], 0.1 * (i + 1)) }))
  const x = np.ones([3, 5])
  const loss = (given: typeof layers): NDArray =>
    np.sum(np.square(given.reduce((y, { weight }) => np.tanh(np.matmul(y, weight)), x)))
  const gradientOf = (selection: string) => {
    const [trained, frozen] = partition(layers, selection)
    const f = (part: typeof trained): NDArray => loss(combine(part, frozen))
    return { trained, f, program: makeProgram(grad(f) as never)(trained as never) }
  }
  const products = (selection: string): number =>
    gradientOf(selection).program.equations.filter(({ op }) => op === 'dotGeneral').length

  test.each([
    // Forward 4; backward one for each trained weight, and one for each activation on the way down to it.
    ['3.weight', 4 + 1],
    ['2.weight', 4 + 1 + 1],
    ['{2,3}.weight', 4 + 2 + 1],
    ['0.weight', 4 + 1 + 3],
    ['**', 4 + 4 + 3],
  ])('is not differentiated: %s costs %i products', (selection, wanted) => {
    expect(products(selection)).toBe(wanted)
  })

  test('has no gradient, no slots, and changes nothing of the gradients of the others', () => {
    const { trained, f } = gradientOf('{1,3}.weight')
    const whole = grad(loss)(layers)
    for (const gradients of [grad(f as never)(trained as never), jit(grad(f as never))(trained as never)] as never[]) {
      const [first, second] = tree.leaves(gradients) as readonly NDArray[]
      close('layer 1', first!, whole[1]!.weight)
      close('layer 3', second!, whole[3]!.weight)
      expect(tree.leaves(gradients)).toHaveLength(2)
    }
    const state = optim.adamw(1e-3).init(trained)
    // Two moments for each of two leaves, and the count of steps.
    const sizes = tree.leaves(state as never).map((leaf: NDArray) => leaf.size)
    expect(sizes.filter((size) => size === 25)).toHaveLength(4)
    expect(sizes.reduce((a, b) => a + b)).toBeLessThanOrEqual(4 * 25 + 3)
  })

  test('of a model: the loss of a head does not go back into the body', () => {
    const [trained, frozen] = partition(params, 'classifier.**')
    const run = (part: typeof trained): NDArray =>
      np.sum(np.square(bert.apply(combine(part, frozen), { inputIds }).logits))
    const count = (program: { readonly equations: readonly { readonly op: string }[] }): number =>
      program.equations.filter(({ op }) => op === 'dotGeneral').length
    const forward = makeProgram(run as never)(trained as never)
    const both = makeProgram(grad(run as never))(trained as never)
    expect(count(both)).toBe(count(forward) + 1)
  })
})

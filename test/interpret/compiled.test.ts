import { afterEach, expect, test, vi } from 'vitest'
import { grad, jit, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import { influence, integratedGradients, pgd, smoothGrad, tracIn } from 'pullback/interpret'
import { compiled } from '../../src/interpret/compiled.ts'

// Of more than a megabyte: jit would warn that it becomes part of the program.
const weights = random.normal(random.key(0), [600, 600])
const score = (x: NDArray): NDArray => np.mean(np.sin(np.matmul(x, weights)))
const x = random.normal(random.key(1), [2, 600])

afterEach(() => vi.restoreAllMocks())

test('functions that are explained may close over a model: it is not copied into a program', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  integratedGradients(score, x, { steps: 2 })
  smoothGrad(score, x, { key: random.key(2), samples: 2 })
  pgd(score, x, { epsilon: 0.1, steps: 2 })
  const loss = (p: NDArray, rows: NDArray): NDArray => np.mean(np.square(np.matmul(np.matmul(rows, weights), p)))
  const p = np.ones([600])
  tracIn(loss, [{ params: p }], { train: x, test: x })
  influence(loss, p, { train: x, test: x }, { iterations: 2 })
  expect(warn).not.toHaveBeenCalled()
  jit(score)(x)
  expect(warn).toHaveBeenCalled()
})

test('it is the function, for each kind of arguments, and inside of other transformations', () => {
  const f = compiled('f', (a: NDArray, b: { readonly c: NDArray }) => ({
    d: np.add(np.multiply(a, b.c), weights.at(0, 0).get()),
  }))
  const plain = (a: NDArray, c: NDArray): NDArray => np.add(np.multiply(a, c), weights.at(0, 0).get())
  for (const shape of [[3], [2, 3], [3]]) {
    const [a, c] = [random.normal(random.key(3), shape), random.normal(random.key(4), shape)]
    expect(np.allclose(f(a, { c }).d, plain(a, c)).bool()).toBe(true)
  }
  // What is closed over may be a value of a transformation outside.
  const outer = (w: NDArray): NDArray => np.sum(compiled('g', (a: NDArray) => np.multiply(a, w))(np.array([1, 2])))
  expect(grad(outer)(np.array(3)).item()).toBe(3)
  expect(jit((w: NDArray) => grad(outer)(w))(np.array(3)).item()).toBe(3)
})

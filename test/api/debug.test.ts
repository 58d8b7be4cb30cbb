/** Debug switches: the first NaN or infinity, and keys that are used twice. */
import { debug, grad, jit, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import { afterEach, describe, expect, it } from 'vitest'

describe('debug switches', () => {
  afterEach(() => {
    debug.nans(false)
    debug.infs(false)
    debug.keyReuse(false)
  })

  it('nans: the operation that first gives one raises, with the line', () => {
    debug.nans(true)
    expect(() => np.log(np.array(-1))).toThrow(
      expect.objectContaining({
        name: 'NonFiniteError',
        message: expect.stringMatching(/log .*NaN at .*debug\.test\.ts:\d+/) as string,
      }),
    )
    expect(np.log(np.array(0)).item()).toBe(-Infinity)
  })

  it('nans: in compiled functions too, with the line of the operation', () => {
    const f = jit((x: NDArray) => np.sqrt(x).add(1))
    debug.nans(true)
    expect(f(np.array(4)).item()).toBe(3)
    expect(() => f(np.array(-4))).toThrow(/sqrt .*NaN at .*debug\.test\.ts:\d+/)
  })

  it('nans: in gradients', () => {
    debug.nans(true)
    expect(() => grad((x: NDArray) => np.where(np.greater(x, 0), np.sqrt(x), 0))(np.array(-1))).toThrow(/sqrt/)
  })

  it('infs', () => {
    debug.infs(true)
    expect(() => np.divide(1, np.array(0))).toThrow(expect.objectContaining({ name: 'NonFiniteError' }))
    expect(np.log(np.array(-1)).item()).toBeNaN()
  })

  it('keyReuse: a key is consumed once', () => {
    debug.keyReuse(true)
    const key = random.key(0)
    random.normal(key, [2])
    expect(() => random.uniform(key, [2])).toThrow(
      expect.objectContaining({
        name: 'KeyReuseError',
        message: expect.stringMatching(/random\.uniform.*random\.normal.*split/) as string,
      }),
    )
    const [a, b] = random.split(random.key(1))
    expect(() => [random.normal(a, []), random.normal(b, [])]).not.toThrow()
    expect(() => random.normal(random.clone(key), [])).not.toThrow()
  })
})

import { debug, grad, jit, lax, np, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { assertAllClose } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { withBackend } from '../../src/runtime/backend.ts'
import { devices, wasmDevice, withDevice } from '../../src/runtime/devices.ts'
import type { ConcreteBody } from '../../src/trace/body.ts'

const isResident = (x: NDArray): boolean => (x.body as ConcreteBody).isResident

const device = wasmDevice({ threads: 1, guards: true })

const large = random.normal(random.key(0), [200, 100])
const square = random.normal(random.key(1), [100, 100])

const eager: Readonly<Record<string, () => NDArray>> = {
  elementwise: () => np.add(np.multiply(large, 2), 1),
  creation: () => np.zeros([200, 100]),
  movement: () => np.transpose(large),
  contraction: () => np.matmul(large, square),
  'small contraction': () => np.matmul(square.at(np.slice(0, 50)).get(), square),
  'running sum': () => np.cumsum(large),
  'control flow': () => lax.scan((c: NDArray, x: NDArray) => [c.add(x), c] as const, np.zeros([100]), large)[1],
}

describe('large operations outside of programs', () => {
  it.each(Object.keys(eager))('run on the device: %s', (name) => {
    const expected = withDevice('interpreter', eager[name]!)
    const result = withBackend(device, eager[name]!)
    assertAllClose(name, [result], [expected])
    expect(isResident(expected)).toBe(false)
    expect(isResident(result)).toBe(true)
  })

  it('go where their operands are, and are left alone when small', () => {
    withBackend(device, () => {
      const x = np.multiply(large, 2)
      const row = x.at(3).get()
      expect(isResident(x)).toBe(true)
      assertAllClose('a row', [row], [large.at(3).get().mul(2)])
      const before = device.programs
      row.add(row)
      expect(device.programs).toBe(before)
    })
  })

  it('are evaluated in ordinary memory where they have no kernel', () => {
    const factor = (): NDArray => np.linalg.cholesky(np.matmul(square.T, square).add(np.eye(100).mul(100)))
    const expected = withDevice('interpreter', factor)
    assertAllClose('cholesky', [withBackend(device, factor)], [expected], { rtol: 1e-4 })
  })

  it('are compiled once for operands of one type', () => {
    withBackend(device, () => {
      np.exp(large)
      const before = device.programs
      np.exp(np.exp(large))
      expect(device.programs).toBe(before)
    })
  })

  it('keep callbacks on the host, without compiling anew', () => {
    withBackend(device, () => {
      const before = device.programs
      let calls = 0
      for (let i = 0; i < 3; i++) {
        const count = (c: NDArray, x: NDArray) => {
          debug.callback(() => calls++)
          return [c.add(x), c] as const
        }
        lax.scan(count, np.zeros([100]), large)
      }
      expect(calls).toBe(600)
      expect(device.programs - before).toBeLessThan(3)
    })
  })
})

describe('a training loop', () => {
  const params = { w: np.ones([100, 50]), b: np.zeros([50]) }
  const loss = (p: typeof params, x: NDArray): NDArray => np.mean(np.square(np.tanh(np.matmul(x, p.w).add(p.b))))
  const update = (p: typeof params, x: NDArray) => {
    const g = grad(loss)(p, x)
    return tree.map((a: NDArray, b: NDArray) => a.sub(b.mul(0.1)), p, g)
  }

  it('gives what the interpreter gives, in bounded memory, with and without donation', () => {
    const run = (steps: number, options: { donateArgnums?: number }): typeof params => {
      const step = jit(update, options)
      let p = tree.map((x: NDArray) => x.add(0), params)
      for (let i = 0; i < steps; i++) p = step(p, large)
      return p
    }
    const expected = withDevice('interpreter', () => run(5, {}))
    const small = wasmDevice({ threads: 1, softLimit: 2 ** 20 })
    withBackend(small, () => {
      assertAllClose('kept', [run(5, {}).w], [expected.w])
      assertAllClose('donated', [run(5, { donateArgnums: 0 }).w], [expected.w])
      run(500, {})
      expect(small.memory.arrays).toBeLessThanOrEqual(2 ** 20)
      const { used } = small.memory
      run(500, { donateArgnums: 0 })
      expect(small.memory.used).toBeLessThanOrEqual(used + 200_000)
    })
  })
})

describe('withDevice', () => {
  it('takes a device or its name, and restores the one before', () => {
    expect(devices().map((d) => d.name)).toEqual(['wasm', 'interpreter'])
    const f = jit((x: NDArray) => x.add(1))
    const x = np.zeros([5000])
    for (const d of ['wasm', 'interpreter', ...devices()] as const) {
      expect(isResident(withDevice(d, () => f(x)))).toBe(d === 'wasm' || (typeof d === 'object' && d.name === 'wasm'))
    }
    expect(() => withDevice('gpu' as 'wasm', () => 0)).toThrow(
      expect.objectContaining({
        name: 'ArgumentError',
        message: expect.stringContaining('wasm, interpreter') as string,
      }),
    )
    expect(() =>
      withDevice('wasm', () => {
        throw new Error('on purpose')
      }),
    ).toThrow('on purpose')
    expect(withDevice('interpreter', () => isResident(f(x)))).toBe(false)
  })

  it('leaves the search for the first NaN to the interpreter', () => {
    debug.nans(true)
    try {
      expect(() => withDevice('wasm', () => jit((x: NDArray) => np.log(x.mul(-1)))(np.ones([5000])))).toThrow(
        expect.objectContaining({ name: 'NonFiniteError' }),
      )
    } finally {
      debug.nans(false)
    }
  })
})

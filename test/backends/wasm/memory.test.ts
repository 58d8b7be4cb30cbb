import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { grad, jit, np, pureCallback, ShapeDtypeStruct } from 'pullback'
import type { NDArray } from 'pullback'
import { describe, expect, it } from 'vitest'
import type { DeviceOptions } from '../../../src/backends/wasm/device.ts'
import { WasmDevice } from '../../../src/backends/wasm/device.ts'
import type { ConcreteBody } from '../../../src/trace/body.ts'
import { Aval } from '../../../src/core/aval.ts'
import { handedOver } from '../../../src/trace/value.ts'
import { withBackend } from '../../../src/runtime/backend.ts'
import { hold } from '../../../src/runtime/hold.ts'
import { compileForHost } from './support/hostCompiler.ts'

const MB = 2 ** 20

/** Runs `f` on a device of its own, which evaluates equations on the host but keeps arrays in its memory. */
const onDevice = (options: DeviceOptions, f: (device: WasmDevice) => void): void => {
  const device = new WasmDevice(compileForHost, { threads: 1, guards: true, ...options })
  withBackend(device, () => {
    f(device)
  })
  device.dispose()
}

const isResident = (x: NDArray): boolean => (x.body as ConcreteBody).isResident

/** The values in an array, each once. */
const valuesOf = (x: NDArray): (number | bigint)[] => [...new Set(Array.from<number | bigint>(x.dataSync()))]

const double = jit((x: NDArray) => x.mul(2))
const increment = jit((x: NDArray) => x.add(1))

/** Lets finalisers run. */
const nextJob = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, 0)
  })

describe('residency', () => {
  it('keeps large results in the device, small ones in ordinary memory', () => {
    onDevice({}, (device) => {
      const small = double(np.ones([1024]))
      const large = double(np.ones([1025]))
      expect([isResident(small), isResident(large)]).toEqual([false, true])
      expect(device.memory.count).toBe(2)
      expect(large.dataSync()).toEqual(new Float32Array(1025).fill(2))
      expect(isResident(large)).toBe(true)
      expect(large.at(3).get().item()).toBe(2)
    })
  })

  it('takes what is handed over for its own, which survives reading and eviction', () => {
    onDevice({ softLimit: MB }, () => {
      const data = Float32Array.from({ length: 5000 }, (_, i) => i)
      const x = handedOver(new Aval('float32', [5000]), data)
      expect(isResident(x)).toBe(false)
      const twice = double(x)
      expect(isResident(x)).toBe(true)
      // Enough to evict it.
      for (let i = 0; i < 60; i++) double(np.ones([10_000]))
      expect(double(x).dataSync()).toEqual(twice.dataSync())
      expect(x.dataSync()).toEqual(data)
    })
  })

  it('holds weights before a program runs, beside what its limit is for', () => {
    onDevice({ softLimit: 2 * MB }, (device) => {
      const [aval, data] = [new Aval('float32', [MB / 2]), new Float32Array(MB / 2).fill(3)]
      const weights = Array.from({ length: 3 }, () => handedOver(aval, data))
      weights.forEach(hold)
      expect(weights.map(isResident)).toEqual([true, true, true])
      expect(device.memory).toMatchObject({ count: 3, arrays: 6 * MB, limit: 8 * MB })
      // Neither twice, nor what was not handed over, nor what is small.
      hold(weights[0]!)
      for (const x of [np.ones([5000]), handedOver(new Aval('float32', [1024]), new Float32Array(1024))]) {
        hold(x)
        expect(isResident(x)).toBe(false)
      }
      expect(device.memory.count).toBe(3)
      weights[2]!.donate()
      expect(device.memory).toMatchObject({ count: 2, arrays: 4 * MB, limit: 6 * MB })
      expect(weights.slice(0, 2).map((x) => double(x).at(7).get().item())).toEqual([6, 6])
    })
  })

  it('leaves in ordinary memory what there is no room for', () => {
    onDevice({ maxBytes: 4 * MB, softLimit: 2 * MB }, () => {
      const aval = new Aval('float32', [MB / 4])
      const weights = Array.from({ length: 6 }, (_, i) => handedOver(aval, new Float32Array(MB / 4).fill(i)))
      weights.forEach(hold)
      const resident = weights.filter(isResident).length
      expect(resident).toBeGreaterThan(0)
      expect(resident).toBeLessThan(6)
      expect(weights.map((x) => double(x).at(7).get().item())).toEqual([0, 2, 4, 6, 8, 10])
    })
  })

  it('copies an input in once, and a result never', () => {
    onDevice({}, (device) => {
      const x = np.ones([5000])
      double(x)
      const { count } = device.memory
      const y = double(x)
      expect(device.memory.count).toBe(count + 1)
      const z = double(y)
      expect(device.memory.count).toBe(count + 2)
      expect(z.item.bind(z)).toThrow()
      expect(z.sum().item()).toBe(20000)
    })
  })

  it('holds all dtypes, ranks and sizes', () => {
    const dtypes = ['float32', 'float64', 'int32', 'uint32', 'bool', 'int8', 'uint8', 'int64', 'float16'] as const
    const same = jit((x: NDArray) => np.concatenate([x, x]))
    onDevice({}, () => {
      fc.assert(
        fc.property(fc.constantFrom(...dtypes), fc.constantFrom(0, 1, 3, 100, 1500, 5000), (dtype, n) => {
          const x = np.arange(n).astype(dtype)
          const once = same(x)
          const twice = same(once)
          const expected = x.toArray() as number[]
          expect(once.toArray()).toEqual([...expected, ...expected])
          expect(twice.toArray()).toEqual([...expected, ...expected, ...expected, ...expected])
        }),
      )
    })
  })

  it('gives inputs and constants back as results', () => {
    const constant = np.arange(3000)
    const f = jit((x: NDArray, y: NDArray) => ({ y, twice: [x, x.add(1), x], constant }))
    onDevice({}, (device) => {
      const x = np.ones([2000])
      const y = np.ones([2])
      const first = f(x, y)
      const second = f(first.twice[1], y)
      expect(second.twice[2].sum().item()).toBe(4000)
      expect(second.twice[1].sum().item()).toBe(6000)
      expect(second.constant.toArray()).toEqual(constant.toArray())
      expect(second.y.toArray()).toEqual([1, 1])
      expect(device.memory.arrays).toBe(3 * 8000)
    })
  })

  it('works under other transformations', () => {
    onDevice({}, () => {
      const loss = jit((x: NDArray) => np.sum(np.square(x)))
      const x = double(np.ones([3000]))
      expect(grad(loss)(x).toArray()).toEqual(new Array(3000).fill(4))
      expect(jit(grad(loss))(x).toArray()).toEqual(new Array(3000).fill(4))
    })
  })

  it('hands arrays from one device to another', () => {
    onDevice({}, (one) => {
      onDevice({}, (other) => {
        const y = withBackend(one, () => double(np.ones([2000])))
        const z = double(y)
        expect(z.sum().item()).toBe(8000)
        expect(other.memory.count).toBe(2)
        expect(withBackend(one, () => double(y).sum().item())).toBe(8000)
      })
    })
  })

  it('gives blocks of dead arrays back', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const device = new WasmDevice(compileForHost, { threads: 1, guards: true })
    const kept = withBackend(device, () => {
      for (let i = 0; i < 100; i++) double(np.ones([2000]))
      return double(np.ones([2000]))
    })
    expect(device.memory.count).toBe(202)
    for (let i = 0; i < 50 && device.memory.count > 3; i++) {
      await nextJob()
      collect()
    }
    expect(device.memory.count).toBeLessThanOrEqual(3)
    expect(kept.sum().item()).toBe(4000)
  })

  it('keeps neither the arrays that a function was traced for, nor those that it made for its constants', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const device = new WasmDevice(compileForHost, { threads: 1, guards: true })
    const made: WeakRef<NDArray>[] = []
    const f = jit((x: NDArray) => {
      const weights = np.array(new Float32Array(2000).fill(2))
      made.push(new WeakRef(weights))
      return x.mul(weights).sum()
    })
    const total = (): number => withBackend(device, () => f(np.ones([2000])).item())
    expect(total()).toBe(4000)
    expect(device.memory.count).toBe(1)
    for (let i = 0; i < 50 && (device.memory.count > 0 || made[0]!.deref() !== undefined); i++) {
      await nextJob()
      collect()
    }
    expect(device.memory.count).toBe(0)
    expect(made.map((w) => w.deref())).toEqual([undefined])
    expect(total()).toBe(4000)
  })
})

describe('donation', () => {
  it('gives memory back at once, and forbids the array', () => {
    const step = jit((x: NDArray) => x.add(1), { donateArgnums: 0 })
    onDevice({}, (device) => {
      let x = double(np.ones([5000]))
      const { used } = device.memory
      const first = x
      for (let i = 0; i < 100; i++) x = step(x)
      expect(device.memory.used - used).toBeLessThan(100_000)
      expect(() => first.add(1)).toThrow(expect.objectContaining({ name: 'DonatedError' }))
      expect(() => first.dataSync()).toThrow(expect.objectContaining({ name: 'DonatedError' }))
      expect(() => step(first)).toThrow(expect.objectContaining({ name: 'DonatedError' }))
      expect(x.sum().item()).toBe(5000 * 102)
    })
  })

  it('leaves what shares elements with a donated array alone', () => {
    const same = jit((x: NDArray) => x)
    const keep = jit((x: NDArray) => [x, x.sum()] as const, { donateArgnums: 0 })
    onDevice({}, () => {
      const x = double(np.ones([5000]))
      const y = same(x)
      const [z, total] = keep(x)
      expect([total.item(), y.sum().item(), z.sum().item()]).toEqual([10000, 10000, 10000])
      expect(() => x.sum()).toThrow(expect.objectContaining({ name: 'DonatedError' }))
    })
  })

  it('waits for calls in progress', () => {
    const take = jit((x: NDArray) => x.sum(), { donateArgnums: 0 })
    onDevice({}, (device) => {
      const x = double(np.ones([5000]))
      const { count } = device.memory
      const inner = (y: NDArray): NDArray => {
        take(x)
        for (let i = 0; i < 10; i++) double(np.zeros([5000]))
        return y
      }
      const outer = jit((a: NDArray, b: NDArray) => {
        const z = pureCallback(inner, new ShapeDtypeStruct([2], 'float32'), b)
        return a.add(z.sum())
      })
      expect(
        outer(x, np.ones([2]))
          .sum()
          .item(),
      ).toBe(5000 * 4)
      expect(device.memory.count).toBe(count + 20)
    })
  })
})

describe('eviction', () => {
  it('keeps values, whatever is evicted', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { minLength: 1, maxLength: 60 }), (uses) => {
        onDevice({ softLimit: 50_000 }, (device) => {
          const arrays = Array.from({ length: 8 }, (_, i) => double(np.full([1500 + i], i)))
          const values = arrays.map((_, i) => 2 * i)
          for (const use of uses) {
            const i = use % arrays.length
            arrays[i] = increment(arrays[i]!)
            values[i]!++
          }
          arrays.forEach((x, i) => {
            expect(valuesOf(x)).toEqual([values[i]])
          })
          expect(device.memory.arrays).toBeLessThanOrEqual(device.memory.limit)
        })
      }),
      { numRuns: 30 },
    )
  })

  it('bounds the memory of a synchronous loop', () => {
    onDevice({ softLimit: MB, guards: false }, (device) => {
      let x = double(np.ones([2048]))
      for (let i = 0; i < 30_000; i++) x = increment(x)
      expect(device.memory.arrays).toBeLessThanOrEqual(MB)
      expect(device.memory.limit).toBe(MB)
      expect(device.memory.used).toBeLessThan(1.2 * MB)
      expect(x.at(0).get().item()).toBe(30_002)
    })
  })

  it('raises the limit where more is in use', () => {
    onDevice({ softLimit: MB }, (device) => {
      let xs = Array.from({ length: 40 }, () => double(np.ones([16_384])))
      const step = jit((arrays: readonly NDArray[]) => arrays.map((x) => x.add(1)), { donateArgnums: 0 })
      for (let i = 0; i < 5; i++) xs = step(xs)
      expect(device.memory.limit).toBeGreaterThan(40 * 65_536)
      const { limit } = device.memory
      for (let i = 0; i < 5; i++) xs = step(xs)
      expect(device.memory.limit).toBe(limit)
      expect(xs[39]!.sum().item()).toBe(16_384 * 12)
    })
  })

  it('makes room when the memory itself is full', () => {
    onDevice({ maxBytes: 4 * MB }, (device) => {
      const arrays = Array.from({ length: 100 }, (_, i) => double(np.full([20_000], i)))
      arrays.forEach((x, i) => {
        expect(x.at(19_999).get().item()).toBe(2 * i)
      })
      expect(device.memory.used).toBeLessThanOrEqual(4 * MB)
    })
  })
})

describe('running out of memory', () => {
  it('names the program and what it needs, and harms nothing', () => {
    onDevice({ maxBytes: 4 * MB }, (device) => {
      const x = double(np.ones([100_000]))
      const widen = jit(function widen(y: NDArray) {
        return np.sum(np.outer(y, y))
      })
      const { used, count } = device.memory
      for (let i = 0; i < 3; i++) {
        expect(() => widen(np.ones([2000]))).toThrow(
          expect.objectContaining({
            name: 'OutOfMemoryError',
            message: expect.stringMatching(/^widen needs .* MB/) as string,
          }),
        )
      }
      expect(device.memory.used).toBeLessThanOrEqual(used)
      expect(device.memory.count).toBeLessThanOrEqual(count)
      expect(double(x).sum().item()).toBe(400_000)
      expect(widen(np.ones([20])).item()).toBe(400)
    })
  })

  it('gives back what a failed call had taken', () => {
    const fails = jit((x: NDArray) => {
      const y = pureCallback(
        () => {
          throw new Error('on purpose')
        },
        new ShapeDtypeStruct([5000], 'float32'),
        x,
      )
      return [y.add(x), x.mul(y)] as const
    })
    onDevice({}, (device) => {
      const x = double(np.ones([5000]))
      expect(() => fails(x)).toThrow('on purpose')
      const { used } = device.memory
      for (let i = 0; i < 10; i++) expect(() => fails(x)).toThrow('on purpose')
      expect(device.memory.used).toBe(used)
      expect(double(x).sum().item()).toBe(20_000)
    })
  })
})

describe('calls within calls', () => {
  it('have frames of their own, and may be of the same program', () => {
    const depth = 5
    const f: (x: NDArray, n: NDArray) => NDArray = jit((x: NDArray, n: NDArray) => {
      const below = pureCallback(
        (y: NDArray, m: NDArray) => (m.item() === 0 ? y : f(y.add(1), m.sub(1))),
        new ShapeDtypeStruct(x.shape, 'float32'),
        x,
        n,
      )
      return below.add(x)
    })
    onDevice({}, () => {
      for (const size of [3, 3000]) {
        const result = f(np.zeros([size]), np.array(depth, { dtype: 'int32' }))
        // Σ k for k up to 5, and the innermost x once more.
        expect(valuesOf(result)).toEqual([20])
      }
    })
  })

  it('survive that their program is dropped', () => {
    onDevice({}, (device) => {
      const f = jit((x: NDArray) => {
        const y = pureCallback(
          (z: NDArray) => {
            for (let i = 1; i < 600; i++) double(np.zeros([i]))
            return z
          },
          new ShapeDtypeStruct([3], 'float32'),
          x,
        )
        return y.add(np.array([1, 2, 3]))
      })
      expect(f(np.zeros([3])).toArray()).toEqual([1, 2, 3])
      expect(device.programs).toBeLessThanOrEqual(512)
      expect(f(np.zeros([3])).toArray()).toEqual([1, 2, 3])
    })
  })
})

describe('compiled programs', () => {
  it('are shared by equal programs', () => {
    onDevice({}, (device) => {
      const make = (k: number) =>
        jit((x: NDArray) =>
          np
            .sin(x)
            .mul(k)
            .add(np.array([1, k])),
        )
      for (let i = 0; i < 5; i++) make(3)(np.ones([2]))
      expect(device.programs).toBe(1)
      make(4)(np.ones([2]))
      expect(device.programs).toBe(2)
    })
  })

  it('do not pile up with 10,000 shapes', () => {
    onDevice({ guards: false, softLimit: MB }, (device) => {
      const f = jit((x: NDArray) => x.add(np.array([1])))
      for (let n = 1; n <= 10_000; n++) f(np.zeros([n % 100, Math.ceil(n / 100)]))
      expect(device.programs).toBeLessThanOrEqual(512)
      expect(device.memory.used).toBeLessThan(1.3 * MB)
    })
  })
})

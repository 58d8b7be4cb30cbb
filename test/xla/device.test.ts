/** What `conforms` cannot see of XLA: where arrays are, donation, the host's part, errors, waiting, memory. */
import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NDArray } from 'pullback'
import {
  blockUntilReady,
  devicePut,
  devices,
  explain,
  grad,
  jit,
  lax,
  nn,
  np,
  optim,
  pureCallback,
  random,
  setCompilationCacheDir,
  ShapeDtypeStruct,
  tree,
  valueAndGrad,
  vmap,
  withDevice,
} from 'pullback'
import { describe, expect, it } from 'vitest'
import { device, title } from './support/device.ts'

const on = <T>(f: () => T): T => withDevice(device!, f)
const numbers = (x: NDArray): readonly number[] => Array.from(x.dataSync() as Float32Array)

describe.skipIf(device === null)(`a device of XLA${title}`, () => {
  it('is among the devices, and known by its name', () => {
    expect(devices().map(({ name }) => name)).toContain('xla')
    const f = jit((x: NDArray) => x.mul(2))
    const y = withDevice('xla', () => f(np.ones([3])))
    expect(y.device?.name).toBe('xla')
    expect(numbers(y)).toEqual([2, 2, 2])
  })

  it('leaves results where they are, and takes arguments from there', () => {
    const f = jit((x: NDArray) => np.sin(x))
    const x = on(() => devicePut(np.ones([1000]), device!))
    const before = device!.memory.count
    const y = on(() => f(f(x)))
    // The result, and the one on the way, which nobody has given back yet.
    expect(device!.memory.count).toBe(before + 2)
    expect(numbers(y)[0]).toBeCloseTo(Math.sin(Math.sin(1)), 6)
  })

  it('gives the memory of donated arguments to results', () => {
    const step = jit((w: NDArray, g: NDArray) => w.sub(g.mul(0.5)), { donateArgnums: 0 })
    const g = np.ones([64, 64])
    let w = on(() => devicePut(np.zeros([64, 64]), device!))
    const first = w
    on(() => {
      w = step(w, g)
    })
    const { arrays, count } = device!.memory
    on(() => {
      for (let i = 0; i < 20; i++) w = step(w, g)
    })
    expect(device!.memory).toEqual({ arrays, count })
    expect(numbers(w)[0]).toBe(-10.5)
    expect(() => first.dataSync()).toThrow(/donated/)
  })

  it('keeps a donated argument that is handed over twice, or returned', () => {
    const f = jit((a: NDArray, b: NDArray) => [a.add(b), a], { donateArgnums: [0, 1] })
    const x = np.array([1, 2, 3])
    const [sum, same] = on(() => f(x, x))
    expect(numbers(sum)).toEqual([2, 4, 6])
    expect(numbers(same)).toEqual([1, 2, 3])
  })

  it('trains as the interpreter does', () => {
    const model = nn.sequential(nn.linear(8, 16), nn.relu, nn.linear(16, 4))
    const optimizer = optim.adam(1e-2)
    const x = random.normal(random.key(1), [10, 8])
    const y = nn.oneHot(random.randint(random.key(2), [10], 0, 4), 4)
    const start = model.init(random.key(0))
    type Params = typeof start
    const loss = (p: Params): NDArray => np.mean(optim.softmaxCrossEntropy(model.apply(p, x), y))
    const train = (name: 'xla' | 'interpreter'): readonly number[] =>
      withDevice(name, () => {
        let [p, s] = [start, optimizer.init(start)]
        const step = jit((q: Params, t: typeof s) => {
          const [l, g] = valueAndGrad(loss)(q)
          const [u, n] = optimizer.update(g, t, q)
          return [optim.applyUpdates(q, u), n, l] as const
        })
        return Array.from({ length: 5 }, () => {
          const [q, t, l] = step(p, s)
          ;[p, s] = [q, t]
          return l.item()
        })
      })
    const wanted = train('interpreter')
    train('xla').forEach((l, i) => {
      expect(l).toBeCloseTo(wanted[i]!, 5)
    })
  })

  it('waits without blocking, and reads at once too', async () => {
    const f = jit((x: NDArray) =>
      lax.foriLoop(0, 200, (_i: NDArray, c: NDArray) => np.tanh(np.add(np.matmul(c, c), 1)), x),
    )
    const y = on(() => f(np.eye(128)))
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await blockUntilReady(y)
    clearInterval(timer)
    expect(turns).toBeGreaterThan(0)
    const [a, b] = await Promise.all([y.data(), y.data()])
    expect(a).toEqual(b)
    expect(np.trace(y).item()).toBeGreaterThan(0)
  })

  it('reads what was there when it was asked, though the array is donated meanwhile', async () => {
    const step = jit((w: NDArray) => w.add(1), { donateArgnums: 0 })
    const w = on(() => devicePut(np.zeros([100_000]), device!))
    const reading = w.data()
    const next = on(() => step(w))
    expect((await reading)[7]).toBe(0)
    expect((await next.data())[7]).toBe(1)
  })

  it('stops for functions of this process, in order, also in loops', () => {
    const seen: number[] = []
    const half = (x: NDArray): NDArray => {
      seen.push(x.at(0).get().item())
      return x.div(2)
    }
    const call = (x: NDArray): NDArray => pureCallback(half, new ShapeDtypeStruct([2], 'float32'), x)
    const f = jit((x: NDArray) => {
      const once = call(np.multiply(x, 8))
      const looped = lax.foriLoop(0, 2, (_i: NDArray, c: NDArray) => call(c), once.add(0))
      return np.add(looped, once)
    })
    const y = on(() => f(np.ones([2])))
    expect(numbers(y)).toEqual([5, 5])
    expect(seen).toEqual([8, 4, 2])
  })

  it('passes what a function of this process throws on, and gives everything back', () => {
    const bad = (): NDArray => {
      throw new Error('no more')
    }
    const f = jit((x: NDArray) => pureCallback(bad, new ShapeDtypeStruct([2], 'float32'), np.sin(x)))
    const x = on(() => devicePut(np.ones([2]), device!))
    const before = device!.memory
    expect(() => on(() => f(x))).toThrow(/no more/)
    expect(device!.memory).toEqual(before)
  })

  it('has derivatives and batches', () => {
    const f = (x: NDArray): NDArray => np.sum(np.sort(np.multiply(x, x)))
    const x = np.array([3, 1, 2])
    expect(numbers(on(() => jit(grad(f))(x)))).toEqual([6, 2, 4])
    expect(numbers(on(() => jit(vmap(f))(np.stack([x, x]))))).toEqual([14, 14])
  })

  it('does large operations outside of jit, small ones in ordinary memory', () => {
    const large = on(() => np.ones([200, 200]).add(1))
    expect(large.device?.name).toBe('xla')
    expect(on(() => np.ones([2]).add(1)).device).toBe(null)
  })

  it('takes inputs, constants, outputs and arrays of nothing', () => {
    const constant = np.arange(500)
    const f = jit((x: NDArray, unused: NDArray) => [
      x,
      np.add(constant, x),
      np.zeros([0, 3]),
      unused,
      np.sum(np.zeros([0])),
    ])
    const [x, sum, none, unused, zero] = on(() => f(np.array(1), np.zeros([0])))
    expect([x.item(), numbers(sum)[499], none.shape, unused.shape, zero.item()]).toEqual([1, 500, [0, 3], [0], 0])
  })

  it('explains a program by what XLA says of it', () => {
    const { steps, livePeak } = on(() =>
      explain(
        jit((x: NDArray) => np.matmul(x, x)),
        np.ones([64, 64]),
      ),
    )
    expect(steps.map(({ kind }) => kind)).toEqual(['kernel'])
    expect(steps[0]!.operations).toEqual(['dotGeneral'])
    expect(livePeak).toBeGreaterThanOrEqual(2 * 4 * 64 * 64)
  })

  it('keeps compiled programs in the files of setCompilationCacheDir', () => {
    const directory = mkdtempSync(join(tmpdir(), 'pullback-xla-'))
    const cache = setCompilationCacheDir(directory)()
    if (cache._tag === 'Left') throw new Error(cache.left.message)
    // A number that no other program has.
    const f = jit((x: NDArray) => np.cos(x).mul(0.123456))
    expect(numbers(on(() => f(np.zeros([1]))))[0]).toBeCloseTo(0.123456, 6)
    expect(readdirSync(directory).length).toBe(1)
    expect(cache.right.failures).toEqual([])
    cache.right.close()
    expect(device!.store).toBe(null)
  })

  it('gives memory back that arrays no longer need, in a loop that never pauses', () => {
    const f = jit((x: NDArray) => x.add(1))
    const megabytes = 4
    let x = on(() => devicePut(np.zeros([megabytes * 2 ** 18]), device!))
    let most = 0
    on(() => {
      for (let i = 0; i < 300; i++) {
        x = f(x)
        most = Math.max(most, device!.memory.arrays)
      }
    })
    expect(x.at(5).get().item()).toBe(300)
    // 1200 MB were made.
    expect(most).toBeLessThan(700 * 2 ** 20)
  })

  it('waits for trees', async () => {
    const made = on(() => jit((x: NDArray) => ({ a: x.add(1), b: [x.mul(2)] }))(np.ones([2])))
    await blockUntilReady(made)
    expect(tree.leaves(made).map((y) => numbers(y))).toEqual([[2, 2], [2, 2]]) // prettier-ignore
  })
})

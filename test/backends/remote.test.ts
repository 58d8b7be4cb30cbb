/** A device that can only be read asynchronously, behind the contract alone: what holds on it, and what reading it at once says. */
import { inspect } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import {
  blockUntilReady,
  customVjp,
  debug,
  deviceGet,
  devicePut,
  grad,
  hessian,
  jit,
  jvp,
  lax,
  linearize,
  makeProgram,
  NDArray,
  nn,
  np,
  optim,
  optimize,
  pureCallback,
  random,
  ShapeDtypeStruct,
  tree,
  valueAndGrad,
  vmap,
  withDevice,
} from 'pullback'
import {
  conforms,
  conformsAsync,
  LawError,
  onDevice,
  onDeviceAsync,
  operations,
  programs,
  samples,
  wasmDevice,
} from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import type { ConcreteBody } from '../../src/trace/body.ts'
import { RemoteDevice } from './support/remoteDevice.ts'
import { dataOf, programOf } from './wasm/support/samples.ts'

const named = (name: string, message = /./): unknown =>
  expect.objectContaining({ name, message: expect.stringMatching(message) as string })

const isOutOfReach = (x: NDArray): boolean => (x.body as ConcreteBody).isOutOfReach

const arraysIn = (x: unknown): readonly NDArray[] => tree.leaves(x).filter((y) => y instanceof NDArray)

/** An array on a device of its own, and in no other memory. */
const remote = (): { readonly device: RemoteDevice; readonly x: NDArray } => {
  const device = new RemoteDevice()
  return { device, x: devicePut(np.array([1, 2, 3]), device) }
}

describe('a device that can only be read asynchronously', () => {
  const device = new RemoteDevice()
  const execute = onDeviceAsync(device)
  const donating = onDeviceAsync(device, { donate: true })

  it.each(operations)('means what the interpreter means: %s', async (op) => {
    const property = fc.asyncProperty(samples(op), async (sample) => {
      await conformsAsync(programOf(sample), dataOf(sample.operands), execute)
    })
    await fc.assert(property, { numRuns: 5 })
  })

  it('runs random programs, with and without donation', async () => {
    const among = operations.filter((op) => op !== 'bitcast' && op !== 'callback')
    const property = fc.asyncProperty(programs({ operations: among }), async ({ program, inputs }) => {
      const data = dataOf(inputs)
      await conformsAsync(optimize(program), data, execute)
      expect(await donating(program, data)).toEqual(await execute(program, data))
    })
    await fc.assert(property, { numRuns: 100 })
    expect(device.count).toBe(0)
  })

  it('is found out where it is wrong, and is told from one that can be read at once', async () => {
    const program = makeProgram((x: NDArray) => np.sin(x))(np.zeros([2]))
    const wrong = conformsAsync(program, [Float32Array.of(1, 2)], () => Promise.resolve([Float32Array.of(1, 2)]))
    await expect(wrong).rejects.toThrow(LawError)
    expect(() => onDevice(device)).toThrow(named('ArgumentError', /onDevice: .*onDeviceAsync/))
    const wasm = wasmDevice({ threads: 1 })
    conforms(program, [Float32Array.of(1, 2)], onDevice(wasm))
    await conformsAsync(program, [Float32Array.of(1, 2)], onDeviceAsync(wasm))
  })
})

describe('reading what is out of reach', () => {
  const readers: Readonly<Record<string, (x: NDArray) => unknown>> = {
    item: (x) => x.sum().item(),
    bool: (x) => x.sum().bool(),
    bigint: (x) => x.astype('int32').sum().bigint(),
    dataSync: (x) => x.dataSync(),
    toArray: (x) => x.toArray(),
    toJSON: (x) => JSON.stringify(x),
    'a JS number': (x) => Number(x.sum()),
    'a boolean mask as an index': (x) => np.ones([3]).at(x.greater(1)).get(),
    repeat: (x) => np.repeat(np.ones([3]), x.astype('int32')),
  }

  it.each(Object.keys(readers))('says how to read it: %s', (name) => {
    const { x } = remote()
    expect(() => readers[name]!(x)).toThrow(named('SynchronousReadError', /'remote'.*await x\.data\(\).*deviceGet/))
  })

  it('waits for the device, and leaves the array where it is', async () => {
    const { device, x } = remote()
    let turns = 0
    const timer = setInterval(() => turns++, 0)
    const data: Float32Array = await x.mul(2).data('float32')
    clearInterval(timer)
    expect([...data]).toEqual([2, 4, 6])
    expect(turns).toBeGreaterThan(0)
    expect(device.reads).toBe(1)
    expect((await x.data())[0]).toBe(1)
    expect(isOutOfReach(x)).toBe(true)
    await expect(x.data('int32')).rejects.toThrow(named('DTypeError', /^data: the dtype is float32/))
  })

  it('gives what the array was when it was asked, even if it is donated meanwhile', async () => {
    const { x } = remote()
    const step = jit((y: NDArray) => y.add(1), { donateArgnums: 0 })
    const before = x.data()
    const y = step(x)
    expect(Array.from((await before) as Float32Array)).toEqual([1, 2, 3])
    expect(Array.from((await y.data()) as Float32Array)).toEqual([2, 3, 4])
    await expect(x.data()).rejects.toThrow(named('DonatedError', /^data: /))
    await expect(blockUntilReady({ x })).rejects.toThrow(named('DonatedError', /^blockUntilReady: /))
    await expect(deviceGet(x)).rejects.toThrow(named('DonatedError', /^deviceGet: /))
    expect(() => x.device).toThrow(named('DonatedError', /^device: /))
  })

  it('gives the values of what is differentiated, and no values of what is traced', async () => {
    const { x } = remote()
    let value: Promise<unknown> = Promise.resolve()
    const peek = (y: NDArray): NDArray => {
      value = y.mul(2).data()
      return y.sum()
    }
    grad(peek)(x)
    expect(Array.from((await value) as Float32Array)).toEqual([2, 4, 6])
    jit(peek)(x)
    await expect(value).rejects.toThrow(named('TracerError', /^data: /))
  })
})

describe('printing', () => {
  it('says what an array is and where, and never reads', () => {
    const { device, x } = remote()
    const wide = devicePut(np.zeros([2, 3], { dtype: 'int32' }), device)
    expect(String(x)).toBe('NDArray(shape=[3], dtype=float32, device=remote)')
    expect(wide.toString()).toBe('NDArray(shape=[2, 3], dtype=int32, device=remote)')
    expect(inspect({ x })).toContain('NDArray(shape=[3], dtype=float32, device=remote)')
    expect(String(x.sum())).toBe('NDArray(shape=[], dtype=float32, device=remote)')
    expect(device.reads).toBe(0)
  })

  it('tells donated, traced and far arrays apart', () => {
    const { x } = remote()
    const seen: string[] = []
    const look = (y: NDArray): NDArray => {
      seen.push(y.toString(), inspect(y))
      return y.sum()
    }
    grad(look)(x)
    jit(look)(x)
    expect(seen).toEqual([
      'Traced<f32[3]> by grad',
      'Traced<f32[3]> by grad',
      'Traced<f32[3]> by jit',
      'Traced<f32[3]> by jit',
    ])
    jit((y: NDArray) => y.add(1), { donateArgnums: 0 })(x)
    expect([String(x), inspect(x)]).toEqual(['Donated<f32[3]>', 'Donated<f32[3]>'])
  })

  it('hides no other failure of reading', () => {
    const x = np.ones([2])
    const broken = new Error('the memory is gone')
    const body = x.body as ConcreteBody
    body.move({
      device: new RemoteDevice(),
      read: () => {
        throw broken
      },
      copy: () => {
        throw broken
      },
      release: () => undefined,
    })
    expect(() => String(x)).toThrow(broken)
    expect(() => inspect(x)).toThrow(broken)
  })
})

describe('placement', () => {
  it('puts trees on devices, brings them back, and says where they are', async () => {
    const device = new RemoteDevice()
    const host = { w: np.ones([2, 2]), list: [np.array(3), 4] as const }
    const there = devicePut(host, device)
    expect(tree.map((x: NDArray) => x.device === device, there)).toEqual({ w: true, list: [true, true] })
    expect(host.w.device).toBe(null)
    expect(host.w.sum().item()).toBe(4)
    const here = await deviceGet(there)
    expect(here.list[1].item()).toBe(4)
    expect(tree.map((x: NDArray) => x.device === null, here)).toEqual({ w: true, list: [true, true] })
    expect(there.w.device).toBe(device)
    expect(await blockUntilReady(there)).toBe(there)
    const { reads, writes } = device
    expect(devicePut(there.w, device).device).toBe(device)
    expect([device.reads, device.writes]).toEqual([reads, writes])
  })

  it('is on the chosen device by default, and goes from one that can be read at once to any', () => {
    const device = new RemoteDevice()
    const wasm = wasmDevice({ threads: 1 })
    const x = devicePut(np.arange(5000), wasm)
    expect(x.device).toBe(wasm)
    expect(withDevice(device, () => devicePut(x)).device).toBe(device)
    expect(x.device).toBe(wasm)
    expect(devicePut(x, 'interpreter').device).toBe(null)
    expect(devicePut(np.zeros([0, 3]), wasm).device).toBe(wasm)
    expect(devicePut(np.array(2), wasm).add(1).item()).toBe(3)
  })

  it('refuses to read one device for another without waiting', async () => {
    const { x } = remote()
    const other = new RemoteDevice()
    expect(() => devicePut(x, other)).toThrow(named('SynchronousReadError', /^devicePut: .*deviceGet/))
    expect(() => devicePut(x, 'wasm')).toThrow(named('SynchronousReadError', /^devicePut: /))
    expect(() => x.add(devicePut(np.ones([3]), other))).toThrow(named('SynchronousReadError', /^add: /))
    expect(devicePut(await deviceGet(x), other).device).toBe(other)
  })

  it('keeps what it shares when one of the two is donated', async () => {
    const { device, x } = remote()
    const y = devicePut(x, device)
    jit((z: NDArray) => z.add(1), { donateArgnums: 0 })(y)
    expect(Array.from((await x.data()) as Float32Array)).toEqual([1, 2, 3])
    expect(device.reused).toBe(0)
  })

  it('refuses what is neither a device nor an array', async () => {
    expect(() => devicePut(np.ones([2]), 'gpu' as 'wasm')).toThrow(
      named('ArgumentError', /^devicePut: there is no device 'gpu'/),
    )
    expect(() => devicePut(np.ones([2]), {} as 'wasm')).toThrow(named('ArgumentError', /^devicePut: device must be/))
    expect(() => devicePut({ a: 'text' })).toThrow(named('TreeError', /^devicePut: .*\.a/))
    await expect(deviceGet({ a: 'text' })).rejects.toThrow(named('TreeError', /^deviceGet: .*\.a/))
    expect(await blockUntilReady({ a: 'text', b: null })).toEqual({ a: 'text', b: null })
  })

  it('is the identity of transformations', async () => {
    const device = new RemoteDevice()
    const f = (x: NDArray): NDArray => devicePut(x, device).mul(3).sum()
    expect(grad(f)(np.ones([2])).dtype).toBe('float32')
    expect(jit(grad(f))(np.ones([2])).toArray()).toEqual([3, 3])
    const escaped: Promise<unknown>[] = []
    jit((x: NDArray) => {
      escaped.push(deviceGet(x))
      expect(() => x.device).toThrow(named('TracerError', /^device: /))
      return x
    })(np.ones([2]))
    await expect(escaped[0]).rejects.toThrow(named('TracerError', /^deviceGet: /))
  })
})

describe('residency', () => {
  it('keeps results on the device, and what is done with them too, whatever is chosen', async () => {
    const device = new RemoteDevice()
    const square = jit((x: NDArray) => x.mul(x))
    const y = withDevice(device, () => square(np.array([1, 2, 3])))
    const z = square(y).add(1)
    expect([y.device, z.device, z.sum().device]).toEqual([device, device, device])
    expect(Array.from((await z.data()) as Float32Array)).toEqual([2, 17, 82])
    expect(device.reads).toBe(1)
  })

  it('copies an argument once', () => {
    const device = new RemoteDevice()
    const f = jit((x: NDArray, y: NDArray) => x.add(y))
    const x = np.ones([4])
    withDevice(device, () => {
      for (let i = 0; i < 5; i++) f(x, x)
    })
    expect(device.writes).toBe(1)
    expect(x.toArray()).toEqual([1, 1, 1, 1])
  })

  it('compiles one operation once for operands of one type', () => {
    const { device, x } = remote()
    x.add(x)
    const { compiled } = device
    x.add(x).add(x)
    expect(device.compiled).toBe(compiled)
  })

  it('closes over arrays that are out of reach, tracing once', async () => {
    const { device, x } = remote()
    const scale = devicePut(np.array(10), device)
    let traces = 0
    const f = jit((y: NDArray) => {
      traces++
      return y.mul(x).mul(scale)
    })
    const outs = [f(np.ones([3])), f(np.ones([3])), f(x)]
    expect(traces).toBe(1)
    expect(Array.from((await outs[2]!.data()) as Float32Array)).toEqual([10, 40, 90])
    expect(() => makeProgram((y: NDArray) => y.mul(x))(np.ones([3]))).toThrow(
      named('SynchronousReadError', /^makeProgram: .*device=remote.*deviceGet/),
    )
    const rule = customVjp((y: NDArray) => y.mul(2)).defvjp(
      (y) => [y.mul(2), null],
      (_, ct: NDArray) => [ct.mul(x)],
    )
    expect(() => grad((y: NDArray) => rule(y).sum())(x)).toThrow(named('ArgumentError', /out of reach.*residuals/))
  })

  it('gives memory back when arrays are donated or collected', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const device = new RemoteDevice()
    const step = jit((x: NDArray) => x.add(1), { donateArgnums: 0 })
    let x = devicePut(np.zeros([100]), device)
    for (let i = 0; i < 50; i++) x = step(x)
    expect([device.bytes, device.reused]).toEqual([400, 50])
    expect((await x.data())[0]).toBe(50)
    const same = jit((y: NDArray) => [y, y.add(1)] as const, { donateArgnums: 0 })(x)
    expect((await same[0].data())[0]).toBe(50)
    for (let i = 0; i < 20; i++) same[1].add(1)
    for (let i = 0; i < 50 && device.count > 2; i++) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      collect()
    }
    expect(device.count).toBe(2)
    expect((await same[1].data())[0]).toBe(51)
  })
})

describe('errors of a device that answers later', () => {
  it('come to whoever waits, and to what was computed from them', async () => {
    const { x } = remote()
    const f = jit((y: NDArray) =>
      pureCallback(
        () => {
          throw new TypeError('on purpose')
        },
        new ShapeDtypeStruct([3], 'float32'),
        y,
      ),
    )
    const y = f(x)
    const z = y.add(1)
    await expect(y.data()).rejects.toThrow('on purpose')
    await expect(z.data()).rejects.toThrow('on purpose')
    await expect(blockUntilReady([x, z])).rejects.toThrow('on purpose')
    await expect(deviceGet({ z })).rejects.toThrow('on purpose')
    expect(String(z)).toBe('NDArray(shape=[3], dtype=float32, device=remote)')
    expect((await x.data())[0]).toBe(1)
  })

  it('are thrown at once where they are known: too little memory, dtypes that it has not', async () => {
    const device = new RemoteDevice({ maxBytes: 100, dtypes: ['float32', 'int32', 'bool'] })
    const x = devicePut(np.ones([10]), device)
    expect(() => devicePut(np.ones([30]), device)).toThrow(named('OutOfMemoryError', /^devicePut: /))
    expect(() => np.outer(x, x)).toThrow(named('OutOfMemoryError'))
    expect(() => x.astype('float64')).toThrow(named('DTypeError', /'remote' does not compute with float64/))
    const wide = jit((y: NDArray) =>
      lax.cond(
        np.sum(y).greater(0),
        (a) => a.astype('float16').astype('float32'),
        (a) => a,
        y,
      ),
    )
    expect(() => wide(x)).toThrow(named('DTypeError', /: the device 'remote' does not compute with float16/))
    expect((await x.data())[0]).toBe(1)
  })

  it('are those of reading where debug.nans has the interpreter look', () => {
    const { x } = remote()
    debug.nans(true)
    try {
      expect(() => x.add(1)).toThrow(named('SynchronousReadError', /^add: /))
      expect(() => jit((y: NDArray) => y.add(1))(x)).toThrow(named('SynchronousReadError'))
    } finally {
      debug.nans(false)
    }
  })
})

describe('transformations on a device that answers later', () => {
  const inputs = random.normal(random.key(0), [8, 3])
  const params = { w: random.normal(random.key(1), [3, 4]), b: np.zeros([4]), scale: np.array(0.5) }
  const loss = (p: typeof params, x: NDArray): NDArray =>
    nn
      .softmax(np.tanh(x.matmul(p.w).add(p.b)).mul(p.scale))
      .at(':', 0)
      .get()
      .mean()

  const cases: Readonly<Record<string, (p: typeof params, x: NDArray) => unknown>> = {
    value: loss,
    grad: grad(loss),
    'valueAndGrad, compiled': jit(valueAndGrad(loss)),
    'grad of compiled': grad(jit(loss)),
    vmap: vmap((p: typeof params, x: NDArray) => loss(p, x.reshape([1, 3])), { inAxes: [null, 0] }),
    'gradients per example': vmap(
      grad((p: typeof params, x: NDArray) => loss(p, x.reshape([1, 3]))),
      { inAxes: [null, 0] },
    ),
    jvp: (p, x) => jvp((y: NDArray) => loss(p, y), [x], [x]),
    linearize: (p, x) => linearize((y: NDArray) => loss(p, y), x)[1](x),
    hessian: (p, x) => hessian((b: NDArray) => loss({ ...p, b }, x))(p.b),
    scan: (p, x) => lax.scan((c: NDArray, row: NDArray) => [c.add(row.mul(p.scale)), c] as const, x.at(0).get(), x),
    'gradient of a scan': (p, x) =>
      grad((s: NDArray) =>
        lax.scan((c: NDArray, row: NDArray) => [c.mul(s).add(row), c] as const, row0(x), x)[0].sum(),
      )(p.scale),
    cond: (p, x) =>
      lax.cond(
        p.scale.greater(0),
        (y: NDArray) => y.mul(2),
        (y: NDArray) => y,
        x,
      ),
    whileLoop: (p, x) =>
      lax.whileLoop(
        (y: NDArray) => y.sum().less(100),
        (y: NDArray) => np.abs(y).add(p.scale),
        x,
      ),
    'a step of Adam': (p, x) => {
      const adam = optim.adam(0.1)
      const [updates] = adam.update(grad(loss)(p, x), adam.init(p), p)
      return optim.applyUpdates(p, updates)
    },
  }
  const row0 = (x: NDArray): NDArray => x.at(0).get()

  it.each(Object.keys(cases))('%s', async (name) => {
    const device = new RemoteDevice()
    const f = cases[name]!
    const expected = withDevice('interpreter', () => f(params, inputs))
    const [p, x] = devicePut([params, inputs] as const, device)
    const results = [f(p, x), withDevice(device, () => f(p, x))]
    expect(device.reads).toBe(0)
    for (const result of results) {
      const got = arraysIn(await deviceGet(result))
      const wanted = arraysIn(expected)
      expect(got.length).toBe(wanted.length)
      got.forEach((y, i) => {
        expect(y.shape).toEqual(wanted[i]!.shape)
        expect(np.allclose(y, wanted[i]!, { rtol: 1e-5, atol: 1e-6 }).bool()).toBe(true)
      })
    }
  })

  it('train, with donated parameters, and only the loss is read', async () => {
    const device = new RemoteDevice()
    const adam = optim.adam(0.1)
    const step = jit(
      (p: typeof params, state: ReturnType<typeof adam.init>, x: NDArray) => {
        const [value, g] = valueAndGrad(loss)(p, x)
        const [updates, next] = adam.update(g, state, p)
        return [optim.applyUpdates(p, updates), next, value] as const
      },
      { donateArgnums: [0, 1] },
    )
    let p = devicePut(params, device)
    let state = adam.init(p)
    const losses: number[] = []
    for (let i = 0; i < 20; i++) {
      const [q, next, value] = step(p, state, inputs)
      ;[p, state] = [q, next]
      losses.push((await value.data())[0] as number)
    }
    expect(losses.at(-1)).toBeLessThan(losses[0]!)
    expect(device.reads).toBe(20)
    expect(device.reused).toBeGreaterThan(0)
  })
})

describe('withDevice', () => {
  it('refuses functions that return promises, with the reason', async () => {
    const unhandled: unknown[] = []
    const listen = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', listen)
    const refused = named(
      'ArgumentError',
      /^withDevice: the function returned a promise\. .*first await.*Await outside/,
    )
    expect(() => withDevice('interpreter', async () => Promise.resolve(1))).toThrow(refused)
    expect(() => withDevice('interpreter', () => Promise.reject(new Error('late')))).toThrow(refused)
    expect(() => withDevice('interpreter', () => ({ then: (f: () => void) => { f() } }))).toThrow(refused) // prettier-ignore
    await new Promise((resolve) => setTimeout(resolve, 1))
    process.off('unhandledRejection', listen)
    expect(unhandled).toEqual([])
    expect(withDevice('interpreter', () => ({ then: 1 }))).toEqual({ then: 1 })
  })
})

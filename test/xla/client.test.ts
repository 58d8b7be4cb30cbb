/** Below the device: errors by their names, compiled programs as bytes, options. */
import { makeProgram, np, OutOfMemoryError } from 'pullback'
import type { NDArray } from 'pullback'
import { XlaError } from 'pullback/xla'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ProgramStore } from '../../src/backends/store.ts'
import { moduleText } from '../../src/stablehlo/index.ts'
import { loadOrCompile } from '../../src/xla/cache.ts'
import { Client } from '../../src/xla/client.ts'
import { errorOf, inOperation } from '../../src/xla/errors.ts'
import { Launch } from '../../src/xla/launch.ts'
import { compileOptions } from '../../src/xla/options.ts'
import { Api } from '../../src/xla/pjrt/api.ts'
import { foreignFunctions } from '../../src/xla/pjrt/ffi.ts'
import { layoutOf } from '../../src/xla/pjrt/layouts.ts'
import { device, title } from './support/device.ts'

class MemoryStore implements ProgramStore {
  readonly entries = new Map<string, Uint8Array>()
  get(key: string): Uint8Array | null {
    return this.entries.get(key) ?? null
  }
  set(key: string, bytes: Uint8Array): void {
    this.entries.set(key, bytes)
  }
}

const text = moduleText(makeProgram((x: NDArray) => np.add(np.multiply(x, 3), 1))(np.zeros([4])))

describe('structs', () => {
  it('are laid out as C lays them out', () => {
    const { size, fields } = layoutOf(['a', 'b:i', 'c', 'd:b', 'e:i', 'f:b'])
    expect([...fields].map(([name, { offset }]) => [name, offset])).toEqual([
      ['a', 16],
      ['b', 24],
      ['c', 32],
      ['d', 40],
      ['e', 44],
      ['f', 48],
    ])
    expect(size).toBe(49)
  })

  it('of options are protobuf', () => {
    // executable_build_options { num_replicas: 1 num_partitions: 1 device_assignment { 1: 1 2: 1 3 { 1: [200] } } }
    const build = [0x20, 1, 0x28, 1, 0x4a, 10, 0x08, 1, 0x10, 1, 0x1a, 4, 0x0a, 2, 200, 1]
    // env_option_overrides { key: 'f' value { bool_field: true } }
    const flag = [0x3a, 7, 0x0a, 1, 102, 0x12, 2, 0x10, 1]
    expect([...compileOptions(200, { f: true })]).toEqual([0x1a, build.length, ...build, ...flag])
  })
})

describe('errors', () => {
  it('have the names of their kinds, and of the operation', () => {
    expect(errorOf(8, 'too much')).toBeInstanceOf(OutOfMemoryError)
    expect(errorOf(3, 'no')).toMatchObject({ name: 'XlaError', code: 3 })
    expect(inOperation('jit', errorOf(8, 'too much'))).toMatchObject({ message: 'jit: too much' })
    expect(inOperation('jit', errorOf(3, 'no'))).toMatchObject({ message: 'jit: no', code: 3 })
    expect(inOperation('jit', 5)).toBe(5)
  })
})

describe.skipIf(device === null)(`a client of a plugin${title}`, () => {
  let client: Client
  beforeAll(async () => {
    const koffi = await foreignFunctions()
    client = await Client.create(Api.load(koffi!, device!.plugin), {
      device: 1,
      create: { cpu_device_count: 2 },
      flags: {},
    })
  })

  const run = (launch: Launch, x: Float32Array): readonly number[] => {
    const input = client.put(x, 'float32', [4])
    const [output] = launch.run([input])
    const result = Array.from(client.read(output!, 'float32', [4]) as Float32Array)
    client.destroyBuffer(input)
    client.destroyBuffer(output!)
    return result
  }

  it('uses the device that it is told', () => {
    expect(client.devices).toBe(2)
    expect(client.description).toMatch(/1/)
    expect(run(new Launch(client, client.compile(text), 1), Float32Array.of(1, 2, 3, 4))).toEqual([4, 7, 10, 13])
  })

  it('reads back what was sent, of any length, from any place in a buffer', async () => {
    for (const length of [0, 1, 3, 16, 1024, 1025, 5000]) {
      const whole = Float64Array.from({ length: length + 2 }, (_, i) => i / 7)
      const part = whole.subarray(1, length + 1)
      const buffer = client.put(part, 'float64', [length])
      expect(client.read(buffer, 'float64', [length])).toEqual(part)
      expect(await client.readLater(buffer, 'float64', [length])).toEqual(part)
      client.destroyBuffer(buffer)
    }
  })

  it('waits for more than it has threads for', async () => {
    const buffers = Array.from({ length: 40 }, (_, i) =>
      client.put(new Float32Array(20_000).fill(i), 'float32', [20_000]),
    )
    const results = await Promise.all(buffers.map((b) => client.readLater(b, 'float32', [20_000])))
    expect(results.map((x) => x[19_999])).toEqual(buffers.map((_, i) => i))
    for (const b of buffers) client.destroyBuffer(b)
  })

  it('refuses a module by an error that has a name', () => {
    expect(() => client.compile('module { nonsense }')).toThrow(XlaError)
    expect(() => client.compile(text.replace('-> (tensor<4xf32>)', '-> (tensor<5xf32>)'))).toThrow(XlaError)
  })

  it('takes compiled programs from a store, and compiles again what is broken there', () => {
    const store = new MemoryStore()
    const site = { client, identity: 'this', store }
    const x = Float32Array.of(0, 1, 2, 3)
    const wanted = [1, 4, 7, 10]
    expect(run(new Launch(client, loadOrCompile(site, text), 1), x)).toEqual(wanted)
    expect(store.entries.size).toBe(1)
    const [key, bytes] = [...store.entries][0]!
    expect(run(new Launch(client, loadOrCompile(site, text), 1), x)).toEqual(wanted)
    store.set(key, bytes.slice(0, 100))
    expect(run(new Launch(client, loadOrCompile(site, text), 1), x)).toEqual(wanted)
    expect(store.get(key)!.length).toBeGreaterThan(100)
    loadOrCompile({ ...site, identity: 'another' }, text)
    expect(store.entries.size).toBe(2)
  })
})

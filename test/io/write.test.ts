/** What is written is read back bit for bit, and files appear whole or not at all. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc, { type Stream } from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { np } from 'pullback'
import type { DType, NDArray } from 'pullback'
import * as io from 'pullback/io'
import { Aval } from '../../src/core/aval.ts'
import { allocate, dtypes } from '../../src/core/dtype.ts'
import { fromHost, toHost } from '../../src/trace/value.ts'
import { bytesOf, get, leftOf } from './support/recorded.ts'

const bits = (stream: Stream<number>): number => Number(stream.next().value)

/** Arrays of every dtype, of random bits (bools of 0 and 1), zero sizes and scalars among them. */
const anyArray: fc.Arbitrary<NDArray> = fc
  .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat(4), { maxLength: 4 }), fc.infiniteStream(fc.nat(255)))
  .map(([dtype, shape, stream]) => {
    const aval = new Aval(dtype, shape)
    const data = allocate(dtype, aval.size)
    const bytes = new Uint8Array(data.buffer)
    for (let i = 0; i < bytes.length; i++) bytes[i] = bits(stream) & (dtype === 'bool' ? 1 : 255)
    return fromHost(aval, data)
  })

const anyName = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('__proto__', 'constructor', 'a.b', 'ü', '中'))
const anyTensors = fc.dictionary(anyName, anyArray, { maxKeys: 5, noNullPrototype: false })

const bitsOf = (x: NDArray) => {
  const { data } = toHost(x, 'test')
  return [x.dtype, [...x.shape], Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')]
}
const allBits = (tensors: { readonly [name: string]: NDArray }) =>
  Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, bitsOf(x)]))

/** bfloat16 becomes float32 where the format does not have it. */
const asWritten = (x: NDArray): NDArray => (x.dtype === 'bfloat16' ? np.astype(x, 'float32') : x)

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pullback-io-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('round trips', () => {
  test('safetensors', () =>
    fc.assert(
      fc.asyncProperty(anyTensors, async (tensors) => {
        const file = await get(io.openSafetensors(io.encodeSafetensors(tensors)))
        expect(allBits(await get(io.readTensors(file)))).toEqual(allBits(tensors))
      }),
      { numRuns: 200 },
    ))

  test('npz and npy', () =>
    fc.assert(
      fc.asyncProperty(anyTensors, async (tensors) => {
        const file = await get(io.openNpz(io.encodeNpz(tensors)))
        const expected = Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, asWritten(x)]))
        expect(allBits(await get(io.readTensors(file)))).toEqual(allBits(expected))
        for (const x of Object.values(expected))
          expect(bitsOf(await get(io.readNpy(io.encodeNpy(x))))).toEqual(bitsOf(x))
      }),
      { numRuns: 100 },
    ))

  test('raw tensors of dtypes that Pullback does not have', async () => {
    const before = await get(io.openSafetensors(bytesOf('all.safetensors')))
    const info = before.tensors.get('f8_e4m3')!
    const bytes = await get(before.readBytes('f8_e4m3'))
    const raw = { dtype: info.dtype as io.SafetensorsDType, shape: info.shape, bytes }
    const after = await get(io.openSafetensors(io.encodeSafetensors({ x: raw })))
    expect(after.tensors.get('x')).toMatchObject({ dtype: 'F8_E4M3', shape: [16, 16] })
    expect(await get(after.readBytes('x'))).toEqual(bytes)
    expect(() => io.encodeSafetensors({ x: { ...raw, shape: [3] } })).toThrow(/takes 3 bytes, got 256/)
  })

  test('every tensor is aligned, the header to 8 bytes', async () => {
    const tensors = Object.fromEntries(dtypes.map((d: DType) => [`x ${d}`, np.zeros([3], { dtype: d })]))
    const { tensors: infos } = await get(io.openSafetensors(io.encodeSafetensors(tensors)))
    for (const { offset, bytes } of infos.values()) expect(offset % (bytes / 3)).toBe(0)
  })

  test('metadata', async () => {
    const bytes = io.encodeSafetensors({ x: [1] }, { metadata: { a: 'ü' } })
    expect(Object.fromEntries((await get(io.openSafetensors(bytes))).metadata)).toEqual({ a: 'ü' })
    expect(() => io.encodeSafetensors({ ['__metadata__']: [1] })).toThrow(/__metadata__/)
  })
})

describe('files', () => {
  test('written and read', async () => {
    const path = join(folder, 'a.safetensors')
    await get(io.writeSafetensors(path, { x: [1, 2] }))
    await get(io.writeSafetensors(path, { x: [3] }))
    expect((await get((await get(io.openTensors(path))).read('x'))).toArray()).toEqual([3])
    await get(io.writeNpy(join(folder, 'a.npy'), [1.5]))
    await get(io.writeNpz(join(folder, 'a.npz'), { y: [2.5] }))
    expect((await get(io.readNpy(join(folder, 'a.npy')))).toArray()).toEqual([1.5])
    expect((await get((await get(io.openTensors(join(folder, 'a.npz')))).read('y'))).toArray()).toEqual([2.5])
    expect(readdirSync(folder).filter((f) => f.includes('tmp'))).toEqual([])
  })

  test('a failure leaves what was there, and nothing else', async () => {
    const path = join(folder, 'sub')
    const missing = leftOf(await io.writeSafetensors(join(path, 'x.safetensors'), { x: [1] })())
    expect(missing).toMatchObject({ _tag: 'Access', code: 'ENOENT' })
    expect(existsSync(path)).toBe(false)
    const target = join(folder, 'kept.npy')
    writeFileSync(target, 'before')
    const broken = io.writeNpy(target, np.zeros([1 << 20]))
    chmodSync(target, 0o644)
    await get(broken)
    expect(readFileSync(target).length).toBe((1 << 22) + 128)
  })

  test('what is there and no file is not replaced', async () => {
    expect(leftOf(await io.writeNpy('/dev/null', [1])())).toMatchObject({ _tag: 'Access', code: 'ENOTFILE' })
    expect(leftOf(await io.writeNpy(folder, [1])())).toMatchObject({ _tag: 'Access', code: 'ENOTFILE' })
  })

  test('directories, devices and pipes are errors, and nothing waits for them', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')])
    for (const path of [folder, join(folder, 'pipe'), '/dev/zero', join(folder, 'none')]) {
      expect(leftOf(await io.openTensors(path)())._tag).toBe('Access')
    }
  })
})

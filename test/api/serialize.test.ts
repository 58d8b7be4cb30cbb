import { ArgumentError, DonatedError, TracerError, TreeError, jit, nn, np, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { arrays, dtypes, pytrees } from 'pullback/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Aval } from '../../src/core/aval.ts'
import { crc32 } from '../../src/core/crc32.ts'
import { allocate, bitsOf, dtypes as allDTypes } from '../../src/core/dtype.ts'
import { sizeOf } from '../../src/core/shape.ts'
import { fromHost, NDArray as ArrayClass } from '../../src/trace/value.ts'

const right = <A>(read: ReturnType<typeof tree.deserialize<A>>): A => {
  if (read._tag === 'Left') throw new Error(`${read.left._tag}: ${read.left.message}`)
  return read.right
}
const left = (bytes: Uint8Array, options: tree.SerializeOptions = {}): tree.SerializationError => {
  const read = tree.deserialize(bytes, options)
  if (read._tag === 'Right') throw new Error('it was read')
  return read.left
}

const bits = (x: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number }): string =>
  Array.from(new Uint8Array(x.buffer, x.byteOffset, x.byteLength)).join()

/** A leaf as text, bit for bit. */
const spell = (leaf: unknown): string => {
  if (leaf instanceof ArrayClass) return `${leaf.aval.toString()}: ${bits(leaf.body.host('test'))}`
  if (ArrayBuffer.isView(leaf)) return `${leaf.constructor.name}: ${bits(leaf)}`
  return `${typeof leaf}: ${Object.is(leaf, -0) ? '-0' : String(leaf)}`
}
const spellTree = (t: unknown): string =>
  `${tree.structure(t).key} ${tree.leaves(t).map(spell).join('; ')} ${tree.structure(t).toString()}`

/** Arrays of any dtype, shape and bits, NaNs of all kinds among them, weak ones too. */
const anyArrays: fc.Arbitrary<NDArray> = fc
  .tuple(
    dtypes('any'),
    fc.array(fc.nat({ max: 3 }), { maxLength: 3 }),
    fc.boolean(),
    fc.infiniteStream(fc.nat({ max: 255 })),
  )
  .map(([dtype, shape, weak, stream]) => {
    const data = allocate(dtype, sizeOf(shape))
    const memory = new Uint8Array(data.buffer)
    for (let i = 0; i < memory.length; i++) {
      const byte = (stream.next() as IteratorYieldResult<number>).value
      memory[i] = dtype === 'bool' ? byte & 1 : byte
    }
    return fromHost(new Aval(dtype, shape, weak), data)
  })

const anyLeaves: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: anyArrays },
  fc.double(),
  fc.constantFrom(NaN, Infinity, -Infinity, -0, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53 + 2),
  fc.bigInt(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\ud800', 'é\n"\\\u2028', '\x7f'),
  fc.boolean(),
  fc.constant(undefined),
  fc.uint8Array({ maxLength: 9 }),
  fc.float64Array({ maxLength: 3 }),
  fc.int16Array({ maxLength: 5 }),
  fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 3 }).map((xs) => BigUint64Array.from(xs)),
)
const anyTrees = pytrees(anyLeaves)

describe('serialize and deserialize', () => {
  it('are the identity, bit for bit, on trees of all kinds', () => {
    fc.assert(
      fc.property(anyTrees, (t) => {
        const bytes = tree.serialize(t)
        expect(bytes.byteLength % 8).toBe(0)
        expect(bytes.byteLength).toBe(bytes.buffer.byteLength)
        const back = right(tree.deserialize(bytes))
        expect(spellTree(back)).toBe(spellTree(t))
        // One tree has one text.
        expect(bits(tree.serialize(back))).toBe(bits(bytes))
        if (t !== undefined) expect(spellTree(right(tree.deserialize(bytes, { like: t })))).toBe(spellTree(t))
      }),
      { numRuns: 500 },
    )
  })

  it('take arrays of all dtypes, scalars and empty ones, wherever their elements are', () => {
    for (const dtype of allDTypes) {
      const made = [
        np.zeros([], { dtype }),
        np.ones([3], { dtype }),
        np.zeros([0, 3], { dtype }),
        np.ones([2, 0], { dtype }),
      ]
      expect(spellTree(right(tree.deserialize(tree.serialize(made))))).toBe(spellTree(made))
    }
    // A result of a compiled function, in the device's memory; and a view of a part.
    const far = jit((x: NDArray) => x.mul(2))(np.ones([200, 200]))
    expect(tree.equal(right(tree.deserialize(tree.serialize(far), { like: far })), far)).toBe(true)
    const part = new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4)
    expect(right(tree.deserialize(tree.serialize({ part })))).toEqual({ part: Uint8Array.of(1, 2, 3) })
  })

  it('read from any place of any buffer, and keep no hold of it', () => {
    const bytes = tree.serialize({ w: np.array([1, 2, 3]) })
    for (const offset of [0, 1, 3, 8]) {
      const large = new Uint8Array(bytes.length + 20)
      large.set(bytes, offset)
      const there = large.subarray(offset, offset + bytes.length)
      const { w } = right(tree.deserialize(there, { like: { w: np.zeros([3]) } }))
      large.fill(0)
      expect(w.toArray()).toEqual([1, 2, 3])
    }
    for (const other of [bytes.buffer, Buffer.from(bytes)]) {
      expect(tree.equal(right(tree.deserialize(other)), { w: np.array([1, 2, 3]) })).toBe(true)
    }
  })

  it('hold for deep and for wide trees', () => {
    let deep: unknown = np.array(7)
    for (let i = 0; i < 30_000; i++) deep = i % 2 === 0 ? [deep] : { d: deep }
    const back = right(tree.deserialize(tree.serialize(deep)))
    expect(tree.structure(back).equals(tree.structure(deep))).toBe(true)
    expect(tree.leaves(back).map(spell)).toEqual([spell(np.array(7))])
    const wide = Array.from({ length: 30_000 }, (_, i) => i)
    expect(right(tree.deserialize(tree.serialize(wide)))).toEqual(wide)
  })

  it('keep names that are traps: __proto__, constructor, numbers', () => {
    const odd = JSON.parse('{"__proto__": 1, "constructor": 2, "10": 3, "9": 4, "": 5}') as unknown
    const back = right(tree.deserialize(tree.serialize(odd)))
    expect(Object.keys(back as object).sort()).toEqual(Object.keys(odd as object).sort())
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    expect(Object.getOwnPropertyDescriptor(back, '__proto__')?.value).toBe(1)
  })

  it('say what cannot be written, and where', () => {
    const message = (t: unknown): string => {
      try {
        tree.serialize(t)
      } catch (error) {
        expect(error).toBeInstanceOf(TreeError)
        return (error as Error).message
      }
      throw new Error('it was written')
    }
    expect(message({ a: [1, new Date()] })).toMatch(/the tree\.a\[1\] is an instance of Date; leaves are arrays/)
    expect(message(Math.sin)).toMatch(/the tree is a function/)
    expect(message([Symbol('s')])).toMatch(/the tree\[0\] is a symbol/)
    expect(message(new Map())).toMatch(/an instance of Map/)
    expect(message(Buffer.from([1]))).toMatch(/an instance of Buffer/)
    expect(message([Object.create({})])).toMatch(/leaves are arrays/)
    const cyclic: unknown[] = []
    cyclic.push(cyclic)
    expect(() => tree.serialize(cyclic)).toThrow(TreeError)
    expect(() => jit((x: NDArray) => (tree.serialize({ x }), x))(np.array(1))).toThrow(TracerError)
    const given = np.ones([100])
    jit((x: NDArray) => x.mul(2), { donateArgnums: 0 })(given)
    expect(() => tree.serialize(given)).toThrow(DonatedError)
    expect(() => tree.serialize(1, { type: {} } as never)).toThrow(ArgumentError)
    expect(() => tree.deserialize(tree.serialize(1), { likes: 1 } as never)).toThrow(/no option 'likes'/)
    for (const wrong of [null, undefined, 'text', 3, [1, 2], {}]) {
      expect(() => tree.deserialize(wrong as never)).toThrow(ArgumentError)
    }
  })
})

describe('like', () => {
  const params = { w: np.ones([2, 3]), b: null, step: 3, tag: 'x' }
  const bytes = tree.serialize(params)

  it('accepts other values of the same types', () => {
    const other = { w: np.zeros([2, 3]), b: null, step: 0, tag: '' }
    expect(right(tree.deserialize(bytes, { like: other })).w.toArray()).toEqual(np.ones([2, 3]).toArray())
  })

  it('says where a tree is another', () => {
    const mismatch = (like: unknown): string => {
      const { _tag, message } = left(bytes, { like } as object)
      expect(_tag).toBe('Mismatch')
      return message
    }
    expect(mismatch({ ...params, w: np.ones([3, 2]) })).toMatch(/the tree\.w is f32\[2,3\], and f32\[3,2\] in like/)
    expect(mismatch({ ...params, w: np.ones([2, 3], { dtype: 'float64' }) })).toMatch(/f64\[2,3\] in like/)
    expect(mismatch({ ...params, step: np.array(3) })).toMatch(/the tree\.step is a number/)
    expect(mismatch({ ...params, tag: 1 })).toMatch(/the tree\.tag is a string, and a number in like/)
    expect(mismatch({ w: params.w })).toMatch(/the trees part at the root/)
    expect(mismatch({ ...params, b: undefined })).toMatch(/the structure is not that of like/)
    expect(mismatch([params])).toMatch(/part at the root/)
  })
})

describe('classes', () => {
  class Point {
    readonly x: NDArray
    readonly y: unknown
    readonly unit: string
    constructor(x: NDArray, y: unknown, unit: string) {
      if (unit === 'furlong') throw new RangeError('no such unit')
      this.x = x
      this.y = y
      this.unit = unit
    }
  }
  tree.registerPytreeNode(
    Point,
    ({ x, y, unit }) => ({ children: [x, y], keys: ['x', 'y'], aux: { unit, list: [1, undefined] } }),
    (aux, [x, y]) => new Point(x as NDArray, y, (aux as { unit: string }).unit),
  )
  const types = { 'geometry.Point': Point }
  const nested = { at: [new Point(np.array([1, 2]), new Point(np.array(3), null, 'm'), 'km')] }

  it('are written under names of the user, and made by their own unflatten', () => {
    const bytes = tree.serialize(nested, { types })
    const back = right(tree.deserialize(bytes, { types, like: nested }))
    expect(back.at[0]).toBeInstanceOf(Point)
    expect(back.at[0]!.y).toBeInstanceOf(Point)
    expect(back.at[0]!.unit).toBe('km')
    expect(spellTree(back)).toBe(spellTree(nested))
  })

  it('that are unknown, or do not want what is there, are a Left', () => {
    const bytes = tree.serialize(nested, { types })
    expect(left(bytes)).toMatchObject({
      _tag: 'UnknownType',
      message: expect.stringContaining('geometry.Point') as string,
    })
    const bad = Object.assign(new Point(np.array(1), 1, 'm'), { unit: 'furlong' })
    expect(left(tree.serialize(bad, { types }), { types })).toMatchObject({
      _tag: 'Rejected',
      message: expect.stringContaining('no such unit') as string,
    })
    expect(() => tree.serialize(nested)).toThrow(/Name its class: { types: { Point } }/)
    expect(() => tree.serialize(1, { types: { Date } })).toThrow(/'Date' is not a registered class/)
  })

  it('with an aux that is not data cannot be written', () => {
    class Opaque {
      readonly kind = 'opaque'
    }
    tree.registerPytreeNode(
      Opaque,
      () => ({ children: [], aux: Math.sin }),
      () => new Opaque(),
    )
    expect(() => tree.serialize(new Opaque(), { types: { Opaque } })).toThrow(/the aux of Opaque is a function/)
  })
})

describe('bytes from anywhere', () => {
  const sample = {
    layers: [
      {
        w: np.array([
          [1, 2],
          [3, 4],
        ]),
        b: np.array([true, false]),
      },
      null,
    ],
    option: { _tag: 'Some', value: 2.5 },
    none: { _tag: 'None' },
    key: random.key(3),
    big: 12n,
    raw: Uint8Array.of(1, 2, 3),
    text: 'é',
    on: true,
    nothing: undefined,
  }
  const bytes = tree.serialize(sample)
  const headerLength = new DataView(bytes.buffer).getUint32(12, true)

  /** Bytes with checksums that are right for whatever they are now. */
  const sealed = (draft: Uint8Array): Uint8Array => {
    const view = new DataView(draft.buffer, draft.byteOffset, draft.byteLength)
    if (draft.length < 24) return draft
    const end = Math.min(draft.length, 24 + view.getUint32(12, true))
    view.setUint32(16, crc32(draft.subarray(24, end), crc32(draft.subarray(8, 16))), true)
    return draft
  }
  /** Bytes with this header, sealed. */
  const withHeader = (lines: readonly string[], payload: Uint8Array = new Uint8Array()): Uint8Array => {
    const text = lines.map((line) => `${line}\n`).join('')
    const length = Math.ceil(text.length / 8) * 8
    const out = new Uint8Array(24 + length + payload.length)
    out.set(bytes.subarray(0, 24))
    new DataView(out.buffer).setUint32(12, length, true)
    out.set(
      Uint8Array.from(text.padEnd(length), (c) => c.charCodeAt(0)),
      24,
    )
    out.set(payload, 24 + length)
    return sealed(out)
  }

  it('with any byte changed are a Left', () => {
    for (let i = 0; i < bytes.length; i++) {
      for (const flip of [1, 0x80, 0xff]) {
        const changed = bytes.slice()
        changed[i]! ^= flip
        expect(left(changed)._tag).toMatch(/NotATree|UnsupportedVersion|Truncated|Damaged/)
      }
    }
  })

  it('that end early are a Left at their end', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(left(bytes.subarray(0, length))).toMatchObject({ _tag: 'Truncated', byte: length })
    }
    expect(left(new Uint8Array([...bytes, 0]))).toMatchObject({ _tag: 'Malformed', byte: bytes.length })
  })

  it('say what is wrong, and at which byte', () => {
    expect(left(Uint8Array.from('{"not": "a tree"}', (c) => c.charCodeAt(0)))).toMatchObject({
      _tag: 'NotATree',
      byte: 0,
    })
    const later = bytes.slice()
    later[8] = 2
    expect(left(later)).toMatchObject({
      _tag: 'UnsupportedVersion',
      byte: 8,
      message: expect.stringContaining('2') as string,
    })
    const damaged = bytes.slice()
    damaged[24 + headerLength]! ^= 1
    expect(left(damaged)).toMatchObject({ _tag: 'Damaged', byte: 24 + headerLength })
    expect(left(withHeader(['{"array":2}', '"null"', '{"what":1}']))).toMatchObject({
      _tag: 'Malformed',
      byte: 24 + 12 + 7,
    })
  })

  it('of headers that lie are a Left', () => {
    const node = (...lines: string[]): string => left(withHeader(lines))._tag
    expect(right(tree.deserialize(withHeader(['{"array":0}'])))).toEqual([])
    for (const count of [1, 2, -1, 1.5, 1e15, '"1"', 'null', '1e400', 9007199254740991]) {
      expect(node(`{"array":${count}}`)).toBe('Malformed')
      expect(node(`{"custom":"A","children":${count}}`)).toMatch(/Malformed|UnknownType/)
    }
    expect(node('"null"', '"null"')).toBe('Malformed')
    expect(node('{"object":["b","a"]}', '"null"', '"null"')).toBe('Malformed')
    expect(node('{"object":["a","a"]}', '"null"', '"null"')).toBe('Malformed')
    expect(node('{"object":[1]}', '"null"')).toBe('Malformed')
    expect(node('"leaf"')).toBe('Malformed')
    expect(node('[]')).toBe('Malformed')
    expect(node('')).toBe('Malformed')
    expect(node('{"number":"Infinity!"}')).toBe('Malformed')
    expect(node('{"number":1e999}')).toBe('Malformed')
    expect(node('{"bigint":"12"}')).toBe('Malformed')
    expect(node('{"string":1}')).toBe('Malformed')
    expect(node('{"boolean":0}')).toBe('Malformed')
    const array = (fields: string): string => node(`{"dtype":"float32",${fields},"crc32":0}`)
    for (const shape of ['[1]', '[1e9]', '[1e5,1e5]', '[4294967296]'])
      expect(array(`"shape":${shape}`)).toBe('Truncated')
    for (const shape of [
      '[-1]',
      '[0.5]',
      '[null]',
      '["2"]',
      '2',
      '[[2]]',
      '{}',
      '[1e300,0]',
      '[9e15,9e15]',
      '[9e15,9e15,0]',
    ]) {
      expect(array(`"shape":${shape}`)).toBe('Malformed')
    }
    expect(array('"shape":[0],"weak":1')).toBe('Malformed')
    expect(node('{"dtype":"float8","shape":[0],"crc32":0}')).toBe('Malformed')
    expect(node('{"dtype":"__proto__","shape":[0],"crc32":0}')).toBe('Malformed')
    expect(node('{"dtype":"float32","shape":[0]}')).toBe('Malformed')
    expect(node('{"dtype":"float32","shape":[0],"crc32":1}')).toBe('Damaged')
    expect(node('{"typed":"Uint8Array","length":1e10,"crc32":0}')).toBe('Truncated')
    expect(node('{"typed":"Float64Array","length":9007199254740991,"crc32":0}')).toBe('Malformed')
    expect(node('{"typed":"SharedArrayBuffer","length":0,"crc32":0}')).toBe('Malformed')
    const two = Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 0)
    const bools = `{"dtype":"bool","shape":[2],"crc32":${crc32(two.subarray(0, 2))}}`
    expect(left(withHeader([bools], two))._tag).toBe('Malformed')
    const padding = Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 9)
    const fine = `{"dtype":"bool","shape":[2],"crc32":${crc32(padding.subarray(0, 2))}}`
    expect(left(withHeader([fine], padding))).toMatchObject({ _tag: 'Damaged' })
    // As deep as a line can be.
    expect(node('['.repeat(1_000_000) + ']'.repeat(1_000_000))).toBe('Malformed')
    expect(node('{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000))).toBe('Malformed')
    expect(left(withHeader(Array<string>(100_000).fill('"some"')))._tag).toBe('Malformed')
  })

  // What stands in headers, to be put where it does not belong.
  const words = [
    '"some"',
    '"null"',
    '{"array":1}',
    '{"array":1e9}',
    '{"object":["a"]}',
    '[1e9]',
    '0',
    '-1',
    '1e400',
    '{',
    '"',
    '\\u',
  ]
  const mutations = fc.record({
    at: fc.nat(),
    kind: fc.constantFrom('byte', 'cut', 'copy', 'word', 'grow'),
    byte: fc.nat({ max: 255 }),
    length: fc.nat({ max: 40 }),
    word: fc.constantFrom(...words),
  })
  const mutated = (draft: Uint8Array, m: typeof mutations extends fc.Arbitrary<infer M> ? M : never): Uint8Array => {
    const at = m.at % (draft.length + 1)
    const rest = draft.subarray(at)
    const end = draft.subarray(0, at)
    switch (m.kind) {
      case 'byte':
        return Uint8Array.from([...end, m.byte, ...rest.subarray(1)])
      case 'cut':
        return Uint8Array.from([...end, ...rest.subarray(m.length)])
      case 'copy':
        return Uint8Array.from([...end, ...rest.subarray(0, m.length), ...rest])
      case 'grow':
        return Uint8Array.from([...draft, ...new Uint8Array(m.length)])
      default:
        return Uint8Array.from([...end, ...Array.from(m.word, (c) => c.charCodeAt(0)), ...rest.subarray(m.word.length)])
    }
  }

  it('mutated, with wrong checksums and with right ones, are a Left or a tree; 2,000 times each', () => {
    const small = pytrees(
      fc.oneof(arrays({ maxRank: 2, maxExtent: 2, dtype: dtypes('any') }), fc.double(), fc.string()),
    )
    const check = (
      t: unknown,
      ms: readonly (typeof mutations extends fc.Arbitrary<infer M> ? M : never)[],
      seal: boolean,
    ): void => {
      const whole = tree.serialize(t)
      const draft = ms.reduce<Uint8Array>(mutated, whole)
      const read = tree.deserialize(seal ? sealed(draft) : draft)
      if (read._tag === 'Left') {
        expect(read.left.byte).toBeGreaterThanOrEqual(0)
        expect(read.left.byte).toBeLessThanOrEqual(draft.length)
        return
      }
      // What was read is a sound tree: it can be looked at, and written again.
      const again = right(tree.deserialize(tree.serialize(read.right)))
      expect(spellTree(again)).toBe(spellTree(read.right))
      for (const leaf of tree.leaves(read.right)) {
        if (!(leaf instanceof ArrayClass)) continue
        expect(leaf.body.host('test').byteLength).toBe((leaf.size * bitsOf(leaf.dtype)) / 8)
        expect(leaf.toString().length).toBeGreaterThan(0)
      }
      if (!seal) expect(spellTree(read.right)).toBe(spellTree(t))
    }
    for (const seal of [false, true]) {
      fc.assert(
        fc.property(
          fc.oneof(small, fc.constant(sample)),
          fc.array(mutations, { minLength: 1, maxLength: 3 }),
          (t, ms) => {
            check(t, ms, seal)
          },
        ),
        { numRuns: 2000 },
      )
    }
  })

  it('that claim much take little memory and time', () => {
    const claims = Array.from({ length: 1000 }, () => '{"dtype":"float64","shape":[1000000000],"crc32":0}')
    const start = performance.now()
    const before = process.memoryUsage().arrayBuffers
    expect(left(withHeader(['{"array":1000}', ...claims]))._tag).toBe('Truncated')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10e6)
    expect(performance.now() - start).toBeLessThan(2000)
  })
})

describe('a model', () => {
  it('goes to a file and comes back', () => {
    const model = nn.sequential(nn.linear(3, 4), nn.batchNorm(4), nn.relu, nn.linear(4, 2))
    const saved = { params: model.init(random.key(0)), state: model.initState(), key: random.key(1), step: 12 }
    const back = right(tree.deserialize(tree.serialize(saved), { like: saved }))
    expect(tree.equal(back, saved)).toBe(true)
    expect(back.params[0].kernel.shape).toEqual([3, 4])
  })
})

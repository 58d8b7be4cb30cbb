/** What a model says: its inputs and outputs, their names, what is inside; and the bytes of the format. */
import type { NDArray } from 'pullback'
import { makeProgram, np, pureCallback, ShapeDtypeStruct, tree } from 'pullback'
import { openOnnx, readTensors } from 'pullback/io'
import { exportOnnx, modelBytes } from 'pullback/onnx'
import { describe, expect, it } from 'vitest'
import { Message, varint } from '../../src/onnx/protobuf.ts'
import { get } from '../io/support/recorded.ts'

const params = { w: np.arange(6).reshape([3, 2]).astype('float32'), b: np.ones([2]) }
const apply = ({ w, b }: { w: NDArray; b: NDArray }, x: NDArray): { readonly y: NDArray } => ({
  y: np.add(np.matmul(x, w), b),
})

describe('exportOnnx', () => {
  it('calls arrays by their paths, and by the number of the argument where that says nothing', () => {
    const { inputs, outputs } = exportOnnx(apply)(params, np.ones([4, 3]))
    expect(inputs.map(({ name, path, shape }) => [name, path, shape])).toEqual([
      ['b', [0, 'b'], [2]],
      ['w', [0, 'w'], [3, 2]],
      ['arg1', [1], [4, 3]],
    ])
    expect(outputs).toEqual([{ name: 'y', path: ['y'], dtype: 'float32', shape: [4, 2] }])
  })

  it('puts more before names that two arrays would have', () => {
    const f = (p: { w: NDArray }, q: { w: NDArray; y: NDArray }) => ({ y: np.add(p.w, q.w), z: [q.y] })
    const { inputs, outputs } = exportOnnx(f)({ w: np.ones([2]) }, { w: np.ones([2]), y: np.ones([2]) })
    expect(inputs.map((x) => x.name)).toEqual(['arg0.w', 'arg1.w', 'y'])
    expect(outputs.map((x) => x.name)).toEqual(['output.y', 'z.0'])
  })

  it('calls a result that is one array output, and lists output.0, …', () => {
    expect(exportOnnx((x: NDArray) => np.exp(x))(np.ones([2])).outputs.map((x) => x.name)).toEqual(['output'])
    const two = exportOnnx((x: NDArray) => [x, np.exp(x)])(np.ones([2]))
    expect(two.outputs.map((x) => x.name)).toEqual(['output.0', 'output.1'])
  })

  it('has what is baked in inside, under its path', async () => {
    const { bytes, inputs } = exportOnnx(apply, { bakeArgnums: 0, inputNames: ['x'], outputNames: ['scores'] })(
      params,
      np.ones([4, 3]),
    )
    expect(inputs.map((x) => x.name)).toEqual(['x'])
    const inside = await get(readTensors(await get(openOnnx(bytes))))
    expect(np.arrayEqual(inside['w']!, params.w).bool()).toBe(true)
    expect(np.arrayEqual(inside['b']!, params.b).bool()).toBe(true)
  })

  it('has arrays that the function closes over inside, and none that nothing reads', async () => {
    const large = np.arange(1000).astype('float32')
    const f = ({ unused: _, x }: { unused: NDArray; x: NDArray }): NDArray => np.multiply(x, large)
    const { bytes } = exportOnnx(f, { bakeArgnums: 0 })({ unused: np.ones([3000]), x: np.ones([1000]) })
    const inside = await get(readTensors(await get(openOnnx(bytes))))
    const sizes = Object.values(inside).map((x) => x.size)
    expect(sizes.filter((n) => n === 1000).length).toBe(2)
    expect(sizes).not.toContain(3000)
  })

  it('takes types in the place of arrays, but for what is baked in', () => {
    const struct = new ShapeDtypeStruct([4, 3], 'float32') as never
    expect(exportOnnx(apply)(params, struct).bytes).toEqual(exportOnnx(apply)(params, np.ones([4, 3])).bytes)
    expect(() => exportOnnx(apply, { bakeArgnums: 1 })(params, struct)).toThrow(/argument 1, which is not an array/)
  })

  it('refuses names that are too few, or not different', () => {
    const x = np.ones([4, 3])
    expect(() => exportOnnx(apply, { inputNames: ['x'] })(params, x)).toThrow(/inputNames names 1 arrays; .* 3 inputs/)
    expect(() => exportOnnx(apply, { bakeArgnums: 0, inputNames: ['x'], outputNames: ['x'] })(params, x)).toThrow(
      /'x' names two arrays/,
    )
    expect(() => exportOnnx(apply, { outputNames: [''] })(params, x)).toThrow(/is empty/)
  })

  it('refuses callbacks by name', () => {
    const half = (x: NDArray): NDArray => x.div(2)
    const f = (x: NDArray): NDArray => pureCallback(half, new ShapeDtypeStruct([2], 'float32'), x)
    expect(() => exportOnnx(f)(np.ones([2]))).toThrow(/half is a function of this process/)
  })
})

describe('modelBytes', () => {
  it('writes the same bytes for the same program', () => {
    const program = makeProgram((x: NDArray) => np.cumsum(np.sort(x)))(np.zeros([5]))
    expect(modelBytes(program)).toEqual(modelBytes(program))
  })

  it('repeats nothing for operators on elements, which repeat by themselves', () => {
    const text = (f: (x: NDArray) => NDArray): string =>
      new TextDecoder('latin1').decode(modelBytes(makeProgram(f)(np.zeros([64, 3]))))
    expect(text((x) => np.add(np.multiply(x, np.array([1, 2, 3])), 1))).not.toContain('Expand')
    expect(text((x) => np.subtract(x, np.max(x, { axis: 1, keepdims: true })))).not.toContain('Expand')
    // What is given out is all there.
    expect(text((x) => np.broadcastTo(np.sum(x), [2]))).toContain('Expand')
  })
})

describe('Protocol Buffers', () => {
  it.each([
    [0, [0]],
    [1, [1]],
    [127, [127]],
    [128, [128, 1]],
    [300, [172, 2]],
    [-1, [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
    [2 ** 40, [128, 128, 128, 128, 128, 32]],
  ])('%i', (n, bytes) => {
    expect([...varint(n)]).toEqual(bytes)
  })

  it('writes fields one after the other, messages with their lengths', () => {
    const inner = new Message().integer(1, 150).text(2, 'né')
    const outer = new Message().message(3, inner).bytes(4, new Uint8Array(0))
    expect([...outer.encode()]).toEqual([26, 8, 8, 150, 1, 18, 3, 110, 195, 169, 34, 0])
    expect(outer.length).toBe(12)
  })
})

it('has every array of a deep tree under its own name', () => {
  const deep = { layers: [{ k: np.ones([2]) }, { k: np.ones([2]) }] }
  const f = (p: typeof deep): NDArray => tree.leaves(p).reduce((sum: NDArray, x) => np.add(sum, x), np.zeros([2]))
  expect(exportOnnx(f)(deep).inputs.map((x) => x.name)).toEqual(['layers.0.k', 'layers.1.k'])
})

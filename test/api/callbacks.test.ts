import {
  ArgumentError,
  checkpoint,
  customJvp,
  debug,
  grad,
  jit,
  LoopBoundError,
  lax,
  makeProgram,
  np,
  printProgram,
  pureCallback,
  ShapeDtypeStruct,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose } from 'pullback/testing'
import { afterEach, describe, expect, it } from 'vitest'

const methods = ['sequential', 'expandDims', 'broadcastAll'] as const
type Method = (typeof methods)[number]

/** x y + z on the host, and the shapes that it was called with. */
const recorded = (vmapMethod: Method) => {
  const shapes: string[] = []
  const callback = (x: NDArray, t: { readonly y: NDArray; readonly z: NDArray }): NDArray => {
    shapes.push([x, t.y, t.z].map((a) => `[${a.shape.join()}]`).join(' '))
    return np.add(np.multiply(x, t.y), t.z)
  }
  const f = (x: NDArray, y: NDArray, z: NDArray): NDArray =>
    pureCallback({ callback, vmapMethod }, new ShapeDtypeStruct(x.shape, 'float32'), x, { y, z })
  return { f, shapes }
}

const x = np.array([1, 2, 3])
const one = np.array(10)
const wanted = np.array([11, 14, 19])
const xy = (f: (x: NDArray, y: NDArray, z: NDArray) => NDArray) => (a: NDArray, z: NDArray) =>
  vmap(f, { inAxes: [0, 0, null] })(a, a, z)

describe('pureCallback under vmap', () => {
  const called: { readonly [M in Method]: readonly string[] } = {
    sequential: ['[] [] []', '[] [] []', '[] [] []'],
    expandDims: ['[3] [3] [1]'],
    broadcastAll: ['[3] [3] [3]'],
  }

  it.each(methods)('is called as %s says, eagerly and under jit', (method) => {
    const { f, shapes } = recorded(method)
    assertClose('eager', xy(f)(x, one), wanted)
    expect(shapes).toEqual(called[method])
    shapes.length = 0
    assertClose('jit of vmap', jit(xy(f))(x, one), wanted)
    expect(shapes).toEqual(called[method])
    shapes.length = 0
    assertClose('vmap of jit', xy(jit(f))(x, one), wanted)
    expect(shapes).toEqual(called[method])
  })

  it('is sequential by default, and the same as a plain function', () => {
    const run = (g: unknown): string =>
      printProgram(makeProgram((a: NDArray) => vmap((e: NDArray) => pureCallback(g as never, new ShapeDtypeStruct([], 'float32'), e))(a))(x)) // prettier-ignore
    const callback = (e: NDArray): NDArray => e
    expect(run(callback)).toBe(run({ callback, vmapMethod: 'sequential' }))
    expect(run({ callback })).toBe(run(callback))
    expect(run(callback)).toContain('scan')
    expect(run({ callback, vmapMethod: 'broadcastAll' })).not.toContain('scan')
  })

  it.each(methods)('nests: %s', (method) => {
    const { f, shapes } = recorded(method)
    const g = vmap(vmap(f, { inAxes: [0, null, null] }), { inAxes: [1, 0, null] })
    const xs = np.array([[1, 2, 3], [4, 5, 6]]) // prettier-ignore
    const ys = np.array([1, 10, 100])
    const all = np.add(np.multiply(np.transpose(xs), np.reshape(ys, [3, 1])), 10)
    for (const h of [g, jit(g)]) {
      shapes.length = 0
      assertClose('nested', h(xs, ys, one), all)
      const nested = { sequential: '[] [] []', expandDims: '[3,2] [3,1] [1,1]', broadcastAll: '[3,2] [3,2] [3,2]' }
      expect(shapes).toEqual(Array.from({ length: method === 'sequential' ? 6 : 1 }, () => nested[method]))
    }
  })

  it.each(methods)('leaves callbacks alone that no mapped value reaches: %s', (method) => {
    const { f, shapes } = recorded(method)
    const g = vmap((a: NDArray) => np.add(a, f(one, one, one)))
    assertClose('values', g(x), np.add(x, 110))
    expect(shapes).toEqual(['[] [] []'])
  })

  it.each(methods)('moves batch axes to the front, and gives several results and none: %s', (method) => {
    const callback = (v: NDArray): unknown => [v, { n: np.sum(v, { axis: -1 }) }]
    const result = [new ShapeDtypeStruct([2], 'float32'), { n: new ShapeDtypeStruct([], 'float32') }] as const
    const f = (v: NDArray) => pureCallback({ callback, vmapMethod: method }, result, v)
    const v = np.array([[1, 2, 3], [4, 5, 6]]) // prettier-ignore
    const [same, { n }] = vmap(f, { inAxes: 1 })(v)
    assertClose('first', same, np.transpose(v))
    assertClose('second', n, np.array([5, 7, 9]))
    const empty = vmap(f)(np.zeros([0, 2]))
    expect([empty[0].shape, empty[1].n.shape]).toEqual([[0, 2], [0]])
  })

  it.each(methods)('has the derivative that customJvp gives, in loops and checkpoints too: %s', (method) => {
    const host = (g: (v: NDArray) => NDArray) => (v: NDArray) =>
      pureCallback({ callback: g, vmapMethod: method }, new ShapeDtypeStruct(v.shape, v.dtype), v)
    const [sine, cosine] = [host((v) => np.sin(v)), host((v) => np.cos(v))]
    const f = customJvp(sine).defjvp(([v], [t]) => [sine(v), np.multiply(t, cosine(v))])
    const loop = (v: NDArray): NDArray => lax.scan((c: NDArray) => [checkpoint(f)(c), null], v, null, { length: 2 })[0]
    const plain = (v: NDArray): NDArray => np.sin(np.sin(v))
    assertClose('gradient', vmap(grad(loop))(x), vmap(grad(plain))(x))
    assertClose('compiled', jit(vmap(grad(loop)))(x), vmap(grad(plain))(x))
  })

  it('shows in printed programs', () => {
    const text = printProgram(makeProgram(xy(recorded('expandDims').f))(x, one))
    expect(text).toContain('vmapMethod="expandDims"')
  })

  it('says what is wrong', () => {
    const sums = (v: NDArray): NDArray => np.sum(v)
    const f = (vmapMethod: Method) => (v: NDArray) =>
      pureCallback({ callback: sums, vmapMethod }, new ShapeDtypeStruct([], 'float32'), v)
    expect(String(vmap(f('sequential'))(x))).toBe('[1. 2. 3.]')
    expect(() => vmap(f('expandDims'))(x)).toThrow(
      'pureCallback: sums returned f32[], announced was f32[], with the batch axes in front that expandDims asks for: f32[3].',
    )
    expect(() => f('parallel' as never)(x)).toThrow(ArgumentError)
    expect(() => f('parallel' as never)(x)).toThrow(/vmapMethod must be 'sequential' or 'expandDims' or 'broadcastAll', got the string "parallel"/) // prettier-ignore
    expect(() => grad(f('expandDims'))(one)).toThrow(/customJvp/)
  })
})

describe('debug.loopBounds', () => {
  afterEach(() => {
    debug.loopBounds(false)
  })
  const grow =
    (maxSteps: number) =>
    (v: NDArray): NDArray =>
      lax.whileLoop((y) => np.less(y, 100), (y) => np.multiply(y, v), v, { maxSteps }) // prettier-ignore

  it('makes it an error that a loop is cut off, wherever it runs', () => {
    const [three, points] = [np.array(3), np.array([3, 200, 10])]
    const cases: readonly ((f: (v: NDArray) => NDArray) => unknown)[] = [
      (f) => f(three),
      (f) => jit(f)(three),
      (f) => grad(f)(three),
      (f) => jit(grad(f))(three),
      (f) => vmap(f)(points),
      (f) => jit(vmap(grad(f)))(points),
      (f) => lax.scan((c: NDArray) => [c, f(c)], three, null, { length: 2 }),
    ]
    // From 3 it takes 4 steps: 9, 27, 81, 243.
    const silent = cases.map((run) => String(run(grow(3))))
    expect(silent.slice(0, 2)).toEqual(['81.', '81.'])
    debug.loopBounds(true)
    for (const run of cases) {
      expect(() => run(grow(3))).toThrow(LoopBoundError)
      expect(() => run(grow(3))).toThrow(/whileLoop: the condition still holds after maxSteps = 3 steps/)
      expect(String(run(grow(4)))).toBe(String(run(grow(50))))
    }
  })

  it('asks the condition, whose constants may be traced, and leaves loops without a bound alone', () => {
    debug.loopBounds(true)
    const below = (limit: NDArray): NDArray =>
      lax.whileLoop((y) => np.less(y, limit), (y) => np.add(y, 1), np.array(0), { maxSteps: 5 }) // prettier-ignore
    expect(jit(below)(np.array(5)).item()).toBe(5)
    expect(() => jit(below)(np.array(6))).toThrow(LoopBoundError)
    expect(() => vmap(below)(np.array([2, 6]))).toThrow(LoopBoundError)
    const free = (v: NDArray): NDArray => lax.whileLoop((y) => np.less(y, 100), (y) => np.multiply(y, v), v) // prettier-ignore
    expect(String(makeProgram(free)(np.array(3)))).not.toContain('callback')
  })

  it('is off by default, and concerns what is traced while it is on', () => {
    const before = jit(grow(2))
    before(np.array(3))
    debug.loopBounds(true)
    expect(before(np.array(3)).item()).toBe(27)
    const during = jit(grow(2))
    expect(() => during(np.array(3))).toThrow(LoopBoundError)
    debug.loopBounds(false)
    expect(grow(2)(np.array(3)).item()).toBe(27)
  })
})

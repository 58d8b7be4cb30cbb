/** Results in the places of what they are computed from: donated arrays, what goes round loops, and chains of kernels. */
import type { Index, NDArray } from 'pullback'
import {
  explain,
  jit,
  lax,
  makeProgram,
  np,
  optim,
  optimize,
  pureCallback,
  ShapeDtypeStruct,
  withDevice,
} from 'pullback'
import { assertAllClose, conforms, onDevice, wasmDevice } from 'pullback/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { compile } from '../../../src/backends/wasm/compile.ts'
import { WasmDevice } from '../../../src/backends/wasm/device.ts'

const MB = 2 ** 20

const finest = new WasmDevice((program, features) => compile(program, features, { finest: true }), {
  threads: 2,
  startAfter: 0,
  guards: true,
  small: 0,
})

afterAll(() => {
  finest.dispose()
})

/** A million numbers between 0 and 1 are 4 MB. */
const numbers = (...shape: readonly number[]): NDArray => {
  const size = shape.reduce((a, b) => a * b, 1)
  return np.array(Float32Array.from({ length: size }, (_, i) => (i * 0.618034) % 1)).reshape(shape)
}

const part = (x: NDArray, ...index: readonly Index[]): NDArray => x.at(...index).get()

const reversed = np.slice(null, null, -1)

/** The function on a device that may write results over inputs, against the interpreter. */
const check = (f: (...xs: NDArray[]) => NDArray | readonly NDArray[], ...inputs: readonly NDArray[]): void => {
  const program = optimize(makeProgram(f)(...inputs))
  conforms(
    program,
    inputs.map((x) => x.dataSync()),
    onDevice(finest, { donate: true }),
  )
}

describe('donated arrays', () => {
  it('are what an update is written over', () => {
    const optimizer = optim.adam(1e-3)
    const update = (
      w: NDArray,
      state: optim.StateOf<typeof optimizer>,
      g: NDArray,
    ): { w: NDArray; state: optim.StateOf<typeof optimizer> } => {
      const [updates, next] = optimizer.update(g, state, w)
      return { w: optim.applyUpdates(w, updates), state: next }
    }
    const n = MB
    const step = jit(update, { donateArgnums: [0, 1] })
    // Weights, two moments and a gradient are 16 MB; so much again would be too much.
    const device = wasmDevice({ threads: 1, maxBytes: 24 * MB })
    withDevice(device, () => {
      const g = numbers(n)
      let [w, state] = [numbers(n).mul(1), optimizer.init(np.zeros([n]))]
      for (let i = 0; i < 5; i++) {
        const next = step(w, state, g)
        w = next.w
        state = next.state
      }
      let wanted = { w: numbers(n), state: optimizer.init(np.zeros([n])) }
      withDevice('interpreter', () => {
        for (let i = 0; i < 5; i++) wanted = update(wanted.w, wanted.state, g)
      })
      assertAllClose('after five steps', [w], [wanted.w], { rtol: 1e-6 })
    })
    device.dispose()
  })

  it('are left alone where they are read once more, given twice, or part of another array', () => {
    const x = numbers(40, 50)
    check((a) => [a.mul(2), a.sum()], x)
    check((a) => [a.mul(2), a.T], x)
    check((a, b) => [a.add(1), b.mul(a)], x, x)
    check((a) => a.add(part(a, reversed)), x)
    check((a) => a.sub(a.mean({ axis: 1, keepdims: true })), x)
    check((a) => np.add(a, np.matmul(a, np.matmul(a.T, a))), x)
    check((a) => [a, a.add(1)], x)
    check((a, b) => [np.cumsum(a, { axis: 0 }).add(b), b], x, x)

    const twice = jit((a: NDArray, b: NDArray) => [a.add(1), b.add(2)] as const, { donateArgnums: [0, 1] })
    const own = x.mul(1)
    const [y, z] = twice(own, own)
    assertAllClose('one array given twice', [y, z], [x.add(1), x.add(2)])

    const shared = x.mul(1)
    const alias = jit((a: NDArray) => a)(shared)
    jit((a: NDArray) => a.add(1), { donateArgnums: 0 })(shared)
    assertAllClose('the other array', [alias], [x])
  })

  it('are kept by calls that a transformation records', () => {
    const f = jit((a: NDArray, b: NDArray) => a.mul(b).sum(), { donateArgnums: 0 })
    const a = numbers(2000)
    const mapped = jit((b: NDArray) => f(a, b))
    expect(mapped(np.ones([2000])).item()).toBeCloseTo(a.sum().item(), 2)
    expect(a.shape).toEqual([2000])
    expect(a.sum().item()).toBeGreaterThan(0)
  })

  it('are untouched if a program that calls back fails', () => {
    const fail = (): NDArray => {
      throw new RangeError('no')
    }
    const f = jit((a: NDArray) => a.add(pureCallback(fail, new ShapeDtypeStruct([2000], 'float32'), a)), {
      donateArgnums: 0,
    })
    const a = numbers(2000).mul(1)
    expect(() => f(a)).toThrow('no')
    expect(part(a, 1).item()).toBeCloseTo(0.618034, 5)
  })
})

describe('what goes round a loop', () => {
  const rows = numbers(7, 30)

  it('stays in its place where it can, and takes none that is still read', () => {
    type Pair = readonly [NDArray, NDArray]
    const scan = (f: (a: NDArray, b: NDArray, y: NDArray) => readonly [NDArray, NDArray, NDArray | null]): void => {
      check(
        (a, b, ys) => {
          const [[x, y], out] = lax.scan(
            ([p, q]: Pair, row: NDArray) => {
              const [r, s, t] = f(p, q, row)
              return [[r, s] as Pair, t] as [Pair, NDArray | null]
            },
            [a, b] as Pair,
            ys,
          )
          return out === null ? [x, y] : [x, y, out]
        },
        numbers(30),
        numbers(30).add(1),
        rows,
      )
    }
    scan((p, q, y) => [q, p.add(y), null])
    scan((p, q, y) => [p.add(1), p.mul(y), null])
    scan((p, q, y) => [p, q.add(y), p])
    scan((p, q, y) => [p.add(y), q, q.mul(p)])
    scan((p, q, y) => [p.add(q).mul(0.5), q.add(p).mul(0.25), p.add(y)])
    scan((p, q, y) => [part(p, reversed).add(y), q.add(y.sum()), null])
    scan((p, q, y) => [np.cumsum(p).mul(0.1), np.sin(q).add(p), y.add(q)])
    scan((p) => [p.add(1), p.add(1), p.add(1)])
    scan((p, q, y) => [p.at(3).set(y.sum()), q.at(np.array([1, 1, 5]).astype('int32')).add(part(p, 2)), null])
    check(
      (x) =>
        lax.whileLoop(
          ([i, a]: readonly [NDArray, NDArray]) => np.logicalAnd(np.less(i, 5), np.less(a.sum(), 1e6)),
          ([i, a]: readonly [NDArray, NDArray]) => [i.add(1), a.mul(a.sum())] as const,
          [np.array(0).astype('int32'), x] as const,
        )[1],
      numbers(30),
    )
  })

  it('is neither copied nor kept twice by an update of one row', () => {
    const cache = numbers(1024, 1024)
    const fill = jit((x: NDArray) =>
      lax.foriLoop(0, 100, (i: NDArray, c: NDArray) => lax.dynamicUpdateSlice(c, np.ones([1, 1024]), [i, 0]), x),
    )
    expect(explain(fill, cache).plannedPeak).toBeLessThan(3 * 4 * MB + 100_000)
    const sums = fill(cache).sum({ axis: 1 })
    expect(part(sums, 99).item()).toBe(1024)
    expect(part(sums, 100).item()).toBeCloseTo(part(cache, 100).sum().item(), 1)
  })
})

describe('chains of kernels', () => {
  it('work on one array', () => {
    const f = (x: NDArray): NDArray => {
      let y = x
      for (let i = 0; i < 6; i++) y = np.matmul(nonlinear(y), w)
      return y
    }
    const nonlinear = (y: NDArray): NDArray => np.tanh(y.sub(y.mean({ axis: 1, keepdims: true })))
    const w = numbers(256, 256).mul(0.01)
    const x = numbers(256, 256)
    check(f, x)
    // The input, the weights, the result, one array between products, and packed operands of these.
    expect(explain(jit(f), x).plannedPeak).toBeLessThan(6.5 * 256 * 256 * 4)
  })
})

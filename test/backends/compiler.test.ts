/** Programs that the compiler once got wrong, and larger ones of the kinds that are easy to get wrong. */
import type { NDArray } from 'pullback'
import { Program, Variable, equation, lax, makeProgram, np, optimize } from 'pullback'
import { conforms, onDevice } from 'pullback/testing'
import { afterAll, describe, it } from 'vitest'
import { compile } from '../../src/backends/wasm/compile.ts'
import { WasmDevice } from '../../src/backends/wasm/device.ts'

const deviceWith = (threads: number): WasmDevice =>
  new WasmDevice((program, features) => compile(program, features, { finest: true }), {
    threads,
    relaxed: false,
    startAfter: 0,
    guards: true,
  })

const devices = [deviceWith(1), deviceWith(2)]

afterAll(() => {
  for (const device of devices) device.dispose()
})

/** Distinct numbers from 0 to 1, in no order. */
const numbers = (...shape: readonly number[]): NDArray => {
  const size = shape.reduce((a, b) => a * b, 1)
  return np.array(Float32Array.from({ length: size }, (_, i) => ((i * 0.618034) % 1) + i / 2 ** 22)).reshape(shape)
}

/** The function's program, as it was traced and optimized, on both devices, against the interpreter. */
const check = (f: (...xs: NDArray[]) => NDArray | readonly NDArray[], ...inputs: readonly NDArray[]): void => {
  const traced = makeProgram(f)(...inputs)
  const data = inputs.map((x) => x.dataSync())
  for (const program of [traced, optimize(traced)]) {
    for (const device of devices) conforms(program, data, onDevice(device))
  }
}

describe('places in memory', () => {
  it('of arrays turned round that are longer than what lies before them', () => {
    check((x) => np.flip(x).mul(2), numbers(200_000))
    check((x) => np.flip(x, { axis: 0 }).mul(2), numbers(1000, 200))
  })

  it('divided into coordinates of arrays turned round', () => {
    check((x) => np.flip(x.T.reshape([12])).mul(2), numbers(3, 4))
    check(
      (x) =>
        np
          .flip(x.T.reshape([35 * 64]))
          .reshape([64, 35])
          .T.mul(2),
      numbers(35, 64),
    )
  })

  it('in shapes with several axes of extent 1 before the others', () => {
    check(
      (x) =>
        np
          .cumsum(x.reshape([2, 1]).mul(0.3).add(1))
          .reshape([1, 1, 2])
          .mul(2),
      numbers(1, 1, 2),
    )
    check((x) => x.reshape([2, 1]).mul(0.3).add(1), numbers(1, 1, 2))
    check((x) => x.reshape([1, 1, 1, 3, 2]).add(np.sin(x).reshape([1, 1, 1, 3, 2])), numbers(6))
    check((x) => x.reshape([6]).mul(2), numbers(1, 1, 1, 3, 2))
  })

  it('of a view of a view, which alone has no strides', () => {
    const f = (x: NDArray, w: NDArray): readonly NDArray[] => {
      const turned = np.flip(x.T)
      return [turned.mul(1), turned, np.dot(turned.T.reshape([24]), w)]
    }
    check(f, numbers(4, 6), numbers(24))
  })
})

describe('reductions', () => {
  it('over no axes of a single element', () => {
    for (const shape of [[], [1], [1, 1]]) {
      const x = numbers(...shape)
      const [input, sum] = [new Variable(x.aval), new Variable(x.aval)]
      const equations = [equation('reduceSum', { axes: [] }, [input], [sum])]
      const program = new Program({ inputs: [input], equations, outputs: [sum] })
      for (const device of devices) conforms(program, [x.dataSync()], onDevice(device))
    }
  })
})

describe('memory used again', () => {
  it('not while a scan reads along what another one carried', () => {
    const f = (x: NDArray, ys: NDArray): readonly NDArray[] => {
      const [carried] = lax.scan((c: NDArray, y: NDArray) => [c.mul(0.5).add(y), y.sum()] as [NDArray, NDArray], x, ys)
      const [total, sums] = lax.scan(
        (c: NDArray, row: NDArray) => [np.sin(c).add(row), c.mul(row)] as [NDArray, NDArray],
        np.zeros([5]),
        carried,
      )
      return [total, sums]
    }
    check(f, numbers(6, 5), numbers(4, 6, 5))
  })
})

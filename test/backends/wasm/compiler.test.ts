/** Programs that the compiler once got wrong, and larger ones of the kinds that are easy to get wrong. */
import * as fc from 'fast-check'
import type { NDArray } from 'pullback'
import { Program, Variable, equation, explain, jit, lax, makeProgram, np, optimize } from 'pullback'
import { conforms, onDevice } from 'pullback/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { compile } from '../../../src/backends/wasm/compile.ts'
import { WasmDevice } from '../../../src/backends/wasm/device.ts'
import { legalise } from '../../../src/backends/wasm/legalise.ts'

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

/** Choices from a list of numbers, for as long as it lasts. */
type Choose = (options: number) => number

/** Extents with this product, some of which are 1. */
const someShape = (size: number, choose: Choose): readonly number[] => {
  const shape: number[] = []
  let rest = size
  while (rest > 1 || choose(3) > 0) {
    const divisors = [1, 2, 3, 4, 5, 7, 8].filter((d) => rest % d === 0)
    const extent = shape.length > 5 ? rest : divisors[choose(divisors.length)]!
    shape.splice(choose(shape.length + 1), 0, extent)
    rest /= extent
  }
  return shape
}

const someView = (x: NDArray, choose: Choose): NDArray => {
  const { ndim, size } = x
  if (ndim === 0 || choose(4) === 0) return x.reshape(someShape(size, choose))
  const axis = choose(ndim)
  switch (choose(5)) {
    case 0:
      return np.swapaxes(x, axis, choose(ndim))
    case 1:
      return np.moveaxis(x, axis, choose(ndim))
    case 2:
      return np.flip(x, { axis })
    case 3:
      return size > 2000 ? x : np.concatenate([np.flip(x), x], { axis })
    default:
      return x.sub(np.max(x, { axis, keepdims: true }))
  }
}

describe('chains of views', () => {
  it('name the elements that the interpreter names', () => {
    const property = fc.property(fc.array(fc.nat(2 ** 20), { minLength: 20, maxLength: 60 }), (choices) => {
      let used = 0
      const choose: Choose = (options) => (choices[used++] ?? 0) % options
      const size = [6, 12, 30, 64, 96, 210][choose(6)]!
      const input = numbers(...someShape(size, choose))
      const first = used
      check((x) => {
        used = first
        let y = x
        while (used < choices.length) y = someView(y, choose)
        return [y.mul(2), np.flip(y)]
      }, input)
    })
    fc.assert(property, { numRuns: 150 })
  }, 60_000)
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

describe('domains of more elements than 32 bits count', () => {
  const product = (x: NDArray): NDArray => x.reshape([x.size, 1]).mul(x)
  const compiled = (f: (x: NDArray) => NDArray, n: number): Program => {
    const program = makeProgram(f)(np.zeros([n]))
    compile(program, { relaxed: false, wide: false, shared: false })
    return legalise(program)
  }

  it('are reduced along all axes but the first, then along that, without a number for each place', () => {
    const n = 60_000
    const { equations } = compiled((x) => np.sum(product(x)), n)
    expect(equations.flatMap((e) => (e.op === 'reduceSum' ? [e.params.axes] : []))).toEqual([[1], [0]])
    const three = compiled(
      (x) =>
        np.max(
          x
            .reshape([n, 1, 1])
            .mul(np.ones([3, 1]))
            .sub(x),
        ),
      n,
    )
    expect(three.equations.flatMap((e) => (e.op === 'reduceMax' ? [e.params.axes] : []))).toEqual([[1, 2], [0]])
  })

  it('cannot be one line', () => {
    const n = 70_000
    expect(() => compiled((x) => np.sum(product(x).reshape([n * n])), n)).toThrow(
      `jit: a loop over ${n * n} elements at once is too long; compiled loops count to ${2 ** 31 - 1}. ` +
        'Work on smaller pieces, with lax.map or lax.scan over one of the axes.',
    )
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

  it('by what is written at one place, once all has been read there', () => {
    const f = (x: NDArray, y: NDArray): readonly NDArray[] => {
      const sums = np.cumsum(x, { axis: 0 })
      return [np.max(sums, { axis: 1 }), y.mul(2)]
    }
    check(f, numbers(4, 17), numbers(4, 17))
  })

  it('at once by an update of what nothing else needs, and never of what is still needed', () => {
    const rows = np.array([3, 1, 3]).astype('int32')
    const updated = (x: NDArray, u: NDArray): NDArray => np.exp(x).at(rows).add(u)
    const inputs = [numbers(64, 50), numbers(3, 50)] as const
    check(updated, ...inputs)
    check(
      (x, u) => {
        const y = np.exp(x)
        return [y.at(rows).add(u), y]
      },
      ...inputs,
    )
    check((x, u) => x.at(rows).add(u), ...inputs)
    check(
      (x, u) => {
        const [last] = lax.scan(
          (c: NDArray, y: NDArray) => [np.cumsum(np.sin(c).at(rows).add(y), { axis: 0 }), null],
          x,
          u,
        )
        return last
      },
      numbers(4, 5),
      numbers(2, 3, 5),
    )
    // The exponentials and the result are one array.
    const { plannedPeak } = explain(jit(updated), ...inputs)
    expect(plannedPeak).toBeLessThan(2 * 64 * 50 * 4 + 3 * 50 * 4 + 1024)
  })
})

describe('explain', () => {
  it('says what it wants', () => {
    const plain = ((x: NDArray) => x) as never
    expect(() => explain(plain, ...([] as never))).toThrow('explain: the function is not compiled; hand over jit(f).')
  })
})

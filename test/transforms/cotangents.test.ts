import * as fc from 'fast-check'
import { grad, jvp, lax, makeProgram, np, vjp, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const f64 = (...shape: number[]): NDArray => {
  const size = shape.reduce((a, b) => a * b, 1)
  return np.reshape(np.array(Float64Array.from({ length: size }, (_, i) => Math.sin(i + 1))), shape)
}

const operations = (f: (x: NDArray) => NDArray, x: NDArray): readonly string[] =>
  makeProgram(grad(f))(x).equations.map((eqn) => eqn.op)

describe('cotangents of parts', () => {
  it('that make up a value are put side by side at once', () => {
    const f = (x: NDArray): NDArray => {
      const [a, b, c] = np.split(x, [1, 4], { axis: -1 })
      return np.sum(np.multiply(np.sum(np.sin(b), { axis: -1, keepdims: true }), np.multiply(a, np.square(c))))
    }
    const ops = operations(f, f64(2, 7))
    expect(ops.filter((op) => op === 'concatenate')).toHaveLength(1)
    expect(ops).not.toContain('pad')
    checkGrads(f, [f64(2, 7)])
  })

  it('with gaps between them take zeros there', () => {
    const f = (x: NDArray): NDArray =>
      np.add(np.sum(np.sin(x.at(np.slice(1, 2)).get())), np.sum(np.square(x.at(np.slice(3, 5)).get())))
    expect(operations(f, f64(7))).not.toContain('pad')
    assertClose('gradient', grad(f)(np.ones([7])), np.array([0, Math.cos(1), 0, 2, 2, 0, 0]))
  })

  it('alone, of several axes or with steps, are padded', () => {
    const alone = (x: NDArray): NDArray => np.sum(np.square(x.at(np.slice(1, 3)).get()))
    expect(operations(alone, f64(4))).toContain('pad')
    const others = (x: NDArray): NDArray =>
      np.add(
        np.sum(np.sin(x.at(np.slice(0, 2), np.slice(1, 3)).get())),
        np.sum(np.cos(x.at(np.slice(null, null, 2)).get())),
      )
    checkGrads(others, [f64(4, 3)])
  })

  it('of integers that are elements of one axis, one by one', () => {
    const f = (x: NDArray): NDArray => {
      const [a, b, c] = np.unstack(x) as [NDArray, NDArray, NDArray]
      return np.sum(np.multiply(np.multiply(a, b), c))
    }
    checkGrads(f, [f64(3, 2)])
    assertClose('under vmap', vmap(grad(f))(f64(4, 3, 2)), np.stack(np.unstack(f64(4, 3, 2)).map((x) => grad(f)(x))))
  })

  it('however they lie, add up to what they would one by one', () => {
    const ranges = fc
      .tuple(fc.nat({ max: 2 }), fc.nat({ max: 4 }), fc.nat({ max: 4 }))
      .map(([axis, a, b]) => ({ axis, start: Math.min(a, b), stop: Math.max(a, b) }))
    fc.assert(
      fc.property(fc.array(ranges, { maxLength: 7 }), (parts) => {
        const x = f64(4, 4, 4)
        const take = (x: NDArray): NDArray[] =>
          parts.map(({ axis, start, stop }) =>
            x.at(...[':', ':', ':'].map((all, d) => (d === axis ? np.slice(start, stop) : (all as ':')))).get(),
          )
        const [slices, pullback] = vjp((x: NDArray) => take(x), x)
        const seeds = slices.map((s, i) => np.add(np.cos(s), i))
        const [together] = pullback(seeds)
        // One at a time: no two parts meet.
        const apart = parts.map((part, i) => {
          const [, alone] = vjp((x: NDArray) => take(x)[i]!, x)
          return alone(seeds[i]!)[0]
        })
        assertClose(
          JSON.stringify(parts),
          together,
          apart.reduce((a, b) => np.add(a, b), np.zerosLike(x)),
        )
      }),
    )
  })

  it('keep the line of the user', () => {
    const f = (x: NDArray): NDArray => {
      const [a, b] = np.split(x, 2)
      return np.dot(a, np.sin(b))
    }
    // The engine keeps ten frames of a stack, which are all the library's here.
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 100
    const program = makeProgram(grad(f))(f64(4))
    Error.stackTraceLimit = limit
    const join = program.equations.find((eqn) => eqn.op === 'concatenate')!
    expect(String(join.source)).toContain('cotangents.test.ts')
  })
})

describe('the derivative of a gather that fills', () => {
  it('asks the indices, not the operand, what is inside', () => {
    const f = (x: NDArray): NDArray => np.sum(np.square(np.take(x, [0, 9, 1, -7], { axis: 0 })))
    expect(operations(f, f64(4, 3)).filter((op) => op === 'gather')).toHaveLength(1)
    const weights = np.array([1, 2, 3, 4, 5], { dtype: 'float64' })
    const g = (x: NDArray): NDArray => {
      const y = np.take(x, [3, 9, 0, -7, -1])
      return np.sum(np.multiply(weights, np.where(np.isnan(y), 0, np.square(y))))
    }
    const [a, , , d] = f64(4).toArray() as [number, number, number, number]
    assertClose('gradient', grad(g)(f64(4)), np.array([2 * 3 * a, 0, 0, 2 * (1 + 5) * d], { dtype: 'float64' }))
  })

  it('has indices of every integer dtype', () => {
    const x = f64(300)
    for (const dtype of ['int8', 'uint8', 'int32', 'uint32', 'int64'] as const) {
      const indices = np.astype(np.array([[0], [100], [127]]), dtype)
      const params = {
        offsetDims: [],
        collapsedSliceDims: [0],
        operandBatchingDims: [],
        startIndicesBatchingDims: [],
        startIndexMap: [0],
        sliceSizes: [1],
        mode: 'fill',
      } as const
      const [y, tangent] = jvp((x: NDArray) => lax.gather(x, indices, params), [x], [np.multiply(2, x)])
      assertClose(dtype, tangent, np.multiply(2, y))
    }
    const beyond = np.array(new Uint32Array([2 ** 32 - 1, 2]))
    const [, moved] = jvp(
      (x: NDArray) => lax.gather(x, np.reshape(beyond, [2, 1]), { offsetDims: [], collapsedSliceDims: [0], operandBatchingDims: [], startIndicesBatchingDims: [], startIndexMap: [0], sliceSizes: [1], mode: 'fill' }), // prettier-ignore
      [x],
      [np.onesLike(x)],
    )
    expect(moved.toArray()).toEqual([0, 1])
  })
})

/** Arrays in pieces, by the keys under which `recording/numpy_pieces.py` has the same. */
import { np } from 'pullback'
import type { NDArray } from 'pullback'
import type { AnyFunction } from './functions.ts'

const functions = {
  meshgrid: np.meshgrid,
  ix: np.ix,
  uniqueAll: (x: NDArray, options: np.SizeOptions) => {
    const { values, indices, inverseIndices, counts } = np.uniqueAll(x, options)
    return [values, indices, inverseIndices, counts]
  },
  uniqueSlices: (x: NDArray, options: np.UniqueOptions) => {
    const { values, indices, inverseIndices, counts } = np.uniqueAll(x, { equalNan: true, ...options })
    return [values, indices, inverseIndices, counts]
  },
  fillDiagonal: np.fillDiagonal,
  put: np.put,
  place: np.place,
  putAlongAxis: np.putAlongAxis,
  piecewise: (x: NDArray) =>
    np.piecewise(x, [np.less(x, 0), np.greater(x, 1)], [(v) => np.square(v), 7, (v) => np.multiply(3, v)]),
  piecewiseTwo: (x: NDArray) => np.piecewise(x, [np.less(x, 0)], [np.negative]),
  select: (x: NDArray, y: NDArray) => np.select([np.greater(x, 1), np.greater(x, 0)], [x, y], 0.5),
  choose: (i: NDArray, xs: readonly NDArray[], mode: 'clip' | 'wrap') => np.choose(i, xs, { mode }),
  alongAxis: (x: NDArray, axis: number) => np.applyAlongAxis((v) => np.multiply(np.cumsum(v), v.at(0).get()), axis, x),
  toMatrices: (x: NDArray, axis: number) => np.applyAlongAxis((v) => np.outer(v, v), axis, x),
  overAxes: (x: NDArray, axes: readonly number[]) => np.applyOverAxes((y, axis) => np.sum(y, { axis }), x, axes),
  vectorized: np.vectorize((a, x) => np.matmul(a, x), { signature: '(n,m),(m)->(n)' }),
  vectorizedNumbers: np.vectorize((x, y) => np.where(np.greater(x, y), np.multiply(x, y), 0)),
  fromfunction: (shape: readonly number[]) => np.fromfunction((i, j) => np.add(np.multiply(i, 10), j), shape),
  maskIndices: (n: number, k: number) => np.maskIndices(n, np.triu, k),
  partitioned: (x: NDArray, k: number) => np.partition(x, k).at('...', k).get(),
  resultType: (x: NDArray, y: NDArray) => np.resultType(x, y),
  append: (x: NDArray, y: NDArray) => np.append(x, y, { axis: 0 }),
}

export const pieceFunctions = Object.fromEntries(
  Object.entries(functions).map(([name, f]) => [`pieces.${name}`, f]),
) as unknown as { readonly [name: string]: AnyFunction }

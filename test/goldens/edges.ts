/** Functions at their edges, by the keys under which `recording/numpy_edges.py` has the same. */
import { np } from 'pullback'
import type { Index, NDArray } from 'pullback'
import type { AnyFunction } from './functions.ts'

type Values = NDArray | number

const functions = {
  'edges.trapezoid': (y: NDArray, dx: NDArray) => np.trapezoid(y, { dx }),
  'edges.interp': (x: NDArray, xp: NDArray, fp: NDArray, left: NDArray) =>
    np.interp(x, xp, fp, { left, right: 'extrapolate' }),
  'edges.einsumDots': (x: NDArray) => np.einsum(x, [0, '...'], ['...', 0]),
  'edges.partition': (x: NDArray, k: number, { axis = -1 } = {}) => np.take(np.partition(x, k, { axis }), k, { axis }),
  'edges.searchsorted': (a: NDArray, v: NDArray, side: 'left' | 'right', method: np.SearchMethod) =>
    np.searchsorted(a, v, { side, method }),
  'edges.quantile': (x: NDArray, q: Values, method: np.QuantileMethod, options = {}) =>
    np.quantile(x, q, { ...options, method }),
  'edges.nanquantile': (x: NDArray, q: Values, method: np.QuantileMethod, options = {}) =>
    np.nanquantile(x, q, { ...options, method }),
  'edges.put': np.put,
  'edges.place': np.place,
  'edges.fillDiagonal': np.fillDiagonal,
  'edges.putAlongAxis': np.putAlongAxis,
  'edges.delete': np.delete,
  'edges.insert': np.insert,
  'edges.fromfunction': (shape: readonly number[], options = {}) =>
    np.fromfunction(
      (...xs) => xs.reduce<Values>((sum, x, i) => np.add(sum, np.multiply(x, 10 ** i)), np.zeros([], options)),
      shape,
      options,
    ),
  'edges.fromfunctionOfRows': (shape: readonly number[]) =>
    np.fromfunction((i, j) => np.stack([i, j, np.multiply(i, j)]), shape),
  'edges.fromfunctionOfNothing': (shape: readonly number[]) => np.fromfunction(() => np.array(7), shape),
  'edges.maskIndices': (n: number, k: number, options = {}) => np.maskIndices(n, np.tril, k, options),
  'edges.meshgrid': np.meshgrid,
  'edges.divide': (x: NDArray, index: readonly Index[], v: NDArray) => x.at(...index).divide(v),
  'edges.power': (x: NDArray, index: readonly Index[], v: NDArray) => x.at(...index).power(v),
  'edges.apply': (x: NDArray, index: readonly Index[]) => x.at(...index).apply((v) => np.add(np.multiply(v, 3), 1)),
  'edges.resultType': (xs: readonly np.TypeLike[]) => np.resultType(...xs),
  'edges.kaiser': (beta: NDArray) => np.kaiser(5, beta),
  pad: (x: NDArray, width: np.PadWidth, mode: np.PadMode, options = {}) => np.pad(x, width, { ...options, mode }),
  padRow: (x: NDArray, width: number) =>
    np.pad(x, width, { mode: (line, [before], axis) => line.at(np.slice(0, before)).set(axis + 5) }),
}

export const edgeFunctions = functions as unknown as { readonly [name: string]: AnyFunction }

import { bind } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

type Axes = readonly number[]

export const reduceSum = (x: NDArray, axes: Axes): NDArray => (axes.length === 0 ? x : bind('reduceSum', { axes }, [x]))
export const reduceProd = (x: NDArray, axes: Axes): NDArray =>
  axes.length === 0 ? x : bind('reduceProd', { axes }, [x])
export const reduceMax = (x: NDArray, axes: Axes): NDArray => (axes.length === 0 ? x : bind('reduceMax', { axes }, [x]))
export const reduceMin = (x: NDArray, axes: Axes): NDArray => (axes.length === 0 ? x : bind('reduceMin', { axes }, [x]))
export const reduceAnd = (x: NDArray, axes: Axes): NDArray => (axes.length === 0 ? x : bind('reduceAnd', { axes }, [x]))
export const reduceOr = (x: NDArray, axes: Axes): NDArray => (axes.length === 0 ? x : bind('reduceOr', { axes }, [x]))

/** Index (int32) of the first largest element along an axis; of the first NaN if there is one. */
export const argmax = (x: NDArray, axis: number): NDArray => bind('argmax', { axis }, [x])
/** Index (int32) of the first smallest element along an axis; of the first NaN if there is one. */
export const argmin = (x: NDArray, axis: number): NDArray => bind('argmin', { axis }, [x])

export const cumsum = (x: NDArray, axis: number, reverse = false): NDArray => bind('cumsum', { axis, reverse }, [x])
export const cumprod = (x: NDArray, axis: number, reverse = false): NDArray => bind('cumprod', { axis, reverse }, [x])
export const cummax = (x: NDArray, axis: number, reverse = false): NDArray => bind('cummax', { axis, reverse }, [x])
export const cummin = (x: NDArray, axis: number, reverse = false): NDArray => bind('cummin', { axis, reverse }, [x])

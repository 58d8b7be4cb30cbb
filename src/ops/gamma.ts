import { bind } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

export const lgamma = (x: NDArray): NDArray => bind('lgamma', {}, [x])
export const digamma = (x: NDArray): NDArray => bind('digamma', {}, [x])
export const polygamma = (x: NDArray, order: number): NDArray => bind('polygamma', { order }, [x])

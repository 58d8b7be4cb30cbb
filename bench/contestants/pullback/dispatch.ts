import { grad, jit, np } from 'pullback'
import type { NDArray } from 'pullback'
import type { Call } from '../../tasks/dispatch.ts'
import { at, eight } from '../../tasks/dispatch.ts'
import type { Work, Works } from '../../tasks/row.ts'
import { read } from './arrays.ts'

const call = (x: NDArray, f: (x: NDArray) => NDArray): Work => ({
  run: () => f(x).dataSync(),
  values: () => [read(f(x))],
})

const timesTwoPlusOne = (x: NDArray): NDArray => x.mul(2).add(1)

export const works: Works<Call> = {
  'W8.jit': () => call(np.array(eight), jit(timesTwoPlusOne)),
  'W8.eager': () => call(np.array(eight), timesTwoPlusOne),
  'W8.grad': () =>
    call(
      np.array(at),
      grad((x: NDArray) => np.sin(np.multiply(x, x))),
    ),
}

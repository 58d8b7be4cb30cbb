import { grad, jit, numpy } from '@jax-js/jax'
import type { Call } from '../../tasks/dispatch.ts'
import { at, eight } from '../../tasks/dispatch.ts'
import type { Work, Works } from '../../tasks/row.ts'
import type { JaxArray } from './arrays.ts'
import { read } from './arrays.ts'

const call = (x: JaxArray, f: (x: JaxArray) => JaxArray): Work => ({
  run: () => read(f(x.ref)),
  values: async () => [await read(f(x.ref))],
})

const timesTwoPlusOne = (x: JaxArray): JaxArray => x.mul(2).add(1)

export const works: Works<Call> = {
  'W8.jit': () => call(numpy.array(eight), jit(timesTwoPlusOne)),
  'W8.eager': () => call(numpy.array(eight), timesTwoPlusOne),
  'W8.grad': () => {
    const derivative = grad((x: JaxArray) => numpy.sin(x.ref.mul(x)))
    return call(numpy.array(at), (x) => derivative(x) as JaxArray)
  },
}

import { jit, nn, numpy } from '@jax-js/jax'
import type { Reduction } from '../../tasks/reductions.ts'
import { epsilon, shape, table, terms } from '../../tasks/reductions.ts'
import type { Work, Works } from '../../tasks/row.ts'
import type { JaxArray } from './arrays.ts'
import { array, finish, read } from './arrays.ts'

const reduction = (x: JaxArray, f: (x: JaxArray) => JaxArray): Work => {
  const compiled = jit(f)
  return { run: () => finish(compiled(x.ref)), values: async () => [await read(compiled(x.ref))] }
}

export const works: Works<Reduction> = {
  'W3.sum': () => reduction(array(terms(), [shape[0] * shape[1]]), (x) => numpy.sum(x)),
  'W3.softmax': () => reduction(array(table(), shape), (x) => nn.softmax(x)),
  'W3.layerNorm': () => reduction(array(table(), shape), (x) => nn.standardize(x, -1, { epsilon })),
}

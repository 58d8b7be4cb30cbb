import { jit, nn, np } from 'pullback'
import type { NDArray } from 'pullback'
import type { Reduction } from '../../tasks/reductions.ts'
import { epsilon, shape, table, terms } from '../../tasks/reductions.ts'
import type { Work, Works } from '../../tasks/row.ts'
import { array, finish, read } from './arrays.ts'

const reduction = (x: NDArray, f: (x: NDArray) => NDArray): Work => {
  const compiled = jit(f)
  return { run: () => finish(compiled(x)), values: () => [read(compiled(x))] }
}

export const works: Works<Reduction> = {
  'W3.sum': () => reduction(np.array(terms()), (x) => np.sum(x)),
  'W3.softmax': () => reduction(array(table(), shape), (x) => nn.softmax(x)),
  'W3.layerNorm': () => reduction(array(table(), shape), (x) => nn.standardize(x, { epsilon })),
}

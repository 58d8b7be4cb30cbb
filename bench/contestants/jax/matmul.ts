import { jit, numpy } from '@jax-js/jax'
import type { Product } from '../../tasks/matmul.ts'
import { operands, sizes } from '../../tasks/matmul.ts'
import type { Work, Works } from '../../tasks/row.ts'
import type { JaxArray } from './arrays.ts'
import { array, finish, read } from './arrays.ts'

const product = (name: Product) => (): Work => {
  const [m, k, n] = sizes[name]
  const [a, b] = operands(name)
  const [x, y] = [array(a, [m, k]), array(b, [k, n])]
  const f = jit((p: JaxArray, q: JaxArray) => numpy.matmul(p, q))
  return { run: () => finish(f(x.ref, y.ref)), values: async () => [await read(f(x.ref, y.ref))] }
}

export const works: Works<Product> = {
  'W1.256': product('W1.256'),
  'W1.512': product('W1.512'),
  'W1.1024': product('W1.1024'),
  'W1.layer': product('W1.layer'),
}

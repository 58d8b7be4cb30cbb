import { jit, nn, numpy } from '@jax-js/jax'
import type { Chain } from '../../tasks/elementwise.ts'
import { length, operand } from '../../tasks/elementwise.ts'
import type { Work, Works } from '../../tasks/row.ts'
import type { JaxArray } from './arrays.ts'
import { array, finish, read } from './arrays.ts'

const chain = (f: (x: JaxArray) => JaxArray) => (): Work => {
  const x = array(operand(), [length])
  const compiled = jit(f)
  return { run: () => finish(compiled(x.ref)), values: async () => [await read(compiled(x.ref))] }
}

export const works: Works<Chain> = {
  'W2.chain': chain((x) => numpy.tanh(numpy.sin(x.ref).mul(numpy.exp(x)).add(1))),
  'W2.gelu': chain((x) => nn.gelu(x, { approximate: true })),
}

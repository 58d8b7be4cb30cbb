import { jit, nn, np } from 'pullback'
import type { NDArray } from 'pullback'
import type { Chain } from '../../tasks/elementwise.ts'
import { operand } from '../../tasks/elementwise.ts'
import type { Work, Works } from '../../tasks/row.ts'
import { finish, read } from './arrays.ts'

const chain = (f: (x: NDArray) => NDArray) => (): Work => {
  const x = np.array(operand())
  const compiled = jit(f)
  return { run: () => finish(compiled(x)), values: () => [read(compiled(x))] }
}

export const works: Works<Chain> = {
  'W2.chain': chain((x) => np.tanh(np.add(np.multiply(np.sin(x), np.exp(x)), 1))),
  'W2.gelu': chain((x) => nn.gelu(x)),
}

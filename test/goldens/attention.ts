/** Recurrent layers and Luong's attention, by the keys under which `recording/attention.py` has the same mathematics. */
import { nn } from 'pullback'
import type { NDArray } from 'pullback'
import type { AnyFunction } from './functions.ts'

const cells = { simpleCell: nn.simpleCell, lstmCell: nn.lstmCell, gruCell: nn.gruCell }

const run =
  (name: keyof typeof cells, reverse: boolean) =>
  (inputKernel: NDArray, recurrentKernel: NDArray, bias: NDArray, xs: NDArray): NDArray => {
    const cell = cells[name](3, 4) as ReturnType<typeof nn.simpleCell>
    return nn.rnn(cell, { reverse }).apply({ inputKernel, recurrentKernel, bias }, xs)[1]
  }

const luong =
  (score: 'dot' | 'general' | 'concat') =>
  (kernel: NDArray, vector: NDArray, q: NDArray, m: NDArray): NDArray =>
    nn.luongAttention(3, 3, { score }).apply({ kernel, vector }, q, m).context

const names = Object.keys(cells) as readonly (keyof typeof cells)[]

export const attentionFunctions = Object.fromEntries([
  ...names.flatMap((name) => [
    [`rnn.${name}`, run(name, false)],
    [`rnn.${name}.reverse`, run(name, true)],
  ]),
  ...(['dot', 'general', 'concat'] as const).map((score) => [`luong.${score}`, luong(score)]),
]) as { readonly [name: string]: AnyFunction }

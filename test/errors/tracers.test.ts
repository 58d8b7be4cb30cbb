/** Values that are not known while a function is transformed. */
import { grad, jit, np, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import type { Mistake } from './support/mistakes.ts'
import { two, three, as, describeMistakes } from './support/mistakes.ts'

const leak = (): NDArray => {
  let kept: NDArray | undefined
  grad((x: NDArray) => {
    kept = x
    return x
  })(np.array(1))
  return kept!
}

const tracers: readonly Mistake[] = [
  {
    what: 'a branch under jit',
    does: () => jit((x: NDArray) => (x.item() > 0 ? x : x.neg()))(np.array(1)),
    throws: 'TracerError',
    saying: [/item/, /np\.where/, /staticArgnums/],
  },
  {
    what: 'an operator of JS',
    does: () => grad((x: NDArray) => np.array(as<number>(x) * 2))(np.array(1)),
    throws: 'TracerError',
    saying: [/mul/, /methods/],
  },
  {
    what: 'an index under jit',
    does: () => jit((x: NDArray) => [10, 20][as<number>(x)]!)(np.array(1)),
    throws: 'TracerError',
    saying: [/index/, /np\.take/],
  },
  {
    what: 'elements under vmap',
    does: () => vmap((x: NDArray) => x.toArray() as number)(two),
    throws: 'TracerError',
    saying: [/toArray/, /vmap/],
  },
  { what: 'a leaked tracer', does: () => leak().add(1), throws: 'TracerError', saying: [/escaped/, /grad/, /Return/] },
  {
    what: 'a boolean mask under jit',
    does: () => jit((x: NDArray) => x.at(np.greater(x, 1)).get())(three),
    throws: 'TracerError',
    saying: [/np\.where|mask/],
  },
]

describeMistakes('tracers', tracers)

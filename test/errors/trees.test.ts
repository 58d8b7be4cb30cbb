/** Trees of another structure, and leaves that are not arrays. */
import { grad, jit, linearize, np, optim, tree, vjp } from 'pullback'
import type { NDArray } from 'pullback'
import type { Mistake } from './support/mistakes.ts'
import { two, as, describeMistakes } from './support/mistakes.ts'

const trees: readonly Mistake[] = [
  {
    what: 'trees that part',
    does: () =>
      tree.map((x: number, y: number) => x + y, { a: 1, b: [2] }, as<{ a: number; b: number[] }>({ a: 1, b: 2 })),
    throws: 'TreeError',
    saying: [/\.b/],
  },
  {
    what: 'missing keys',
    does: () => optim.applyUpdates({ w: two, v: two }, { w: two }),
    throws: 'TreeError',
    saying: [/applyUpdates/],
  },
  {
    what: 'a string among the arguments',
    does: () =>
      grad(as<(p: { x: NDArray; s: string }) => NDArray>((p: { x: NDArray }) => np.sum(p.x)))({ x: two, s: 'relu' }),
    throws: 'TreeError',
    saying: [/\.s/, /relu/, /partition/],
  },
  {
    what: 'cotangents of another structure',
    does: () => vjp((x: NDArray) => ({ y: x }), two)[1](as({ z: two })),
    throws: 'TreeError',
    saying: [/vjp: cotangents have the structure/],
  },
  {
    what: 'a function where an array is wanted',
    does: () => jit((x: NDArray) => x)(as(() => 1)),
    throws: 'TreeError',
    saying: [/function/, /static/],
  },
  {
    what: 'a class registered twice',
    does: () => {
      class C {
        readonly x = 1
      }
      for (let i = 0; i < 2; i++)
        tree.registerPytreeNode(
          C,
          (c) => ({ children: [c.x] }),
          () => new C(),
        )
    },
    throws: 'TreeError',
    saying: [/C/, /already/],
  },
]

const linear: readonly Mistake[] = [
  {
    what: 'linearize of integers used as floats',
    does: () => linearize((x: NDArray) => np.sin(x), as<NDArray>('x')),
    throws: 'TreeError',
    saying: [/linearize/],
  },
]

describeMistakes('trees', trees)

describeMistakes('linear maps', linear)

/** Imports of the package, and of fp-ts beside it. Compiled by `npm run check-consumer`. */
import * as E from 'fp-ts/Either'
import { pipe } from 'fp-ts/function'
import * as M from 'fp-ts/Monoid'
import * as O from 'fp-ts/Option'
import pullback, { configs, type Config } from 'pullback/eslint'
import { np, optim, parseProgram, tree, type NDArray } from 'pullback'

const state: O.Option<NDArray> = O.some(np.zeros([2]))
export const doubled: O.Option<NDArray> = tree.map((x) => x.mul(2), state)
export const program: string = pipe(
  parseProgram('program() { return }'),
  E.match(
    (failure) => failure.message,
    (program) => program.toString(),
  ),
)
export const optimizer: optim.GradientTransformation = M.concatAll(optim.monoid)([optim.clip(1), optim.scale(-0.1)])
export const config: readonly Config[] = [configs.recommended, pullback.configs.recommended]
export const loss: number = np.sum(np.ones([2])).item()
export const data: Float32Array = np.ones([2]).dataSync('float32')

/** Scalar functions in double precision, compared under every transformation. */
import { grad, jit, jvp, linearize, np, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose } from 'pullback/testing'

export const num = (x: NDArray): number => x.item()
export const total = (x: NDArray): NDArray => np.sum(x)
export const float64 = (...xs: number[]): NDArray => np.array(xs, { dtype: 'float64' })
export const at64 = (x: number): NDArray => np.array(x, { dtype: 'float64' })

/** Value, both first derivatives, second derivative, compiled and mapped: all of one scalar function agree. */
export const agreeEverywhere = (
  f: (x: NDArray) => NDArray,
  g: (x: NDArray) => NDArray,
  points: readonly number[],
): void => {
  const xs = float64(...points)
  const each = (h: (x: NDArray) => NDArray): NDArray => np.stack(points.map((p) => h(at64(p))))
  const forward =
    (h: (x: NDArray) => NDArray) =>
    (x: NDArray): NDArray =>
      jvp(h, [x], [np.onesLike(x)])[1]
  assertClose('value', each(f), each(g))
  assertClose('grad', each(grad(f)), each(grad(g)), { rtol: 1e-9 })
  assertClose('jvp', each(forward(f)), each(grad(g)), { rtol: 1e-9 })
  assertClose('second order', each(grad(grad(f))), each(grad(grad(g))), { rtol: 1e-9 })
  assertClose('forward over reverse', each(forward(grad(f))), each(grad(grad(g))), { rtol: 1e-9 })
  assertClose('vmap', vmap(f)(xs), each(g))
  assertClose('vmap of grad', vmap(grad(f))(xs), each(grad(g)), { rtol: 1e-9 })
  assertClose('vmap of second', vmap(grad(grad(f)))(xs), each(grad(grad(g))), { rtol: 1e-9 })
  assertClose('grad of vmap', grad((x: NDArray) => total(vmap(f)(x)))(xs), each(grad(g)), { rtol: 1e-9 })
  assertClose('jit of vmap of grad', jit(vmap(grad(f)))(xs), each(grad(g)), { rtol: 1e-9 })
  assertClose('vmap of grad of jit', vmap(grad(jit(f)))(xs), each(grad(g)), { rtol: 1e-9 })
  const [, push] = linearize(f, at64(points[0]!))
  assertClose('linearize', push(at64(2)), np.multiply(2, grad(g)(at64(points[0]!))), { rtol: 1e-9 })
}

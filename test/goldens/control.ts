/** Control flow, custom rules and checkpoints, by the keys under which `recording/control.py` has the same mathematics. */
import { checkpoint, checkpointPolicies, customJvp, customVjp, grad, hessian, jit, lax, nn, np, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import type { AnyFunction } from './functions.ts'

type Pair = (x: NDArray, y: NDArray) => NDArray

const rows = (x: NDArray): NDArray =>
  np.array([[0.5, -1, 2], [1.5, 0.25, -0.5], [-0.75, 1, 0.5], [0.1, -0.2, 0.3]], { dtype: x.dtype }) // prettier-ignore
const matrix = (x: NDArray): NDArray => np.array([[4, 1, -0.5], [0.5, 3, 1], [-1, 0.25, 5]], { dtype: x.dtype }) // prettier-ignore
const scalarOf = (x: NDArray, value: number): NDArray => np.array(value, { dtype: x.dtype })
const at = (x: NDArray, i: number): NDArray => x.at(i).get()
const sumRows = (x: NDArray): NDArray => np.sum(x, { axis: 0 })

const cell = (w: NDArray, c: NDArray, x: NDArray): NDArray => np.tanh(np.add(np.multiply(w, c), x))

const scanned = (x: NDArray, y: NDArray, options = {}): readonly [NDArray, NDArray] =>
  lax.scan(
    (c: NDArray, row: NDArray) => {
      const next = cell(x, c, row)
      return [next, np.multiply(next, c)]
    },
    y,
    rows(x),
    options,
  )

const lstmLike: Pair = (x, y) => {
  const [carry, [gates, sums]] = lax.scan(
    (carry: { readonly h: NDArray; readonly c: NDArray }, row: NDArray) => {
      const gate = nn.sigmoid(np.add(np.multiply(carry.h, x), row))
      const c = np.add(np.multiply(carry.c, gate), np.multiply(row, np.subtract(1, gate)))
      return [{ h: np.tanh(c), c }, [gate, np.sum(c)] as const]
    },
    { h: y, c: x },
    rows(x),
  )
  return np.add(carry.h, np.multiply(sumRows(gates), at(sums, -1)))
}

const nested: Pair = (x, y) => {
  const outer = (c: NDArray, row: NDArray): readonly [NDArray, NDArray] => {
    const inner = (d: NDArray, k: NDArray): readonly [NDArray, NDArray] => [
      lax.cond(
        np.greater(np.sum(d), 0),
        (e: NDArray) => np.add(np.sin(e), k),
        (e: NDArray) => np.subtract(np.multiply(e, row), k),
        d,
      ),
      d,
    ]
    const [last, ds] = lax.scan(inner, c, x)
    return [last, sumRows(ds)]
  }
  const [c, ys] = lax.scan(outer, y, rows(x))
  return np.add(c, at(ys, 1))
}

const softplus = customJvp((x: NDArray) => np.log(np.add(1, np.exp(x)))).defjvp(([x], [t]) => [
  np.log(np.add(1, np.exp(x))),
  np.multiply(t, np.subtract(1, np.divide(1, np.add(1, np.exp(x))))),
])

const clipped = customVjp((x: NDArray) => np.square(x)).defvjp(
  (x) => [np.square(x), x],
  (x: NDArray, ct: NDArray) => [np.multiply(np.clip(ct, -0.5, 0.5), x)],
)

const squareRoot = (a: NDArray): NDArray =>
  lax.customRoot(
    (v: NDArray) => np.subtract(np.square(v), a),
    np.onesLike(a),
    (f, guess) => lax.foriLoop(0, 12, (_, w) => np.subtract(w, np.divide(f(w), np.multiply(2, w))), guess),
    (g, b) => np.divide(b, g(np.onesLike(b))),
  )

/** By Jacobi's iteration: the matrix is diagonally dominant. */
const jacobi = (m: NDArray, b: NDArray): NDArray => {
  const d = np.diagonal(m)
  return lax.foriLoop(0, 80, (_, v) => np.add(v, np.divide(np.subtract(b, np.dot(m, v)), d)), np.zerosLike(b))
}

const linearSolve: Pair = (x, y) => {
  const m = np.add(matrix(x), np.multiply(np.eye(3, { dtype: x.dtype }), np.square(x)))
  return lax.customLinearSolve(
    (v: NDArray) => np.dot(m, v),
    y,
    (_, b) => jacobi(m, b),
    {
      transposeSolve: (_, b) => jacobi(m.transpose(), b),
    },
  )
}

const associative =
  (options = {}): Pair =>
  (x, y) => {
    const elements = np.concatenate([rows(x), np.expandDims(x, 0), np.expandDims(y, 0)])
    const combine = ([a1, b1]: readonly [NDArray, NDArray], [a2, b2]: readonly [NDArray, NDArray]) =>
      [np.multiply(a1, a2), np.add(np.multiply(a2, b1), b2)] as const
    return lax.associativeScan(combine, [elements, np.multiply(elements, 0.5)] as const, options)[1]
  }

const foriSine = (x: NDArray, y: NDArray, upper: number | NDArray): NDArray =>
  lax.foriLoop(0, upper, (i, c) => np.add(np.sin(np.multiply(c, x)), np.divide(y, np.add(i, 1))), x)

const whileSquare = (x: NDArray, y: NDArray, options = {}): NDArray =>
  lax.whileLoop(
    (c) => np.less(np.sum(np.square(c)), 50),
    (c) => np.add(np.add(np.multiply(c, 1.5), np.square(x)), 0.5),
    y,
    options,
  )

const { dotsSaveable } = checkpointPolicies

const functions: { readonly [name: string]: Pair } = {
  cond: (x, y) =>
    lax.cond(
      np.greater(np.sum(x), 0),
      (a: NDArray, b: NDArray) => np.multiply(np.sin(a), b),
      (a: NDArray, b: NDArray) => np.multiply(a, np.exp(b)),
      x,
      y,
    ),
  condOneSided: (x, y) =>
    lax.cond(
      np.greater(at(x, 0), at(y, 0)),
      (a: NDArray) => np.square(a),
      (_: NDArray, b: NDArray) => np.zerosLike(b),
      x,
      y,
    ),
  condClosure: (x, y) => np.add(lax.cond(np.greater(at(y, 1), 0), () => np.multiply(x, y), () => np.cos(x)), x), // prettier-ignore
  switch: (x, y) =>
    lax.switch(
      np.argmax(x),
      [
        (a: NDArray, b: NDArray) => np.multiply(np.sin(a), b),
        (a: NDArray, b: NDArray) => np.add(np.cos(b), a),
        (a: NDArray, b: NDArray) => np.multiply(np.square(a), b),
      ],
      x,
      y,
    ),
  scanCarry: (x, y) => scanned(x, y)[0],
  scanOutputs: (x, y) => scanned(x, y)[1],
  scanReverse: (x, y) => {
    const [carry, ys] = scanned(x, y, { reverse: true })
    return np.add(carry, sumRows(ys))
  },
  scanUnrolled: (x, y) => scanned(x, y, { unroll: 2 })[0],
  scanSqrt: (x, y) => scanned(x, y, { checkpoint: 'sqrt' })[0],
  scanTree: lstmLike,
  scanElements: (x, y) =>
    lax.scan(
      (c: NDArray, [a, b]: readonly [NDArray, NDArray]) => [np.add(np.multiply(c, a), np.sin(b)), np.multiply(c, b)],
      at(x, 0),
      [x, y] as const,
    )[1],
  scanEmpty: (x, y) =>
    lax.scan((c: NDArray, e: NDArray) => [np.multiply(c, e), c], np.multiply(x, y), np.zeros([0, 3], { dtype: x.dtype }))[0], // prettier-ignore
  scanWeak: (x, y) => {
    const step = (c: NDArray, e: NDArray): readonly [NDArray, null] => [np.add(c, np.multiply(np.sum(e), x)), null]
    return np.multiply(lax.scan(step, np.multiply(x, 0), rows(x))[0], y)
  },
  fori: (x, y) => foriSine(x, y, 4),
  foriNested: (x, y) =>
    lax.foriLoop(
      1,
      3,
      (i, c) => lax.foriLoop(0, 2, (j, d) => np.add(np.multiply(d, x), np.multiply(y, np.add(i, j))), c),
      y,
    ),
  while: (x, y) => whileSquare(x, y, { maxSteps: 12 }),
  whilePair: (x, y) =>
    lax.whileLoop(
      ([c]: readonly [NDArray, NDArray]) => np.less(c, np.add(3, np.abs(at(x, 0)))),
      ([c, d]: readonly [NDArray, NDArray]) => [np.add(c, 0.75), np.add(np.multiply(np.sin(d), x), c)],
      [at(y, 0), y] as const,
      { maxSteps: 10 },
    )[1],
  map: (x, y) => lax.map((r: NDArray) => np.dot(np.sin(np.multiply(r, x)), y), rows(x)),
  mapBatched: (x, y) => lax.map((r: NDArray) => np.multiply(np.sin(np.multiply(r, x)), y), rows(x), { batchSize: 3 }),
  associativeScan: associative(),
  associativeScanReverse: associative({ reverse: true }),
  nested,
  condOfScan: (x, y) =>
    lax.cond(
      np.greater(at(x, 1), 0),
      () => scanned(x, y)[0],
      () => scanned(y, x, { reverse: true })[0],
    ),
  gradInScan: (x, y) =>
    lax.scan(
      (c: NDArray, r: NDArray) => [
        np.add(grad((d: NDArray) => np.sum(np.multiply(np.sin(np.multiply(d, x)), r)))(c), y),
        null,
      ],
      y,
      rows(x),
    )[0],
  checkpoint: checkpoint((a: NDArray, b: NDArray) => np.multiply(np.sin(np.multiply(np.sin(a), b)), a)),
  checkpointDots: checkpoint(
    (a: NDArray, b: NDArray) => {
      const m = matrix(a)
      return np.multiply(np.tanh(np.multiply(np.dot(m, np.tanh(np.dot(m, a))), 0.1)), b)
    },
    { policy: dotsSaveable },
  ),
  checkpointInScan: (x, y) => {
    const step = checkpoint((c: NDArray, r: NDArray) => [cell(x, c, r), null] as const)
    return lax.scan(step, y, rows(x))[0]
  },
  customJvp: (x, y) => np.multiply(softplus(x), y),
  customJvpInScan: (x, y) =>
    lax.scan((c: NDArray, r: NDArray) => [np.add(softplus(np.multiply(c, x)), r), null], y, rows(x))[0],
  customRoot: (x, y) => np.multiply(squareRoot(np.add(np.square(x), 1)), y),
  customLinearSolve: linearSolve,
  fixedPoint: (x, y) => {
    const a = np.add(np.add(np.square(x), np.square(y)), 1)
    const tolerance = x.dtype === 'float64' ? 1e-13 : 1e-6
    return lax.fixedPoint((v) => np.multiply(0.5, np.add(v, np.divide(a, v))), scalarOf3(x), { tolerance })
  },
  customVjp: (x, y) => np.multiply(clipped(x), y),
  whileForward: (x, y) => whileSquare(x, y),
  foriForward: (x, y) => foriSine(x, y, np.add(2, np.argmax(x))),
}

const scalarOf3 = (x: NDArray): NDArray => np.add(np.zerosLike(x), scalarOf(x, 1))

const scalar =
  (f: Pair): Pair =>
  (x, y) =>
    np.sum(np.sin(f(x, y)))

/** Everything under `jit` too: the compiled function must give the same. */
const family = (name: string, f: Pair): readonly (readonly [string, unknown])[] => [
  [`control.${name}`, f],
  [`control.${name}.scalar`, jit(scalar(f))],
  [`control.${name}.mapped`, vmap(f)],
  [`control.${name}.mappedFirst`, jit(vmap(f, { inAxes: [0, null] }))],
  [`control.${name}.mappedGrad`, jit(vmap(grad(scalar(f), { argnums: [0, 1] })))],
  [`control.${name}.mappedHessian`, vmap(hessian(scalar(f)))],
]

export const controlFunctions = Object.fromEntries(
  Object.entries(functions).flatMap(([name, f]) => family(name, f)),
) as { readonly [name: string]: AnyFunction }

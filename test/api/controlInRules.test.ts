/** Control flow in the rules of custom derivatives, under compositions of transformations, against each example by itself. */
import {
  checkpoint,
  customJvp,
  customVjp,
  grad,
  jacfwd,
  jacrev,
  jit,
  jvp,
  lax,
  linearize,
  linearTranspose,
  np,
  ProgramError,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

type Fn = (x: NDArray) => NDArray
const { multiply } = np

const isRight = (x: NDArray): NDArray => np.greater(x, 1)
/** Taken right of 1; has an infinite derivative at 0.5, and is NaN left of it. */
const right: Fn = (x) => np.sqrt(np.subtract(x, 0.5))
/** Taken left of 1; infinite at 3. */
const left: Fn = (x) => np.divide(1, np.subtract(3, x))
const far: Fn = (x) => np.exp(multiply(x, 0.3))

const power =
  (f: Fn, n: number): Fn =>
  (x) =>
    lax.integerPow(f(x), n)
const sides =
  (l: Fn, r: Fn) =>
  (at: number): Fn =>
    at > 1 ? r : l

/** A function of x and t that is linear in t, with control flow that x decides; and its factor, known for each x. */
interface Kind {
  readonly run: (x: NDArray, t: NDArray) => NDArray
  readonly factor: (at: number) => Fn
}

const choose = (x: NDArray, t: NDArray): NDArray =>
  lax.cond(
    isRight(x),
    (y: NDArray, s: NDArray) => multiply(right(y), s),
    (y: NDArray, s: NDArray) => multiply(left(y), s),
    x,
    t,
  )
const factors = np.array([1, 2], { dtype: 'float64' })
const count = (n: number): NDArray => np.array(n, { dtype: 'int32' })

const innerRule = customJvp((x: NDArray, t: NDArray) => choose(x, t)).defjvp(([x, t], [dx, dt]) => {
  const slope = lax.cond(
    isRight(x),
    (s: NDArray) => multiply(np.divide(0.5, right(x)), s),
    (s: NDArray) => multiply(np.square(left(x)), s),
    multiply(t, dx),
  )
  return [choose(x, t), np.add(choose(x, dt), slope)]
})

const repeated = (x: NDArray, t: NDArray): NDArray =>
  lax.whileLoop(
    ([i]: readonly NDArray[]) => np.less(i!, np.where(isRight(x), 3, 2)),
    ([i, c]: readonly NDArray[]) => [np.add(i!, 1), choose(x, c!)],
    [count(0), t],
    { maxSteps: 5 },
  )[1]

const kinds: Readonly<Record<string, Kind>> = {
  cond: { run: choose, factor: sides(left, right) },
  'cond with closures': {
    run: (x, t) =>
      lax.cond(
        isRight(x),
        () => multiply(right(x), t),
        () => multiply(left(x), t),
      ),
    factor: sides(left, right),
  },
  switch: {
    run: (x, t) => {
      const index = np.add(np.astype(isRight(x), 'int32'), np.astype(np.greater(x, 2), 'int32'))
      const branches = [left, right, far].map((f) => (y: NDArray, s: NDArray) => multiply(f(y), s))
      return lax.switch(index, branches, x, t)
    },
    factor: (at) => (at > 2 ? far : sides(left, right)(at)),
  },
  'cond in scan': {
    run: (x, t) => lax.scan((c: NDArray, w: NDArray) => [multiply(choose(x, c), w), null], t, factors)[0],
    factor: (at) => (x) => multiply(2, power(sides(left, right)(at), 2)(x)),
  },
  'cond in scan, stacked': {
    run: (x, t) => np.sum(lax.scan((c: NDArray, w: NDArray) => [choose(x, c), multiply(w, c)], t, factors)[1]),
    factor: (at) => (x) => np.add(1, multiply(2, sides(left, right)(at)(x))),
  },
  whileLoop: { run: repeated, factor: sides(power(left, 2), power(right, 3)) },
  'whileLoop on floats': {
    run: (x, t) =>
      lax.whileLoop(
        ([y]: readonly NDArray[]) => np.less(y!, 2),
        ([y, c]: readonly NDArray[]) => [np.add(y!, 1), multiply(far(x), c!)],
        [x, t],
        { maxSteps: 4 },
      )[1],
    factor: (at) => power(far, Math.max(0, Math.ceil(2 - at))),
  },
  foriLoop: {
    run: (x, t) => lax.foriLoop(0, 3, (i, c: NDArray) => multiply(choose(x, c), np.add(np.astype(i, 'float64'), 1)), t),
    factor: (at) => (x) => multiply(6, power(sides(left, right)(at), 3)(x)),
  },
  map: {
    run: (x, t) => np.sum(lax.map((s: NDArray) => choose(x, s), np.stack([t, multiply(2, t)]))),
    factor: (at) => (x) => multiply(3, sides(left, right)(at)(x)),
  },
  checkpoint: {
    run: (x, t) => checkpoint((y: NDArray, s: NDArray) => multiply(far(y), choose(y, s)))(x, t),
    factor: (at) => (x) => multiply(far(x), sides(left, right)(at)(x)),
  },
  jit: {
    run: (x, t) => jit((y: NDArray, s: NDArray) => multiply(far(y), choose(y, s)))(x, t),
    factor: (at) => (x) => multiply(far(x), sides(left, right)(at)(x)),
  },
  'a loop or a choice in a choice': {
    run: (x, t) =>
      lax.cond(
        isRight(x),
        (s: NDArray) => lax.foriLoop(0, 2, (_, c: NDArray) => choose(x, c), s),
        (s: NDArray) =>
          lax.cond(
            np.greater(x, 0),
            (r: NDArray) => multiply(np.sqrt(x), r),
            (r: NDArray) => choose(x, r),
            s,
          ),
        t,
      ),
    factor: (at) => (at > 0 ? sides(np.sqrt, power(right, 2))(at) : left),
  },
  'a loop in a choice in a loop': {
    run: (x, t) => {
      const step = (c: NDArray): NDArray =>
        lax.cond(
          isRight(x),
          (s: NDArray) => repeated(x, s),
          (s: NDArray) => multiply(left(x), s),
          c,
        )
      return lax.scan((c: NDArray) => [step(c), null], t, null, { length: 2 })[0]
    },
    factor: sides(power(left, 2), power(right, 6)),
  },
  'a custom rule': { run: innerRule, factor: sides(left, right) },
}

const nth = (f: Fn, order: number): Fn => (order === 0 ? f : grad(nth(f, order - 1)))

/** Where the control flow stands: a function made with it, and the n-th derivative that this has at a point. */
interface Place {
  readonly make: (kind: Kind) => Fn
  readonly derivative: (kind: Kind, order: number, at: number) => Fn
}

const value =
  (kind: Kind, at: number): Fn =>
  (x) =>
    multiply(kind.factor(at)(x), x)
// The rules say that the first derivative is the factor.
const byRule: Place['derivative'] = (kind, order, at) =>
  order === 0 ? value(kind, at) : nth(kind.factor(at), order - 1)

const places: Readonly<Record<string, Place>> = {
  'the function itself': {
    make: (kind) => (x) => kind.run(x, x),
    derivative: (kind, order, at) => nth(value(kind, at), order),
  },
  'the rule of customJvp': {
    make: (kind) => customJvp((x: NDArray) => kind.run(x, x)).defjvp(([x], [t]) => [kind.run(x, x), kind.run(x, t)]),
    derivative: byRule,
  },
  'the backward part of customVjp': {
    make: (kind) =>
      customVjp((x: NDArray) => kind.run(x, x)).defvjp(
        (x) => [kind.run(x, x), x],
        (x: NDArray, ct: NDArray) => [kind.run(x, ct)],
      ),
    derivative: byRule,
  },
  'the forward part of customVjp': {
    make: (kind) =>
      customVjp((x: NDArray) => kind.run(x, x)).defvjp(
        (x) => [kind.run(x, x), kind.run(x, np.onesLike(x))],
        (m: NDArray, ct: NDArray) => [multiply(m, ct)],
      ),
    derivative: byRule,
  },
}

/** Of a jacobian of elementwise functions: its diagonal. */
const diagonalOf = (jacobian: NDArray, rank: number): NDArray =>
  np.sum(jacobian, { axis: Array.from({ length: rank }, (_, i) => i + rank) })

/** Transformations that keep a function elementwise. */
const transformations: Readonly<Record<string, (f: Fn) => Fn>> = {
  grad: (f) => grad((x: NDArray) => np.sum(f(x))),
  jvp: (f) => (x) => jvp(f, [x], [np.onesLike(x)])[1],
  linearize: (f) => (x) => linearize(f, x)[1](np.onesLike(x)),
  transpose: (f) => (x) => linearTranspose((t: NDArray) => jvp(f, [x], [t])[1], x)(np.onesLike(x))[0],
  jacrev: (f) => (x) => diagonalOf(jacrev(f)(x), x.ndim),
  jacfwd: (f) => (x) => diagonalOf(jacfwd(f)(x), x.ndim),
  vmap: (f) => vmap(f),
  jit: (f) => jit(f),
}
const forward: readonly string[] = ['jvp', 'linearize', 'transpose', 'jacfwd']
const first = ['grad', 'jvp', 'vmap', 'transpose']
const second = ['grad', 'vmap']
/** Compositions, outermost first. */
const compositions: readonly (readonly string[])[] = [
  [],
  ...first.map((a) => [a]),
  ...first.flatMap((a) => second.map((b) => [a, b])),
  ...[
    'jit vmap',
    'grad jvp',
    'grad transpose',
    'vmap jvp',
    'vmap transpose',
    'vmap linearize',
    'jacfwd vmap',
    'grad vmap grad',
    'vmap grad grad',
    'jvp grad vmap',
    'grad jvp vmap',
    'vmap grad vmap',
    'transpose vmap grad',
    'grad vmap transpose',
    'jacfwd jacrev vmap',
  ].map((text) => text.split(' ')),
]

const points = [0.5, 3, -1, 1.5]
const inputsOf = (rank: number): readonly NDArray[] => {
  const whole = np.array(points, { dtype: 'float64' })
  if (rank === 0) return points.slice(0, 2).map((p) => np.array(p, { dtype: 'float64' }))
  return [rank === 1 ? whole : np.stack([whole, np.flip(whole)])]
}
/** A pullback alone says nothing of forward derivatives of forward derivatives, and says so. */
const isRefused = (place: string, composition: readonly string[], error: unknown): boolean =>
  place.includes('customVjp') &&
  composition.some((t) => forward.includes(t)) &&
  error instanceof ProgramError &&
  error.message.includes('a forward derivative of a forward derivative needs more than a pullback')

describe.each(Object.entries(kinds))('%s', (name, kind) => {
  it.each(Object.entries(places))('in %s', (place, { make, derivative }) => {
    const wanted = new Map<string, number>()
    for (const composition of compositions) {
      const order = composition.filter((t) => t !== 'vmap' && t !== 'jit').length
      const f = composition.reduceRight<Fn>((inner, t) => transformations[t]!(inner), make(kind))
      for (const x of inputsOf(composition.filter((t) => t === 'vmap').length)) {
        let got: NDArray
        try {
          got = f(x)
        } catch (error) {
          if (isRefused(place, composition, error)) continue
          throw error
        }
        const each = [...np.ravel(x).dataSync()].map((at) => {
          const key = `${order} ${at}`
          const known =
            wanted.get(key) ?? derivative(kind, order, at as number)(np.array(at, { dtype: 'float64' })).item()
          wanted.set(key, known)
          return known
        })
        assertClose(
          `${name}, ${place}: ${composition.join(' of ')}`,
          np.ravel(got),
          np.array(each, { dtype: 'float64' }),
          { rtol: 1e-9 },
        )
      }
    }
  })
})

describe('linearTranspose', () => {
  const transposed = (f: Fn, like: NDArray, ct: NDArray): NDArray => linearTranspose(f, like)(ct)[0]

  it('goes through loops that count, however they end', () => {
    const one = np.array(1)
    const counted: Fn = (t) => lax.foriLoop(0, 3, (i, c: NDArray) => multiply(c, np.add(i, 1)), t)
    assertClose('foriLoop', transposed(counted, one, one), np.array(6))
    const bounded: Fn = (t) =>
      lax.whileLoop(
        () => np.array(true),
        (c: NDArray) => multiply(c, 2),
        t,
        { maxSteps: 3 },
      )
    assertClose('whileLoop', transposed(bounded, one, one), np.array(8))
    assertClose(
      'vmap',
      transposed((t) => vmap(counted)(t), np.ones([2]), np.array([1, 2])),
      np.array([6, 12]),
    )
    const withPeriod: Fn = (t) =>
      lax.scan(
        ([i, c]: readonly NDArray[]) => [[np.add(i!, 1), multiply(c!, -1)], multiply(c!, i!)],
        [np.array(1), t],
        null,
        { length: 3 },
      )[1]
    assertClose('scan', transposed(withPeriod, one, np.array([1, 10, 100])), np.array(1 - 20 + 300))
  })

  it('computes first what does not depend on the argument', () => {
    const f: Fn = (t) => {
      const [a, b] = jit((s: NDArray) => [multiply(s, 2), np.array([3, 4])] as const)(t)
      return multiply(a, b)
    }
    assertClose('jit', transposed(f, np.array(1), np.ones([2])), np.array(14))
    const linear = customJvp((t: NDArray) => multiply(t, 3)).defjvp(([x], [t]) => [multiply(x, 3), multiply(t, 3)])
    assertClose('customJvp', transposed(linear, np.array(1), np.array(1)), np.array(3))
  })

  it('says what is not linear', () => {
    const f: Fn = (t) =>
      lax.cond(
        np.greater(t, 0),
        (s: NDArray) => s,
        (s: NDArray) => multiply(s, 2),
        t,
      )
    expect(() => transposed(f, np.array(1), np.array(1))).toThrow(
      'transpose: cond is not linear: what it does depends, by operand 0 (i32[]), on the values that are to be transposed.',
    )
    expect(() => transposed((t) => np.where(np.greater(t, 0), t, 2), np.array(1), np.array(1))).toThrow(ProgramError)
    expect(() => transposed((t) => lax.stopGradient(t), np.array(1), np.array(1))).toThrow(ProgramError)
  })
})

describe('a gradient that is infinite', () => {
  it('stays infinite in a batch, whichever element it belongs to', () => {
    const root: Fn = (x) => lax.cond(np.greaterEqual(x, 0), np.sqrt, (y: NDArray) => np.sqrt(np.negative(y)), x)
    const batch = (x: NDArray): NDArray => np.sum(vmap(root)(x))
    assertClose('grad of vmap', grad(batch)(np.array([0, -1, 4, -4])), np.array([Infinity, -0.5, 0.25, -0.25]))
    const ruled = customJvp((x: NDArray) => x).defjvp(([x], [t]) => {
      const moved = lax.cond(
        np.greaterEqual(x, 0),
        (s: NDArray) => np.divide(s, x),
        (s: NDArray) => s,
        t,
      )
      return [x, moved]
    })
    const wanted = np.array([Infinity, 1, 0.25, 1])
    assertClose('in a rule', grad((x: NDArray) => np.sum(vmap(ruled)(x)))(np.array([0, -1, 4, -4])), wanted)
  })
})

describe('the backward part of customVjp', () => {
  it('may refer to arrays', () => {
    const f = customVjp((x: NDArray) => x).defvjp(
      (x) => [x, null],
      (_: null, ct: NDArray) => [multiply(ct, np.array([1, 2, 3]))],
    )
    const total = (x: NDArray): NDArray => np.sum(f(x))
    assertClose('grad', grad(total)(np.ones([3])), np.array([1, 2, 3]))
    assertClose('jit', jit(grad(total))(np.ones([3])), np.array([1, 2, 3]))
    assertClose(
      'vmap',
      vmap(grad(total))(np.ones([2, 3])),
      np.array([
        [1, 2, 3],
        [1, 2, 3],
      ]),
    )
  })
})

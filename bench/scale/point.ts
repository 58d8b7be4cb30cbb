/** One point of a curve, in a process of its own: `point.ts <curve> <size>` */
import { debug, grad, jit, makeProgram, np, tree } from 'pullback'
import type { NDArray } from 'pullback'
import type { CurveName, Point } from './curves.ts'
import type { ScalarFunction } from './functions.ts'
import { chain, nestedCalls, nestedLoops, steps } from './functions.ts'

const patience = 2000

// Long chains are the point here: no advice against them.
debug.warnings(false)

const x = np.array(0.5)

const timed = (run: () => unknown): number => {
  const start = performance.now()
  run()
  return performance.now() - start
}

/** The least milliseconds of several tries, or of one if it is slow. Each try has a fresh `make()`. */
const least = <T>(make: () => T, run: (subject: T) => unknown): number => {
  let best = Infinity
  for (let spent = 0, tries = 0; tries < 1 || (tries < 15 && spent < patience); tries++) {
    const subject = make()
    const taken = timed(() => run(subject))
    best = Math.min(best, taken)
    spent += taken
  }
  return best
}

/** What the first call of a compiled function costs beyond a later one. */
const compile = (make: () => ScalarFunction): number => {
  let [first, later] = [Infinity, Infinity]
  for (let spent = 0, tries = 0; tries < 1 || (tries < 15 && spent < patience); tries++) {
    const f = jit(make())
    const [once, ...again] = [0, 1, 2].map(() => timed(() => f(x).item())) as [number, number, number]
    first = Math.min(first, once)
    later = Math.min(later, ...again)
    spent += once + again[0]! + again[1]!
  }
  return first - later
}

const ofFunction =
  (make: (size: number) => ScalarFunction) =>
  (size: number): Point => [
    least(
      () => makeProgram(make(size)),
      (trace) => trace(x),
    ),
    least(
      () => makeProgram(grad(make(size))),
      (trace) => trace(x),
    ),
    compile(() => make(size)),
    compile(() => grad(make(size))),
  ]

type Leaves = readonly NDArray[]

const ofTree = (size: number): Point => {
  const given: Leaves = Array.from({ length: size }, (_, i) => np.array(i))
  const first = (xs: Leaves): NDArray => np.square(xs[0]!)
  const called = jit(first)
  called(given)
  const call = (f: (xs: Leaves) => unknown) => f(given)
  return [
    least(() => (xs: Leaves) => tree.map((leaf: NDArray) => leaf, xs), call),
    least(() => jit((xs: Leaves) => first(xs)), call),
    least(() => called, call),
    least(() => grad((xs: Leaves) => first(xs)), call),
  ]
}

const points: { readonly [C in CurveName]: (size: number) => Point } = {
  equations: ofFunction(chain),
  leaves: ofTree,
  calls: ofFunction(nestedCalls),
  nest: ofFunction(nestedLoops),
  steps: ofFunction(steps),
}

const [curve, size] = process.argv.slice(2)
const point = points[curve as CurveName]
// V8 compiles what all sizes go through on the smallest one.
for (const start = performance.now(); performance.now() - start < 1000;) point(Math.min(Number(size), 10))
process.send!(point(Number(size)))

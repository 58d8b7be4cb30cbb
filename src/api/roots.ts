/** Solutions of equations, differentiated through the equations rather than through the method that found them. */
import { DTypeError, TreeError } from '../core/errors.ts'
import { cut } from '../core/marks.ts'
import { range } from '../core/shape.ts'
import { unflatten } from '../core/tree.ts'
import type { TreeDef } from '../core/treedef.ts'
import * as control from '../primitives/control/operations.ts'
import { fullLike, scalar } from '../ops/creation.ts'
import { abs, add, and, le, mul, neg, not, sub } from '../ops/elementwise.ts'
import { reduceAnd } from '../ops/reduction.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import { applyProgram } from '../transforms/apply.ts'
import { asArray } from '../runtime/installArrays.ts'
import { isDifferentiable } from '../trace/value.ts'
import { requireFunctions } from './arguments.ts'
import { closeList, closeTree, placeOf, shareCaptured } from './closures.ts'
import { whileLoop } from './loops.ts'
import { jvp, linearTranspose } from './derivatives.ts'
import { flattenArrays, flattenResult, restore } from './leaves.ts'
import type { AnyTree, Arrays, Fn, NextCarry, TupleHint } from './types.ts'

type Values = readonly NDArray[]

/** A linear function of trees like the unknown's. */
type LinearMap<B> = (x: Arrays<B>) => Result<B>

/** The result of a function of a tree like `T`: a tree of the same structure. */
type Result<T> = NoInfer<T | Arrays<T> | NextCarry<T>> | TupleHint

/** A way to solve linear equations: from the function x ↦ A x and b to the x with A x = b. */
export type LinearSolver<B> = (matvec: (x: Arrays<B>) => Arrays<B>, b: Arrays<B>) => Result<B>

/**
 * Turns the values of transformations in progress that a function closes over into arguments: `g(...args, ...consts)` equals
 * `f(...args)`. For rules that must not close over such values.
 *
 * @param example - arguments like those that `g` will get.
 * @returns `[g, consts]`.
 * @example
 * ```ts
 * import { closureConvert, grad, np } from 'pullback'
 * const f = (a: NDArray) => {
 *   const [g, consts] = closureConvert((x: NDArray) => np.multiply(a, x), np.array(1))
 *   return g(np.array(3), ...consts)
 * }
 * grad(f)(np.array(2)) // => 3.
 * ```
 */
export const closureConvert = <A extends readonly unknown[], R extends AnyTree>(
  f: Fn<A, R>,
  ...example: A
): readonly [g: (...args: readonly unknown[]) => Arrays<R>, consts: readonly NDArray[]] => {
  requireFunctions('closureConvert', { f })
  const given = flattenArrays('closureConvert', example)
  const closure = closeTree(
    'closureConvert',
    f,
    given.treedef,
    given.leaves.map((x) => x.aval),
  )
  const g = (...args: readonly unknown[]): Arrays<R> => {
    const own = flattenArrays('closureConvert', args.slice(0, example.length))
    if (!own.treedef.equals(given.treedef)) {
      throw new TreeError(
        `closureConvert: arguments have the structure ${own.treedef.toString()}, the example ${given.treedef.toString()}.`,
      )
    }
    const consts = args.slice(example.length).map((x) => asArray(x as NDArray))
    return restore(closure.out, applyProgram(closure.program, [...consts, ...own.leaves]))
  }
  return [g, closure.captured]
}

/** Options of `customLinearSolve`. */
export interface LinearSolveOptions<B> {
  /** Solves Aᵀ x = b; reverse mode needs it. */
  readonly transposeSolve?: LinearSolver<NoInfer<B>>
  /** A is symmetric: `solve` is used for both. */
  readonly symmetric?: boolean
}

/** A function of trees as a function of lists of leaves, whose result must have the structure `treedef`. */
const onLeaves =
  <B>(name: string, what: string, f: (x: Arrays<B>) => unknown, treedef: TreeDef, like: Values) =>
  (xs: Values): Values => {
    const result = flattenResult(name, f(unflatten(treedef, xs) as Arrays<B>))
    if (!result.treedef.equals(treedef)) {
      throw new TreeError(
        `${name}: ${what} has the structure ${result.treedef.toString()}, expected ${treedef.toString()}.`,
      )
    }
    result.leaves.forEach((y, i) => {
      if (y.aval.matches(like[i]!.aval)) return
      throw new TreeError(`${name}: ${what}${placeOf(treedef, i)} is ${y.aval}, expected ${like[i]!.aval}.`)
    })
    return result.leaves
  }

const linearSolveOptions: must.OptionTable<LinearSolveOptions<unknown>> = {
  transposeSolve: must.func,
  symmetric: must.boolean,
}
const linearSolveDoor = must.door('customLinearSolve', {
  matvec: must.func,
  b: must.anything,
  solve: must.func,
  options: must.optionsOf(linearSolveOptions),
})

/**
 * The x with `matvec(x) = b`, found by `solve`. Derivatives, of all orders and in both modes, come from the equation:
 * A dx = db − dA x. What `solve` does inside is not differentiated.
 *
 * @param matvec - a linear function of trees like `b`.
 * @param solve - from `matvec` and `b` to the solution.
 * @throws TreeError where `matvec` or `solve` returns a tree that is not like `b`, naming the leaf and both types;
 *   ProgramError from reverse mode without `transposeSolve` or `symmetric`.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * const root = (a: NDArray) =>
 *   lax.customLinearSolve((x: NDArray) => np.multiply(a, x), np.array(6), (_, b) => np.divide(b, a), { symmetric: true })
 * root(np.array(2)) // => 3.
 * grad(root)(np.array(2)) // => -1.5
 * ```
 */
export const customLinearSolve = <B extends AnyTree>(
  matvec: LinearMap<NoInfer<B>>,
  b: B,
  solve: LinearSolver<NoInfer<B>>,
  options: LinearSolveOptions<B> = {},
): Arrays<B> => {
  const name = 'customLinearSolve'
  requireFunctions(name, { matvec, solve })
  linearSolveDoor(matvec, b, solve, options)
  const { transposeSolve, symmetric = false } = options
  const { leaves, treedef } = flattenArrays(name, b, 'right-hand side')
  const forward = onLeaves<B>(name, "matvec's result", matvec, treedef, leaves)
  const tree = (xs: Values): Arrays<B> => restore(treedef, xs)
  const map = (f: (xs: Values) => Values) => (x: Arrays<B>) => tree(f(flattenArrays(name, x).leaves))
  const avals = leaves.map((x) => x.aval)
  const turn = (f: (xs: Values) => Values): ((xs: Values) => Values) => {
    const transposed = linearTranspose((...xs: NDArray[]) => f(xs), ...leaves)
    return (cts) => transposed(cts)
  }
  const method = (what: string, solver: LinearSolver<B>, f: (xs: Values) => Values) =>
    onLeaves<B>(name, what, (right) => solver(map(f), right), treedef, leaves)

  const backward = symmetric ? forward : transposeSolve === undefined ? null : turn(forward)
  const turned = symmetric ? solve : transposeSolve
  const parts = [
    closeList(name, forward, avals),
    closeList(name, method("solve's result", solve, forward), avals),
    ...(backward === null || turned === undefined
      ? []
      : [
          closeList(name, backward, avals),
          closeList(name, method("transposeSolve's result", turned, backward), avals),
        ]),
  ]
  const { programs, captured } = shareCaptured(parts)
  const params = {
    matvec: programs[0]!,
    solve: programs[1]!,
    vecmat: programs[2] ?? programs[0]!,
    transposeSolve: programs[3] ?? null,
    consts: captured.length,
  }
  return tree(control.linearSolve(params, [...captured, ...leaves]))
}

/**
 * The x with `f(x) = 0`, found by `solve` from `initialGuess`. Derivatives with respect to what `f` closes over come from
 * the implicit function theorem: ∂f/∂x dx = −df. Neither the guess nor what `solve` does inside is differentiated.
 *
 * @param f - from a tree to residuals of the same structure and types.
 * @param solve - from `f` and the guess to the root.
 * @param tangentSolve - from a linear function g and b to the x with g(x) = b; must itself be differentiable, and
 *   transposable for reverse mode (`customLinearSolve` is).
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * const squareRoot = (a: NDArray) =>
 *   lax.customRoot(
 *     (x: NDArray) => np.subtract(np.square(x), a),
 *     np.array(1),
 *     (f, guess) => lax.foriLoop(0, 20, (_, x) => np.subtract(x, np.divide(f(x), np.multiply(2, x))), guess),
 *     (g, b) => np.divide(b, g(np.array(1))),
 *   )
 * squareRoot(np.array(9)) // => 3.
 * grad(squareRoot)(np.array(9)) // => 0.16666667
 * ```
 */
export const customRoot = <X extends AnyTree>(
  f: (x: Arrays<NoInfer<X>>) => Result<X>,
  initialGuess: X,
  solve: (f: (x: Arrays<NoInfer<X>>) => Arrays<X>, initialGuess: Arrays<NoInfer<X>>) => Result<X>,
  tangentSolve: LinearSolver<NoInfer<X>>,
): Arrays<X> => {
  const name = 'customRoot'
  requireFunctions(name, { f, solve, tangentSolve })
  const guess = flattenArrays(name, initialGuess, 'initial guess')
  const { treedef, leaves } = guess
  const avals = leaves.map((x) => x.aval)
  const tree = (xs: Values): Arrays<X> => restore(treedef, xs)
  const checked = (what: string, g: (x: Arrays<X>) => unknown) => onLeaves<X>(name, what, g, treedef, leaves)
  const residual = closeList(name, checked("f's result", f), avals)
  const atResidual = (x: Arrays<X>): Arrays<X> =>
    tree(applyProgram(residual.program, [...residual.captured, ...flattenArrays(name, x).leaves]))
  const solver = closeList(
    name,
    checked("solve's result", (start) => solve(atResidual, start)),
    avals,
  )
  const tangent = closeList(
    name,
    (xs) => {
      const [x, b] = cut(xs, leaves.length, leaves.length)
      const slope = (v: Arrays<X>): Arrays<X> => jvp(atResidual as Fn<unknown[], never>, [tree(x!)], [v] as never)[1]
      return checked("tangentSolve's result", (right) => tangentSolve(slope, right))(b!)
    },
    [...avals, ...avals.map((a) => a.strengthen())],
  )
  const { programs, captured } = shareCaptured([residual, solver, tangent])
  const params = {
    residual: programs[0]!,
    solve: programs[1]!,
    tangentSolve: programs[2]!,
    consts: captured.length,
  }
  return tree(control.root(params, [...captured, ...leaves]))
}

/** Options of `fixedPoint`. */
export interface FixedPointOptions {
  /** The iteration ends when no element moves by more than `tolerance · (1 + |x|)`; 1e-6 by default. */
  readonly tolerance?: number
  /** The iteration ends after this many steps in any case; 1000 by default. */
  readonly maxSteps?: number
}

type Step = (xs: Values) => Values

/** Whether no element differs by more than `tolerance · (1 + |y|)`. */
const allClose = (x: NDArray, y: NDArray, tolerance: number): NDArray => {
  const bound = mul(fullLike(y, tolerance), add(fullLike(y, 1), abs(y)))
  return reduceAnd(le(abs(sub(y, x)), bound), range(y.ndim))
}

/** Repeats `step` until it changes nothing by more than the tolerance. */
const iterate = (step: Step, start: Values, { tolerance = 1e-6, maxSteps = 1000 }: FixedPointOptions): Values => {
  type State = readonly [values: Values, settled: NDArray]
  const next = ([before]: State): State => {
    const after = step(before)
    return [after, before.map((x, i) => allClose(x, after[i]!, tolerance)).reduce(and, scalar(1, 'bool'))]
  }
  const begin: State = [start, scalar(0, 'bool')]
  return whileLoop(([, settled]: State) => not(settled), next, begin, { maxSteps })[0]
}

const fixedPointOptions: must.OptionTable<FixedPointOptions> = { tolerance: must.number, maxSteps: must.count }
const fixedPointDoor = must.door('fixedPoint', {
  f: must.func,
  init: must.anything,
  options: must.optionsOf(fixedPointOptions),
})

/**
 * The x with `f(x) = x`, found by iterating `f` from `init` until it changes nothing by more than the tolerance. Derivatives
 * with respect to what `f` closes over come from the implicit function theorem, by a similar iteration; both converge where `f`
 * is a contraction near x.
 *
 * @param f - from a tree of floats to one of the same structure and types.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * const squareRoot = (a: NDArray) =>
 *   lax.fixedPoint((x) => np.multiply(0.5, np.add(x, np.divide(a, x))), np.array(1))
 * squareRoot(np.array(4)) // => 2.
 * grad(squareRoot)(np.array(4)) // => 0.25
 * ```
 */
export const fixedPoint = <X extends AnyTree>(
  f: (x: Arrays<NoInfer<X>>) => Result<X>,
  init: X,
  options: FixedPointOptions = {},
): Arrays<X> => {
  const name = 'fixedPoint'
  requireFunctions(name, { f })
  fixedPointDoor(f, init, options)
  const { leaves, treedef } = flattenArrays(name, init, 'initial value')
  const bad = leaves.findIndex((x) => !isDifferentiable(x.aval))
  if (bad >= 0) {
    throw new DTypeError(
      `${name}: the initial value${placeOf(treedef, bad)} is ${leaves[bad]!.aval}; it must be a float.`,
    )
  }
  const list = <T>(tree: T): Values => flattenArrays(name, tree).leaves
  const tree = (xs: Values): Arrays<X> => restore(treedef, xs)
  const step = onLeaves<X>(name, "f's result", f, treedef, leaves)
  const zip = (op: (x: NDArray, y: NDArray) => NDArray, xs: Values, ys: Values): NDArray[] =>
    xs.map((x, i) => op(x, ys[i]!))
  const move = (x: Arrays<X>): Arrays<X> => tree(zip(sub, step(list(x)), list(x)))
  // With A = J - 1: A v = b where v = J v - b = v + A v - b.
  const solve: LinearSolver<X> = (matvec, b) =>
    tree(iterate((v) => zip(sub, zip(add, v, list(matvec(tree(v)))), list(b)), list(b).map(neg), options))
  return customRoot<X>(
    move,
    init,
    (residual, x0) => tree(iterate((x) => zip(add, x, list(residual(tree(x)))), list(x0), options)),
    (slope, b) => {
      const options = { transposeSolve: solve as never }
      return tree(list(customLinearSolve<Arrays<X>>(slope as never, b, solve as never, options)))
    },
  )
}

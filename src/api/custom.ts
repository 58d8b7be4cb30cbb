/** Functions with user-defined derivatives. */
import type { Aval } from '../core/aval.ts'
import { ArgumentError, TreeError } from '../core/errors.ts'
import { settings } from '../core/settings.ts'
import { show } from '../core/show.ts'
import type { TreeDef } from '../core/treedef.ts'
import { flatten, unflatten } from '../core/tree.ts'
import { zerosOf } from '../ops/creation.ts'
import * as ops from '../primitives/customOperations.ts'
import { add, cast } from '../ops/elementwise.ts'
import * as must from '../conversions/arguments.ts'
import { isDifferentiable } from '../trace/value.ts'
import type { NDArray } from '../trace/value.ts'
import { applyProgram } from '../transforms/apply.ts'
import { isOutOfReach } from '../transforms/builder.ts'
import { stage } from '../transforms/stage.ts'
import { requireFunctions } from './arguments.ts'
import { closeList, placeOf, shareCaptured } from './closures.ts'
import type { Closure } from './closures.ts'
import { checkNoPromise, flattenArrays, flattenResult, restore } from './leaves.ts'
import { checkRule, innerProduct } from './ruleCheck.ts'
import type { AnyTree, ArrayArguments, Arrays, Fn, NextCarry, TreeOfArrays } from './types.ts'

type AnyFunction = (...args: never[]) => unknown
type Tangents<A extends readonly unknown[]> = { readonly [I in keyof A]: Arrays<A[I]> }
/** A tangent or cotangent as rules return it: leaves may be numbers, null is zero. */
type Moved<T> = T | NextCarry<T> | null
type Plain<A extends readonly unknown[], N extends readonly number[]> = { readonly [I in keyof N]: A[N[I]] }

/** The leaves of a rule's result, after checking its structure, shapes and dtypes. Null is zero. */
const checkedLeaves = (
  name: string,
  what: string,
  given: unknown,
  like: TreeDef,
  avals: readonly Aval[],
): NDArray[] => {
  if (given === null) return avals.map(zerosOf)
  const { leaves, treedef } = flattenResult(name, given)
  if (!treedef.equals(like)) {
    throw new TreeError(`${name}: ${what} has the structure ${treedef.toString()}, expected ${like.toString()}.`)
  }
  return leaves.map((x, i) => {
    const wanted = avals[i]!
    const y = x.aval.weak && x.aval.dtype !== wanted.dtype ? cast(x, wanted.dtype) : x
    if (y.aval.matches(wanted)) return y
    throw new TreeError(`${name}: ${what}${placeOf(treedef, i)} is ${y.aval}, expected ${wanted}.`)
  })
}

const differentiable = <T>(xs: readonly T[], avals: readonly Aval[]): T[] =>
  xs.filter((_, i) => isDifferentiable(avals[i]!))

/** All tangents, in order: those given for float leaves, zeros for the others. */
const spreadTangents = (tangents: readonly NDArray[], avals: readonly Aval[]): NDArray[] => {
  let next = 0
  return avals.map((a) => (isDifferentiable(a) ? tangents[next++]! : zerosOf(a)))
}

/** Splits arguments into those that are differentiated, and plain JS values that stay as they are. */
const partsOf = (name: string, args: readonly unknown[], fixed: readonly number[]) => {
  const moving = args.filter((_, i) => !fixed.includes(i))
  const { leaves, treedef } = flattenArrays(name, moving)
  const rebuild = (xs: readonly NDArray[]): unknown[] => {
    const given = unflatten(treedef, xs) as unknown[]
    let next = 0
    return args.map((x, i) => (fixed.includes(i) ? x : given[next++]))
  }
  return { leaves, treedef, rebuild, plain: fixed.map((i) => args[i]) }
}

const nameFor = (kind: string, f: AnyFunction): string => (f.name === '' ? kind : `${kind}(${f.name})`)

const requireRule = (name: string, rule: unknown, how: string): void => {
  if (rule === undefined) throw new ArgumentError(`${name}: there is no rule yet; give it with ${how}.`)
}

/** Options of `customJvp` and `customVjp`. */
export interface CustomOptions<N extends readonly number[] = readonly number[]> {
  /** Arguments that are plain JS values: rules get them as they are, and they are never differentiated. */
  readonly nondiffArgnums?: N
}

/** A user-defined forward derivative: takes primals and tangents, returns the result and its tangent. */
export type JvpRule<A extends readonly unknown[], R> = (
  primals: A,
  tangents: Tangents<A>,
) => readonly [out: R | NextCarry<R>, tangentOut: Moved<R>]

/** The first half of a user-defined pullback: returns the result, and residuals (a tree of arrays) for the second. */
export type VjpForward<A extends readonly unknown[], R, S> = (...args: A) => readonly [out: R, residuals: S]

/**
 * The second half: takes the plain arguments of `nondiffArgnums`, the residuals and the cotangent of the result, and returns a
 * list of one cotangent for each other argument; null is zero.
 */
export type VjpBackward<A extends readonly unknown[], R, S, N extends readonly number[]> = (
  ...args: [...plain: Plain<A, N>, residuals: S, cotangent: R]
) => readonly unknown[]

/** A function with a user-defined forward derivative. */
export interface CustomJvp<A extends readonly unknown[], R> {
  (...args: A): R
  /** Sets the rule of this function, in place. `customJvp(f, rule)` returns a new function instead. */
  defjvp(rule: JvpRule<A, R>): CustomJvp<A, R>
  /**
   * Sets one rule per argument: `(tangent, out, ...primals)` to its part of the tangent; null where the result does not depend
   * on the argument.
   */
  defjvps(
    ...rules: { readonly [I in keyof A]: ((tangent: Arrays<A[I]>, out: R, ...primals: A) => Moved<R>) | null }
  ): CustomJvp<A, R>
}

const customOptions: must.OptionTable<CustomOptions> = { nondiffArgnums: must.listOf(must.integer) }
const someOptions = must.optionsOf(customOptions)

/** A rule, or options in its place. */
const aRuleOrOptions: must.Check = {
  ...someOptions,
  accepts: (x) => typeof x === 'function' || someOptions.accepts(x),
}
const customJvpDoor = must.door('customJvp', { f: must.func, rule: aRuleOrOptions, options: someOptions })
const rulesParameters = { rules: must.listOf(must.nullable(must.func), 'functions, one for each argument, or null') }

/**
 * The function `f` with a user-defined derivative: both modes, all orders and `vmap` follow from it. Inside a transformation,
 * `f` and its rule are traced.
 *
 * @param rule - `([...primals], [...tangents])` to `[out, tangentOut]`. Without it, the result has methods that set the rule:
 *   `defjvp`, and `defjvps` for one rule per argument.
 * @throws TreeError from a derivative if the rule returns another structure, shape or dtype, naming the leaf.
 * @throws ProgramError if `f` closes over a value that is being differentiated.
 * @example
 * ```ts
 * import { customJvp, grad, np } from 'pullback'
 * const log1pexp = customJvp(
 *   (x) => np.log(np.add(1, np.exp(x))),
 *   ([x], [t]) => {
 *     const y = np.log(np.add(1, np.exp(x)))
 *     return [y, np.multiply(t, np.subtract(1, np.divide(1, np.add(1, np.exp(x)))))]
 *   },
 * )
 * grad(log1pexp)(np.array(100)) // => 1.
 * ```
 */
export function customJvp<A extends readonly unknown[] = ArrayArguments, R extends TreeOfArrays<R> = NDArray>(
  f: Fn<A, R>,
  rule: JvpRule<A, NoInfer<R>>,
  options?: CustomOptions,
): (...args: A) => R
export function customJvp<A extends readonly unknown[] = ArrayArguments, R extends AnyTree = AnyTree>(
  f: Fn<A, R>,
  rule: JvpRule<A, NoInfer<Arrays<R>>>,
  options?: CustomOptions,
): (...args: A) => Arrays<R>
export function customJvp<A extends readonly unknown[] = ArrayArguments, R extends TreeOfArrays<R> = NDArray>(
  f: Fn<A, R>,
  options?: CustomOptions,
): CustomJvp<A, R>
export function customJvp<A extends readonly unknown[] = ArrayArguments, R extends AnyTree = AnyTree>(
  f: Fn<A, R>,
  options?: CustomOptions,
): CustomJvp<A, Arrays<R>>
export function customJvp<A extends readonly unknown[], R>(
  f: Fn<A, R>,
  ruleOrOptions: JvpRule<A, Arrays<R>> | CustomOptions = {},
  more: CustomOptions = {},
): CustomJvp<A, Arrays<R>> {
  customJvpDoor(f, ruleOrOptions, more)
  const given = typeof ruleOrOptions === 'function' ? ruleOrOptions : undefined
  const custom = makeCustomJvp(f, given === undefined ? (ruleOrOptions as CustomOptions) : more)
  return given === undefined ? custom : custom.defjvp(given)
}

const makeCustomJvp = <A extends readonly unknown[], R>(
  f: Fn<A, R>,
  options: CustomOptions,
): CustomJvp<A, Arrays<R>> => {
  type Rule = (primals: A, tangents: Tangents<A>) => readonly [unknown, unknown]
  let rule: Rule | undefined
  const fixed = options.nondiffArgnums ?? []
  requireFunctions('customJvp', { f })
  const name = nameFor('customJvp', f)
  let checked = false

  const check = (args: A, leaves: readonly NDArray[]): boolean => {
    const { rebuild } = partsOf(name, args, fixed)
    const call = (xs: readonly NDArray[]): A => rebuild(xs) as unknown as A
    return checkRule(name, leaves, {
      f: (xs) => flattenResult(name, f(...call(xs))).leaves,
      pairing: (xs, tangents, covectors) => {
        const [out, moved] = rule!(call(xs), call(tangents) as unknown as Tangents<A>)
        const ys = flattenResult(name, out)
        const avals = ys.leaves.map((y) => y.aval)
        return innerProduct(checkedLeaves(name, "the rule's tangent", moved, ys.treedef, avals), covectors(ys.leaves))
      },
    })
  }

  const custom = (...args: A): Arrays<R> => {
    const { leaves, rebuild } = partsOf(name, args, fixed)
    if (leaves.every((x) => x.body.trace === null)) return f(...args) as unknown as Arrays<R>
    requireRule(name, rule, 'defjvp')
    if (settings.customRules && !checked) checked = check(args, leaves)
    const avals = leaves.map((x) => x.aval)
    let out: TreeDef | undefined
    const primal = closeList(
      name,
      (xs) => {
        const result = flattenResult(name, f(...(rebuild(xs) as unknown as A)))
        out = result.treedef
        return result.leaves
      },
      avals,
    )
    const outAvals = primal.program.outAvals
    const pushed = closeList(
      name,
      (xs) => {
        const tangents = spreadTangents(xs.slice(avals.length), avals)
        const given = rule!(
          rebuild(xs.slice(0, avals.length)) as unknown as A,
          rebuild(tangents) as unknown as Tangents<A>,
        )
        if (!Array.isArray(given) || given.length !== 2) {
          throw new ArgumentError(`${name}: the rule must return [out, tangentOut].`)
        }
        const values = checkedLeaves(name, "the rule's result", given[0], out!, outAvals)
        const moved = checkedLeaves(name, "the rule's tangent", given[1], out!, outAvals)
        return [...values, ...differentiable(moved, outAvals)]
      },
      [...avals, ...differentiable(avals, avals)],
    )
    const { programs, captured } = shareCaptured([primal, pushed])
    const params = { program: programs[0]!, rule: programs[1]!, captured: captured.length, name }
    return restore(out!, ops.customJvp(params, [...captured, ...leaves]))
  }

  const self: CustomJvp<A, Arrays<R>> = Object.assign(custom, {
    defjvp: (given: Rule) => {
      requireFunctions(`${name}.defjvp`, { rule: given })
      rule = given
      return self
    },
    defjvps: (...rules: readonly (((...xs: never[]) => unknown) | null)[]) => {
      must.checkArguments(`${name}.defjvps`, rulesParameters, rules)
      rule = (primals, tangents) => {
        const out = f(...primals)
        const { treedef, leaves } = flattenResult(name, out)
        const parts = rules.flatMap((r, i) =>
          r === null ? [] : [r(...([tangents[i], out, ...primals] as unknown as never[]))],
        )
        const lists = parts.map((p) =>
          checkedLeaves(
            name,
            "a rule's tangent",
            p,
            treedef,
            leaves.map((y) => y.aval),
          ),
        )
        const total = leaves.map((y, i) =>
          lists.reduce<NDArray>((sum, xs) => add(sum, xs[i]!), zerosOf(y.aval.strengthen())),
        )
        return [out, unflatten(treedef, total)]
      }
      return self
    },
  })
  return self
}

/** A function with a user-defined pullback. */
export interface CustomVjp<A extends readonly unknown[], R, N extends readonly number[] = []> {
  (...args: A): R
  /**
   * Sets the rule of this function, in place, in two parts. `customVjp(f, forward, backward)` returns a new function instead.
   */
  defvjp<S extends TreeOfArrays<S>>(
    forward: VjpForward<A, R | NextCarry<R>, S>,
    backward: VjpBackward<A, R, S, N>,
  ): CustomVjp<A, R, N>
}

const customVjpDoor = must.door('customVjp', {
  f: must.func,
  forward: aRuleOrOptions,
  backward: must.optional(must.func),
  options: someOptions,
})

/**
 * The function `f` with a user-defined pullback: reverse mode of all orders and `vmap` follow from it. Forward mode works too,
 * at the price of one pullback for each element of the result. Inside a transformation, `f` and its rule are traced.
 *
 * @param forward - returns the result of `f` and residuals (a tree of arrays). Without it, the result has a method that sets
 *   the rule: `defvjp(forward, backward)`.
 * @param backward - takes the plain arguments of `nondiffArgnums`, the residuals and the cotangent of the result, and returns a
 *   list of one tree for each other argument; null is zero.
 * @throws TreeError from a derivative if the rule returns another structure, shape or dtype, naming the leaf.
 * @throws ProgramError if `f` closes over a value that is being differentiated, and from a forward derivative of a forward
 *   derivative.
 * @example
 * ```ts
 * import { customVjp, grad, np } from 'pullback'
 * // The identity, whose gradients are clipped.
 * const clipGradient = customVjp(
 *   (x) => x,
 *   (x) => [x, null],
 *   (_, ct) => [np.clip(ct, -1, 1)],
 * )
 * grad((x: NDArray) => np.multiply(clipGradient(x), 5))(np.array(2)) // => 1.
 * ```
 */
export function customVjp<
  A extends readonly unknown[] = ArrayArguments,
  R extends TreeOfArrays<R> = NDArray,
  S extends TreeOfArrays<S> = null,
  const N extends readonly number[] = [],
>(
  f: Fn<A, R>,
  forward: VjpForward<A, NoInfer<R | NextCarry<R>>, S>,
  backward: VjpBackward<A, R, S, N>,
  options?: CustomOptions<N>,
): (...args: A) => R
export function customVjp<
  A extends readonly unknown[] = ArrayArguments,
  R extends AnyTree = AnyTree,
  S extends TreeOfArrays<S> = null,
  const N extends readonly number[] = [],
>(
  f: Fn<A, R>,
  forward: VjpForward<A, NoInfer<NextCarry<R>>, S>,
  backward: VjpBackward<A, NoInfer<Arrays<R>>, S, N>,
  options?: CustomOptions<N>,
): (...args: A) => Arrays<R>
export function customVjp<
  A extends readonly unknown[] = ArrayArguments,
  R extends TreeOfArrays<R> = NDArray,
  const N extends readonly number[] = [],
>(f: Fn<A, R>, options?: CustomOptions<N>): CustomVjp<A, R, N>
export function customVjp<
  A extends readonly unknown[] = ArrayArguments,
  R extends AnyTree = AnyTree,
  const N extends readonly number[] = [],
>(f: Fn<A, R>, options?: CustomOptions<N>): CustomVjp<A, Arrays<R>, N>
export function customVjp<A extends readonly unknown[], R>(
  f: Fn<A, R>,
  forwardOrOptions: AnyFunction | CustomOptions = {},
  backward?: AnyFunction,
  more: CustomOptions = {},
): unknown {
  customVjpDoor(f, forwardOrOptions, backward, more)
  if (typeof forwardOrOptions !== 'function') return makeCustomVjp(f, forwardOrOptions)
  return makeCustomVjp(f, more).defvjp(forwardOrOptions as never, backward as never)
}

const makeCustomVjp = <A extends readonly unknown[], R>(
  f: Fn<A, R>,
  options: CustomOptions,
): CustomVjp<A, Arrays<R>> => {
  type Forward = (...args: A) => readonly [unknown, unknown]
  type Backward = (...args: unknown[]) => readonly unknown[]
  let rule: { readonly forward: Forward; readonly backward: Backward } | undefined
  const fixed = options.nondiffArgnums ?? []
  requireFunctions('customVjp', { f })
  const name = nameFor('customVjp', f)
  let checked = false

  const check = (args: A, leaves: readonly NDArray[]): boolean => {
    const { treedef, rebuild, plain } = partsOf(name, args, fixed)
    const call = (xs: readonly NDArray[]): A => rebuild(xs) as unknown as A
    return checkRule(name, leaves, {
      f: (xs) => flattenResult(name, f(...call(xs))).leaves,
      pairing: (xs, tangents, covectors) => {
        const [out, residuals] = rule!.forward(...call(xs))
        const ys = flattenResult(name, out)
        const pulled = rule!.backward(...plain, residuals, unflatten(ys.treedef, covectors(ys.leaves)))
        const avals = xs.map((x) => x.aval)
        return innerProduct(cotangentLeaves(name, pulled, treedef, avals), tangents)
      },
    })
  }

  const custom = (...args: A): Arrays<R> => {
    const { leaves, treedef, rebuild, plain } = partsOf(name, args, fixed)
    if (leaves.every((x) => x.body.trace === null)) return f(...args) as unknown as Arrays<R>
    requireRule(name, rule, 'defvjp')
    if (settings.customRules && !checked) checked = check(args, leaves)
    const avals = leaves.map((x) => x.aval)
    let out: TreeDef | undefined
    let residualTree: TreeDef | undefined
    const primal = closeList(
      name,
      (xs) => {
        const result = flattenResult(name, f(...(rebuild(xs) as unknown as A)))
        out = result.treedef
        return result.leaves
      },
      avals,
    )
    const outAvals = primal.program.outAvals
    const forward = closeList(
      name,
      (xs) => {
        const given = rule!.forward(...(rebuild(xs) as unknown as A))
        if (!Array.isArray(given) || given.length !== 2) {
          throw new ArgumentError(`${name}: forward must return [out, residuals].`)
        }
        const values = checkedLeaves(name, "forward's result", given[0], out!, outAvals)
        const residuals = flattenResult(name, given[1])
        residualTree = residuals.treedef
        return [...values, ...residuals.leaves]
      },
      avals,
    )
    const residualAvals = forward.program.outAvals.slice(outAvals.length)
    // Arrays that `backward` refers to stay constants of its program.
    const backward = stage(
      name,
      (xs) => {
        const residuals = unflatten(residualTree!, xs.slice(0, residualAvals.length))
        const cotangents = unflatten(out!, spreadTangents(xs.slice(residualAvals.length), outAvals))
        const given = rule!.backward(...plain, residuals, cotangents)
        const cts = cotangentLeaves(name, given, treedef, avals)
        return differentiable(cts, avals)
      },
      [...residualAvals, ...differentiable(outAvals, outAvals)],
    )
    const [foreign] = backward.captured
    if (foreign !== undefined) {
      const what = isOutOfReach(foreign) ? 'an array that is out of reach,' : 'a traced value'
      throw new ArgumentError(`${name}: backward closes over ${what} ${foreign.aval}; hand it over in the residuals.`)
    }
    const { programs, captured } = shareCaptured([primal, forward])
    const params = {
      program: programs[0]!,
      forward: programs[1]!,
      backward: backward.program,
      captured: captured.length,
      name,
    }
    return restore(out!, ops.customVjp(params, [...captured, ...leaves]))
  }

  const self: CustomVjp<A, Arrays<R>> = Object.assign(custom, {
    defvjp: (forward: Forward, backward: (...args: never[]) => readonly unknown[]) => {
      requireFunctions(`${name}.defvjp`, { forward, backward })
      rule = { forward, backward: backward as Backward }
      return self
    },
  })
  return self
}

/** The leaves of the result of `backward`: one tree for each argument, null for zeros of a whole argument. */
const cotangentLeaves = (name: string, given: unknown, args: TreeDef, avals: readonly Aval[]): NDArray[] => {
  const count = (unflatten(args, avals) as unknown[]).length
  if (!Array.isArray(given) || given.length !== count) {
    throw new TreeError(`${name}: backward must return a list of ${count} cotangents, one for each argument.`)
  }
  let next = 0
  return (unflatten(args, avals) as unknown[]).flatMap((argument, i) => {
    const like = flatten(argument).treedef
    const own = avals.slice(next, next + like.numLeaves)
    next += like.numLeaves
    return checkedLeaves(name, `backward's cotangent ${i}`, (given as unknown[])[i], like, own)
  })
}

/**
 * A function that returns its result together with its pullback: `f(...args)` returns `[out, pull]`, where `pull` takes the
 * cotangent of `out` and returns a list of one cotangent for each argument (null for zero). The values that `pull` closes over
 * are kept as residuals. A short form of `customVjp`.
 *
 * @throws as `customVjp`.
 * @example
 * ```ts
 * import { customGradient, grad, np } from 'pullback'
 * const f = customGradient((x: NDArray) => [np.square(x), (ct: NDArray) => [np.multiply(ct, np.multiply(10, x))]] as const)
 * f(np.array(3)) // => 9.
 * grad(f)(np.array(3)) // => 30.
 * ```
 */
export const customGradient = <A extends readonly unknown[] = ArrayArguments, R extends AnyTree = AnyTree>(
  f: (...args: A) => readonly [out: R, pull: (cotangent: Arrays<R>) => readonly unknown[]],
): ((...args: A) => Arrays<R>) => {
  requireFunctions('customGradient', { f })
  return (...args) => {
    const name = nameFor('customGradient', f)
    // Set by the forward part for the backward one, which is traced after it.
    let pullback: Closure | undefined
    const both = (xs: A): ReturnType<typeof f> => {
      const result: unknown = f(...xs)
      if (Array.isArray(result) && typeof result[1] === 'function') return result as unknown as ReturnType<typeof f>
      checkNoPromise(name, result)
      throw new ArgumentError(`${name}: the function must return [out, pull], got ${show(result)}.`)
    }
    const custom = makeCustomVjp((...xs: A): R => both(xs)[0], {}).defvjp<readonly NDArray[]>(
      (...xs) => {
        const [out, pull] = both(xs)
        const like = flattenResult(name, out)
        const given = flattenArrays(name, xs)
        const avals = given.leaves.map((x) => x.aval)
        pullback = closeList(
          name,
          (cts) => cotangentLeaves(name, pull(restore(like.treedef, cts)), given.treedef, avals),
          like.leaves.map((y) => y.aval),
        )
        return [out as Arrays<R>, pullback.captured] as const
      },
      (residuals: readonly NDArray[], ct: Arrays<R>) => {
        const cts = applyProgram(pullback!.program, [...residuals, ...flattenArrays(name, ct).leaves])
        return unflatten(flatten(args).treedef, cts) as readonly unknown[]
      },
    )
    return custom(...args)
  }
}

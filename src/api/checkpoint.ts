/** Trades time for memory: which values reverse mode keeps, and which it computes again. */
import { print } from '../core/console.ts'
import type { Aval } from '../core/aval.ts'
import { ArgumentError } from '../core/errors.ts'
import { countMarks } from '../core/marks.ts'
import type { PolicyRule } from '../ir/op.ts'
import type { Atom, Equation, Program, Variable } from '../ir/program.ts'
import { Literal } from '../ir/program.ts'
import * as control from '../primitives/control/operations.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { isDifferentiable } from '../trace/value.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { programTransforms } from '../transforms/programs.ts'
import { closeTree, placeOf } from './closures.ts'
import { flattenArrays, restore } from './leaves.ts'
import type { AnyTree, ArrayArguments, Arrays, TreeOfArrays, Fn } from './types.ts'

/** What a checkpointed function may keep for its derivative. Plain data: made by `checkpointPolicies`. */
export interface CheckpointPolicy {
  /** Policies by name, each with the names of the values that it refers to; a value is kept if one of them allows it. */
  readonly policies: readonly PolicyRule[]
}

const policyOf = (...rule: PolicyRule): CheckpointPolicy => ({ policies: [rule] })

export const aPolicy = must.kind('a policy, one of checkpointPolicies or what they give', (x) => {
  const policies = (x as Partial<CheckpointPolicy> | null | undefined)?.policies
  return must.listOf(must.listOf(must.string)).accepts(policies)
})
const bothDoor = must.door('saveFromBothPolicies', { first: aPolicy, second: aPolicy })
const namesDoor = { names: must.listOf(must.string, 'names, one by one') }

const namesFor = (policy: string, names: readonly string[]): readonly string[] => {
  must.checkArguments(policy, namesDoor, names)
  return names
}

/**
 * What `checkpoint` may keep instead of computing it again.
 *
 * @example
 * ```ts
 * import { checkpointPolicies } from 'pullback'
 * const { saveFromBothPolicies, saveOnlyTheseNames, dotsSaveable } = checkpointPolicies
 * const policy = saveFromBothPolicies(dotsSaveable, saveOnlyTheseNames('attention'))
 * policy.policies.join(' or ') // => dotsSaveable or saveOnlyTheseNames,attention
 * ```
 */
export const checkpointPolicies = {
  /** Everything: as if there were no checkpoint. */
  everythingSaveable: policyOf('everythingSaveable'),
  /** Nothing but the arguments. */
  nothingSaveable: policyOf('nothingSaveable'),
  /** Results of contractions. */
  dotsSaveable: policyOf('dotsSaveable'),
  /** Results of contractions without batch axes: those of linear layers, not of attention. */
  dotsWithNoBatchDimsSaveable: policyOf('dotsWithNoBatchDimsSaveable'),
  /** Values that `checkpointName` gave one of these names. */
  saveOnlyTheseNames: (...names: readonly string[]) =>
    policyOf('saveOnlyTheseNames', ...namesFor('saveOnlyTheseNames', names)),
  /** Everything but values with one of these names. */
  saveAnythingExceptTheseNames: (...names: readonly string[]) =>
    policyOf('saveAnythingExceptTheseNames', ...namesFor('saveAnythingExceptTheseNames', names)),
  /** Named values, except those with one of these names. */
  saveAnyNamesButThese: (...names: readonly string[]) =>
    policyOf('saveAnyNamesButThese', ...namesFor('saveAnyNamesButThese', names)),
  /** Values that either of two policies keeps. */
  saveFromBothPolicies: (first: CheckpointPolicy, second: CheckpointPolicy): CheckpointPolicy => {
    bothDoor(first, second)
    return { policies: [...first.policies, ...second.policies] }
  },
} as const

/** Options of `checkpoint`. */
export interface CheckpointOptions {
  /** What may be kept; `nothingSaveable` by default. */
  readonly policy?: CheckpointPolicy
  /**
   * By default (true) no pass eliminates common subexpressions across a checkpoint's boundary, so recomputed values are never
   * replaced by those of the forward run. With false, `jit` may replace them, which saves time and costs the memory.
   */
  readonly preventCse?: boolean
}

const checkpointOptions: must.OptionTable<CheckpointOptions> = { policy: aPolicy, preventCse: must.boolean }
const checkpointDoor = must.door('checkpoint', { f: must.func, options: must.optionsOf(checkpointOptions) })

/**
 * The function `f`, whose reverse derivative keeps only its arguments (and what `policy` allows) and computes `f` again when it
 * is needed. Also called `remat`. Chen et al., Training Deep Nets with Sublinear Memory Cost (2016).
 *
 * @example
 * ```ts
 * import { checkpoint, grad, np, savedResiduals } from 'pullback'
 * const f = (x: NDArray) => np.sin(np.sin(np.sin(x)))
 * savedResiduals(f, np.array(1)).length // => 3
 * savedResiduals(checkpoint(f), np.array(1)).join() // => f32[] from argument [0]
 * grad(checkpoint(f))(np.array(1)).equal(grad(f)(np.array(1))) // => True
 * ```
 */
export function checkpoint<A extends readonly unknown[] = ArrayArguments, R extends TreeOfArrays<R> = NDArray>(
  f: Fn<A, R>,
  options?: CheckpointOptions,
): (...args: A) => R
export function checkpoint<A extends readonly unknown[] = ArrayArguments, R extends AnyTree = AnyTree>(
  f: Fn<A, R>,
  options?: CheckpointOptions,
): (...args: A) => Arrays<R>
export function checkpoint<A extends readonly unknown[], R>(
  f: Fn<A, R>,
  options: CheckpointOptions = {},
): (...args: A) => Arrays<R> {
  if (typeof f !== 'function') throw new ArgumentError('checkpoint: expected a function. Write checkpoint(f)(x).')
  checkpointDoor(f, options)
  const { policy = checkpointPolicies.nothingSaveable, preventCse = true } = options
  const name = f.name === '' ? 'f' : f.name
  return (...args) => {
    const { leaves, treedef } = flattenArrays('checkpoint', args)
    const avals = leaves.map((x) => x.aval)
    const { program, captured, out } = closeTree('checkpoint', f, treedef, avals)
    return restore(out, control.checkpoint({ program, name, ...policy, preventCse }, [...captured, ...leaves]))
  }
}

const checkpointNameDoor = must.door('checkpointName', { x: must.arrayLike, name: must.string })

/**
 * `x`, under a name that checkpoint policies can refer to.
 *
 * @example
 * ```ts
 * import { checkpointName, np } from 'pullback'
 * checkpointName(np.array(1), 'hidden') // => 1.
 * ```
 */
export const checkpointName = (x: ArrayLike, name: string): NDArray => {
  checkpointNameDoor(x, name)
  return control.checkpointName(asArray(x), name)
}

/** A value that reverse mode keeps, and where it comes from. */
export class SavedResidual {
  readonly aval: Aval
  /** The argument, or the operation and the user's line. */
  readonly origin: string
  constructor(aval: Aval, origin: string) {
    this.aval = aval
    this.origin = origin
  }
  toString(): string {
    return `${this.aval.toString()} from ${this.origin}`
  }
}

/** Where an atom of a program comes from: the index of an input, or the equation that computes it, inside calls too. */
const originOf = (program: Program, atom: Atom): number | Equation | null => {
  if (atom instanceof Literal) return null
  const input = program.inputs.indexOf(atom)
  if (input >= 0) return input
  const eqn = program.equations.find((e) => e.outputs.includes(atom))
  if (eqn === undefined) return null
  if (eqn.op !== 'call') return eqn
  const inner = originOf(eqn.params.program, eqn.params.program.outputs[eqn.outputs.indexOf(atom)]!)
  return typeof inner === 'number' ? originOf(program, eqn.inputs[inner]!) : inner
}

const savedResidualsDoor = must.door('savedResiduals', { f: must.func })

/**
 * The values that reverse mode keeps between the run of `f` and its pullback: the type of each, and where it comes from.
 *
 * @example
 * ```ts
 * import { np, savedResiduals } from 'pullback'
 * savedResiduals((x: NDArray, y: NDArray) => np.multiply(x, y), np.zeros([2]), np.zeros([2])).join('; ')
 * // => f32[2] from argument [1]; f32[2] from argument [0]
 * ```
 */
export const savedResiduals = <A extends readonly unknown[]>(
  f: Fn<A, unknown>,
  ...args: A
): readonly SavedResidual[] => {
  savedResidualsDoor(f)
  const { leaves, treedef } = flattenArrays('savedResiduals', args)
  const avals = leaves.map((x) => x.aval)
  const { program, captured } = closeTree('savedResiduals', f, treedef, avals)
  const moving = program.inputs.map((v, i) => i >= captured.length && isDifferentiable(v.aval))
  const derived = programTransforms.jvp(program, moving).program
  const unknown = derived.inputs.map((_, i) => i >= program.inputs.length)
  const { known, unknown: rest, residualInputs } = programTransforms.split(derived, unknown)
  const used = new Set<Variable>(rest.equations.flatMap((e) => e.inputs.filter((a) => !(a instanceof Literal))))
  const forwarded = residualInputs.filter((_, i) => used.has(rest.inputs[i]!))
  const computed = known.outputs.slice(
    known.outputs.length - (rest.inputs.length - residualInputs.length - countMarks(moving)),
  )
  const inputOrigin = (i: number): string =>
    i < captured.length
      ? 'a value that the function closes over'
      : `argument ${placeOf(treedef, i - captured.length).slice(4)}`
  const describe = (atom: Atom): SavedResidual => {
    const origin = originOf(known, atom)
    if (origin === null) return new SavedResidual(atom.aval, 'a constant')
    if (typeof origin === 'number') return new SavedResidual(atom.aval, inputOrigin(origin))
    if (origin.op === 'checkpointName') return new SavedResidual(atom.aval, `name '${origin.params.name}'`)
    const where = origin.source === undefined ? '' : ` at ${origin.source.toString()}`
    return new SavedResidual(atom.aval, `${origin.op}${where}`)
  }
  return [
    ...forwarded.map((i) => new SavedResidual(program.inputs[i]!.aval, inputOrigin(i))),
    ...computed.filter((a) => !(a instanceof Literal)).map(describe),
  ]
}

/**
 * Prints `savedResiduals`, one per line.
 *
 * @example
 * ```ts
 * import { np, printSavedResiduals } from 'pullback'
 * printSavedResiduals((x: NDArray) => np.sin(np.exp(x)), np.zeros([2]))
 * ```
 */
export const printSavedResiduals = <A extends readonly unknown[]>(f: Fn<A, unknown>, ...args: A): void => {
  print(savedResiduals(f, ...args).join('\n'))
}

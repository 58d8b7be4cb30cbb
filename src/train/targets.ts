/** The modules that a method changes: matrices of a parameter tree, found by name as in PEFT. */
import { isLinearOperator } from '../api/linearOperator.ts'
import type { LinearOperator } from '../api/linearOperator.ts'
import { isQuantized } from '../api/quantized.ts'
import type { QuantizedArray } from '../api/quantized.ts'
import { isFloat } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import { suggestion } from '../core/suggest.ts'
import { flatten, leafPaths, unflatten } from '../core/tree.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray } from '../trace/value.ts'
import { areOfVit, inSpellingOf5 } from '../models/vitNames.ts'
import { endsIn, globExpression, isGlob } from './globs.ts'
import type { ModelLike, TargetsByType } from './modelTypes.ts'
import { isHead, isTable } from './modelTypes.ts'

/** A leaf of a tree of parameters. */
export type Parameter = NDArray | QuantizedArray | LinearOperator

/**
 * Modules by their names, which are the paths of matrices without `weight`: ends of names (`query`, `self.query`); globs of whole names
 * (`encoder.layer.{10,11}.**`); a list of either; a RegExp that matches part of a name; a predicate; or `'all-linear'`, all
 * matrices of linear layers but the head's.
 */
export type Targets = string | readonly string[] | RegExp | ((module: string, weight: Parameter) => boolean)

/** What targets must be. */
export const someTargets: must.Check = must.kind(
  "a name or a glob, a list of them, a RegExp, a predicate, or 'all-linear'",
  (x) =>
    (typeof x === 'string' && x !== '') ||
    x instanceof RegExp ||
    typeof x === 'function' ||
    (must.isListOf(x, (item) => typeof item === 'string' && item !== '') && (x as readonly string[]).length > 0),
)

/** A parameter under its name. */
export interface NamedParameter {
  /** The path, with dots: `encoder.layer.0.attention.self.query.weight`. */
  readonly name: string
  readonly value: Parameter
}

/** A matrix of a module. */
export interface Matrix extends NamedParameter {
  /** The name of the module: the path without `weight`. */
  readonly module: string
  readonly value: Parameter
}

const isParameter = (x: unknown): x is Parameter => x instanceof NDArray || isQuantized(x) || isLinearOperator(x)

const isWhole = (x: unknown): boolean => isQuantized(x) || isLinearOperator(x)

/** The parameters of a tree by name; quantised ones and operators are leaves. Leaves that are not arrays are skipped. */
export const parametersOf = (params: unknown): readonly NamedParameter[] => {
  const { leaves, treedef } = flatten(params, isWhole)
  const paths = leafPaths(treedef)
  return leaves.flatMap((value, i) => (isParameter(value) ? [{ name: paths[i]!.join('.'), value }] : []))
}

/** The same tree with other leaves at some names. */
export const replaceParameters = <P>(
  params: P,
  replacements: ReadonlyMap<string, (leaf: Parameter) => Parameter>,
): unknown => {
  const { leaves, treedef } = flatten(params, isWhole)
  const paths = leafPaths(treedef)
  const replaced = leaves.map((leaf, i) => {
    const make = replacements.get(paths[i]!.join('.'))
    return make === undefined ? leaf : make(leaf as Parameter)
  })
  return unflatten(treedef, replaced)
}

/** The module of a weight. */
export const moduleOf = (name: string): string => (name.endsWith('.weight') ? name.slice(0, -'.weight'.length) : name)

/** The matrices of floats, in the order of the tree. */
export const matricesOf = (params: unknown): readonly Matrix[] =>
  parametersOf(params).flatMap(({ name, value }) =>
    value.ndim === 2 && isFloat(value.dtype) ? [{ name, value, module: moduleOf(name) }] : [],
  )

/** The kernels of convolutions: `[outputs, inputs, height, width]`. */
export const kernelsOf = (params: unknown): readonly Matrix[] =>
  parametersOf(params).flatMap(({ name, value }) =>
    value.ndim === 4 && isFloat(value.dtype) && name.endsWith('.weight')
      ? [{ name, value, module: moduleOf(name) }]
      : [],
  )

/** The most names in a message. */
const SHOWN = 12

/** The ends of names, each once. */
const endsOf = (names: readonly string[]): readonly string[] => [
  ...new Set(names.map((name) => name.slice(name.lastIndexOf('.') + 1))),
]

/** The names that exist, for the message on one that does not. */
export const whatThereIs = (names: readonly string[], wanted: string): string => {
  if (names.length === 0) return 'There are no matrices in the tree.'
  const ends = endsOf(names)
  const end = wanted.slice(wanted.lastIndexOf('.') + 1)
  const near = suggestion(end, ends)
  const example = names.find((name) => near !== null && endsIn(name, near)) ?? names[0]!
  const meant = near === null || near === end ? '' : `Did you mean '${near}'? `
  const listed = ends.slice(0, SHOWN).join(', ') + (ends.length > SHOWN ? `, and ${ends.length - SHOWN} more` : '')
  return `${meant}Names end in ${listed}; a whole one is ${example}.`
}

/** Those of the names that one text means. */
export const meantBy = (operation: string, text: string): ((name: string) => boolean) => {
  if (!isGlob(text)) return (name) => endsIn(name, text)
  const expression = globExpression(operation, text)
  return (name) => expression.test(name)
}

/** A predicate of matrices for targets of one kind, and how it is called in messages. */
const chosenBy = (operation: string, targets: Exclude<Targets, readonly string[]>, isVit: boolean) => {
  if (typeof targets === 'function') {
    return { called: 'the predicate', accepts: ({ module, value }: Matrix) => targets(module, value) }
  }
  if (targets instanceof RegExp) {
    // With these flags an expression remembers where it was.
    const expression = new RegExp(targets.source, targets.flags.replaceAll(/[gy]/g, ''))
    return { called: String(targets), accepts: ({ module }: Matrix) => expression.test(module) }
  }
  if (targets === 'all-linear') {
    return {
      called: "'all-linear'",
      accepts: ({ module }: Matrix) => !isTable(module) && !isHead(module),
    }
  }
  const means = meantBy(operation, targets)
  const isMeant = isVit ? (module: string): boolean => means(module) || means(inSpellingOf5(module)) : means
  return { called: `'${targets}'`, accepts: ({ module }: Matrix) => isMeant(module) }
}

/** Options of `findTargets`. */
export interface FindOptions {
  readonly targets?: Targets | undefined
  readonly model?: ModelLike | undefined
  /** By type of model, where no targets are given. */
  readonly defaults: TargetsByType
  /** Modules that are trained themselves, and so are not adapted. */
  readonly modulesToSave?: readonly string[] | undefined
}

const defaultTargets = (operation: string, { model, defaults }: FindOptions): readonly string[] => {
  const known = Object.keys(defaults).join(', ')
  if (model === undefined) {
    throw new ArgumentError(
      `${operation}: give the targets, as in { targets: ['query', 'value'] }, or the model, as in { model }, for those that are ` +
        `usual in its family (${known}).`,
    )
  }
  const found = Object.hasOwn(defaults, model.type) ? defaults[model.type] : undefined
  if (found !== undefined) return found
  throw new ArgumentError(
    `${operation}: which modules of a '${model.type}' are adapted is not known; give them as targets. Known: ${known}.`,
  )
}

/**
 * Whether a parameter or module is one of those that are saved whole, or lies in one. As in PEFT, `norm` is the end of `input_layernorm`,
 * too, and `classifier` that of `pre_classifier`.
 */
export const isSaved = (name: string, modulesToSave: readonly string[]): boolean => {
  const parts = name.split('.')
  return parts.some((_, i) => {
    const path = parts.slice(0, i + 1).join('.')
    return modulesToSave.some((module) => path.endsWith(module))
  })
}

/**
 * The matrices that are meant, in the order of the tree.
 *
 * @throws ArgumentError for a target that matches nothing: it lists near names, and what there is.
 */
export const findTargets = (operation: string, params: unknown, options: FindOptions): readonly Matrix[] => {
  const { modulesToSave = [] } = options
  const targets = options.targets ?? defaultTargets(operation, options)
  const matrices = matricesOf(params).filter(({ module }) => !isSaved(module, modulesToSave))
  const kinds: readonly Exclude<Targets, readonly string[]>[] = Array.isArray(targets)
    ? (targets as readonly string[])
    : [targets as Exclude<Targets, readonly string[]>]
  const found = new Set<Matrix>()
  const isVit = areOfVit(matrices.map(({ module }) => module))
  for (const kind of kinds) {
    const { called, accepts } = chosenBy(operation, kind, isVit)
    const chosen = matrices.filter(accepts)
    if (chosen.length === 0) {
      const names = matrices.map(({ module }) => module)
      throw new ArgumentError(
        `${operation}: no module is meant by ${called}. ${whatThereIs(names, typeof kind === 'string' ? kind : '')}`,
      )
    }
    for (const matrix of chosen) found.add(matrix)
  }
  return matrices.filter((matrix) => found.has(matrix))
}

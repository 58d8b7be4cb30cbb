/**
 * Checks of models' arguments: trees of parameters, inputs, options, caches. Each family has tables of its inputs and its
 * options.
 */
import { isLinearOperator } from '../api/linearOperator.ts'
import { isQuantized } from '../api/quantized.ts'
import { isFloat, isDType } from '../core/dtype.ts'
import { ArgumentError, DTypeError, ShapeError, TreeError } from '../core/errors.ts'
import { sameShape, showShape } from '../core/shape.ts'
import { show } from '../core/show.ts'
import { suggestion } from '../core/suggest.ts'
import { aKey } from '../random/keys.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray } from '../trace/value.ts'
import type { Cache, LayerCache } from './cache.ts'
import type { DecoderInputs, DecoderOptions } from './decoder.ts'
import type { EncoderInputs, RunOptions } from './encoder.ts'
import { knownElements } from './inputs.ts'
import { aRemat } from './remat.ts'
import type { Seq2SeqCache, Seq2SeqInputs, Seq2SeqOptions } from './seq2seq.ts'
import { ParameterSpec } from './spec.ts'
import type { ImageInputs } from './vision.ts'

type Mapping = Readonly<Record<string, unknown>>

const isMapping = (x: unknown): x is Mapping => typeof x === 'object' && x !== null && !Array.isArray(x)

const isArray = (x: unknown): x is NDArray => x instanceof NDArray

// Trees of parameters.

/** The class of an error, and its message from the path on. */
type Fault = readonly [error: typeof TreeError | typeof ShapeError, text: string]

const leafFault = ({ shape }: ParameterSpec, value: unknown, path: string): Fault | null => {
  if (isArray(value) || isQuantized(value) || isLinearOperator(value)) {
    if (sameShape(value.shape, shape)) return null
    return [
      ShapeError,
      `${path} must have shape ${showShape(shape)}, got ${String(isArray(value) ? value.aval : value)}.`,
    ]
  }
  const what = `an array of shape ${showShape(shape)}`
  return [
    TreeError,
    value === undefined ? `${path}, ${what}, is missing.` : `${path} must be ${what}, got ${show(value)}.`,
  ]
}

const listFault = (specs: readonly unknown[], value: unknown, path: string): Fault | null => {
  if (value === undefined) return [TreeError, `${path}, a list of ${specs.length}, is missing.`]
  if (!Array.isArray(value) || value.length !== specs.length) {
    const got = Array.isArray(value) ? `one of ${value.length}` : show(value)
    return [TreeError, `${path} must be a list of ${specs.length}, got ${got}.`]
  }
  for (let i = 0; i < specs.length; i++) {
    const fault = treeFault(specs[i], value[i], `${path}.${i}`)
    if (fault !== null) return fault
  }
  return null
}

/** The most names in a message. */
const SHOWN = 12

const listed = (specs: Mapping): string => {
  const keys = Object.keys(specs)
  return keys.length > SHOWN ? `${keys.slice(0, SHOWN).join(', ')}, ...` : keys.join(', ')
}

const unknownKey = (key: string, specs: Mapping, path: string): Fault => {
  const near = suggestion(key, Object.keys(specs))
  const meant = near === null ? '' : ` Did you mean ${near}?`
  return [TreeError, `the model has no ${path}.${key.slice(0, 40)}.${meant} In ${path} are ${listed(specs)}.`]
}

const mappingFault = (specs: Mapping, value: unknown, path: string): Fault | null => {
  if (value === undefined) return [TreeError, `${path}, an object with ${listed(specs)}, is missing.`]
  if (!isMapping(value) || isArray(value)) {
    return [TreeError, `${path} must be an object with ${listed(specs)}, got ${show(value)}.`]
  }
  for (const key in specs) {
    const fault = treeFault(specs[key], value[key], `${path}.${key}`)
    if (fault !== null) return fault
  }
  for (const key in value) if (!Object.hasOwn(specs, key)) return unknownKey(key, specs, path)
  return null
}

/**
 * The first difference between a tree of arrays and the specs, if there is one. It reads no elements: about 300 leaves take
 * microseconds.
 */
const treeFault = (specs: unknown, value: unknown, path: string): Fault | null => {
  if (specs instanceof ParameterSpec) return leafFault(specs, value, path)
  if (Array.isArray(specs)) return listFault(specs, value, path)
  if (isMapping(specs)) return mappingFault(specs, value, path)
  if (value === null || value === undefined) return null
  return [TreeError, `${path} must be null, as the model is without it; got ${show(value)}.`]
}

/**
 * A tree of arrays with the structure and the shapes of the specs, as from `init` or loading.
 *
 * @param from - where such trees come from.
 */
export const treeOf = (specs: unknown, from: string): must.Check => ({
  wanted: `a tree of arrays, as ${from} gives it`,
  accepts: (x) => treeFault(specs, x, '') === null,
  refuse: (operation, name, value) => {
    const [Mistake, text] = treeFault(specs, value, name) ?? [TreeError, `${name} changes while it is read.`]
    return new Mistake(`${operation}: ${text} What fits comes from ${from}.`)
  },
})

/** The dtype of fresh parameters. */
export const floatDType: must.Check = must.optional(
  must.kind('a dtype of floats', (x) => isDType(x) && isFloat(x), {
    error: DTypeError,
    hint: () => 'Known: float32, float64, float16, bfloat16.',
  }),
)

/** An array, where a list is not accepted. */
export const anArray: must.Check = must.instance('an array, as np.array makes it', NDArray)

/** An object with these members, and maybe others. */
export const withMembers = (table: { readonly [name: string]: must.Check }): must.Check => {
  const wanted = `an object with ${Object.keys(table).join(', ')}`
  const badMember = (x: Mapping): string | undefined => Object.keys(table).find((key) => !table[key]!.accepts(x[key]))
  return {
    wanted,
    accepts: (x) => isMapping(x) && badMember(x) === undefined,
    refuse: (operation, name, value) => {
      const bad = isMapping(value) ? badMember(value) : undefined
      if (bad === undefined) return new ArgumentError(`${operation}: ${name} must be ${wanted}, got ${show(value)}.`)
      return table[bad]!.refuse(operation, `${name}.${bad}`, (value as Mapping)[bad], [])
    },
  }
}

/** The checked value, or null; it may not be left out. */
export const orNull = (check: must.Check): must.Check => ({
  ...check,
  wanted: `${check.wanted}, or null`,
  accepts: (x) => x === null || check.accepts(x),
})

/** The weight of a linear layer, or a table. */
export const aMatrix: must.Check = must.kind(
  'a matrix: an array of two axes, quantised or not, or a linear operator',
  (x) => (isArray(x) || isQuantized(x) || isLinearOperator(x)) && x.shape.length === 2,
  { error: ShapeError },
)

/** An array of this rank. */
export const arrayOfRank = (ndim: number, shape: string): must.Check =>
  must.kind(`an array of shape ${shape}`, (x) => isArray(x) && x.ndim === ndim, { error: ShapeError })

/** One number for each feature, or channel. */
export const aVector: must.Check = arrayOfRank(1, '[features]')

// Inputs.

const tokens = must.required(must.arrayLike)

/** All 0, if they are known, so that the result of `toInputs` fits models without token types too. */
const noTokenTypes: must.Check = {
  ...must.arrayLike,
  refuse: (operation, name, value, before) =>
    must.arrayLike.accepts(value)
      ? new ArgumentError(`${operation}: ${name} must be all 0 or left out, as the model has no token types.`)
      : must.arrayLike.refuse(operation, name, value, before),
  accepts: (x) => must.arrayLike.accepts(x) && isZero(x),
}

const isZero = (x: unknown): boolean => {
  if (Array.isArray(x)) return x.every(isZero)
  if (isArray(x)) return knownElements(x)?.every((n: number | bigint) => Number(n) === 0) ?? true
  return ArrayBuffer.isView(x) ? Array.from(x as Uint8Array).every(isZero) : Number(x) === 0
}

const encoderTable: must.OptionTable<EncoderInputs> = {
  inputIds: tokens,
  attentionMask: must.arrayLike,
  tokenTypeIds: must.arrayLike,
  positionIds: must.arrayLike,
  segmentIds: must.arrayLike,
}

export const encoderInputs = must.optionsOf(encoderTable, 'input')

/** The inputs of an encoder without token types. */
export const typelessInputs = must.optionsOf<EncoderInputs>({ ...encoderTable, tokenTypeIds: noTokenTypes }, 'input')

/** The inputs of an encoder with relative positions. */
export const relativeInputs = must.optionsOf<Omit<EncoderInputs, 'positionIds' | 'segmentIds'>>(
  { inputIds: tokens, attentionMask: must.arrayLike, tokenTypeIds: noTokenTypes },
  'input',
)

export const decoderInputs = must.optionsOf<DecoderInputs & Pick<EncoderInputs, 'tokenTypeIds'>>(
  { ...encoderTable, tokenTypeIds: noTokenTypes },
  'input',
)

export const seq2seqInputs = must.optionsOf<Seq2SeqInputs & Pick<EncoderInputs, 'tokenTypeIds'>>(
  {
    inputIds: must.arrayLike,
    attentionMask: must.arrayLike,
    tokenTypeIds: noTokenTypes,
    decoderInputIds: must.arrayLike,
    decoderAttentionMask: must.arrayLike,
    labels: must.arrayLike,
  },
  'input',
)

export const imageInputs = must.optionsOf<ImageInputs>({ pixelValues: tokens }, 'input')

// Options and caches.

const hasRank = (x: unknown, ndim: number): boolean => isArray(x) && x.ndim === ndim

const isLayerCache = (x: unknown): x is LayerCache => {
  if (!isMapping(x) || !isArray(x['key']) || !isArray(x['value'])) return false
  return x['key'].ndim === 4 && sameShape(x['key'].shape, x['value'].shape)
}

/** Checks one layer of a cache. */
export const aLayerCache = must.kind('keys and values of one layer, as a cache has them', (x) => isLayerCache(x))

const isCache = (x: unknown): x is Cache =>
  isMapping(x) && must.isListOf(x['layers'], isLayerCache) && hasRank(x['length'], 0)

/** Checks a cache. */
export const aCache = must.kind('a cache, as emptyCache or the step before gives it', isCache)

const isSeq2SeqCache = (x: unknown): x is Seq2SeqCache =>
  isMapping(x) && isCache(x['decoder']) && must.isListOf(x['encoder'], isLayerCache) && hasRank(x['attentionMask'], 2)

export const runTable: must.OptionTable<RunOptions> = { key: aKey, remat: aRemat, attentions: must.boolean }

export const runOptions = must.optionsOf(runTable)

export const noOptions = must.optionsOf<object>({})

export const decoderOptions = must.optionsOf<DecoderOptions>({
  ...runTable,
  cache: aCache,
  logitsToKeep: must.count,
})

export const seq2seqOptions = must.optionsOf<Seq2SeqOptions>({
  ...runTable,
  cache: must.kind('a cache, as startCache or the step before gives it', isSeq2SeqCache),
  prefix: aCache,
  logitsToKeep: must.count,
})

/** The options of a model whose state has this structure. */
export const stateOptions = (stateSpecs: unknown): must.Check =>
  must.optionsOf({
    key: aKey,
    state: must.required(treeOf(stateSpecs, 'model.initState, loadVariables or the step before')),
    training: must.boolean,
  })

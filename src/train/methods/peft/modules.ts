/** The modules that a configuration of PEFT adapts: `check_target_module_exists` of `peft.tuners.tuners_utils`. */
import { endsIn } from '../../globs.ts'
import type { ModelLike } from '../../modelTypes.ts'
import { isHead, isTable } from '../../modelTypes.ts'
import type { Matrix } from '../../targets.ts'
import { isSaved, kernelsOf, matricesOf, moduleOf, parametersOf } from '../../targets.ts'
import { eitherWay, hasTwoSpellings } from '../spelling.ts'
import { wholeExpression } from '../patterns.ts'
import type { AdaptedModule, ModuleConfig } from '../settings.ts'
import { isFanIn, isTrainedBias, tiesOf } from '../settings.ts'
import type { ConfigReader } from './reader.ts'
import { refuse } from './refusal.ts'

/** The modules, and the settings that select them. */
export interface FoundModules {
  readonly modules: readonly AdaptedModule[]
  readonly targetModules: readonly string[]
  readonly modulesToSave: readonly string[]
  readonly fanInFanOut: readonly string[]
  readonly tied: ModuleConfig['tied']
  readonly bias: ModuleConfig['bias']
  readonly tokens: NonNullable<ModuleConfig['tokens']>
  readonly idleBiases: NonNullable<ModuleConfig['idleBiases']>
  readonly untied: NonNullable<ModuleConfig['untied']>
}

const expressionOf = (config: ConfigReader, key: string, text: string): RegExp =>
  wholeExpression(text) ?? config.fail(key, 'a list of names, or an expression without repeated groups')

const listed = (names: readonly string[]) => (module: string) => names.some((name) => endsIn(module, name))

const matcher = (config: ConfigReader, key: string): ((module: string) => boolean) => {
  const given = config.namesOrText(key)
  if (typeof given !== 'string') return listed(given)
  const expression = expressionOf(config, key, given)
  return (module) => expression.test(module)
}

/**
 * `layers_to_transform` and `layers_pattern`: the first number of a name that comes after the pattern, or after any two parts.
 * Names that are listed in full match in any layer.
 */
const layerMatcher = (config: ConfigReader): ((module: string) => boolean) => {
  const given = config.get('layers_to_transform')
  const layers = typeof given === 'number' ? [given] : given
  const named = config.namesOrText('layers_pattern')
  if (layers === undefined || (Array.isArray(layers) && layers.length === 0)) return () => true
  if (!Array.isArray(layers) || !layers.every((x) => Number.isSafeInteger(x))) {
    return config.fail('layers_to_transform', 'a number or a list of numbers')
  }
  const patterns = (typeof named === 'string' ? [named] : named).filter((name) => name !== '')
  for (const pattern of patterns) expressionOf(config, 'layers_pattern', pattern)
  const expressions =
    patterns.length === 0
      ? [/^.*?\.[^.]*\.(\d+)\./]
      : patterns.map((pattern) => new RegExp(`^(?:.*?\\.)??(?:${pattern})\\.(\\d+)\\.`))
  return (module) => {
    const found = expressions.map((expression) => expression.exec(module)).find((match) => match !== null)
    return found !== undefined && found !== null && layers.includes(Number(found.at(-1)))
  }
}

/** The test that `target_modules` describes. */
const targetMatcher = (config: ConfigReader): ((module: string) => boolean) => {
  const given = config.namesOrText('target_modules')
  const isInLayer = layerMatcher(config)
  if (typeof given !== 'string') {
    const isListed = listed(given)
    return (module) => given.includes(module) || (isListed(module) && isInLayer(module))
  }
  if (given.toLowerCase() === 'all-linear') return (module) => !isTable(module) && !isHead(module)
  const expression = expressionOf(config, 'target_modules', given)
  return (module) => expression.test(module)
}

/** `bias`, as PEFT has it: `none`, `all`, and `lora_only` or `vera_only`. */
const biasOf = (config: ConfigReader): ModuleConfig['bias'] => {
  const given = config.get('bias') ?? 'none'
  if (given === 'none') return undefined
  if (given === 'all') return 'all'
  return given === 'lora_only' || given === 'vera_only' ? 'only' : config.fail('bias', "'none', 'all' or 'lora_only'")
}

/** A head that shares the table of embeddings. */
interface Head extends Matrix {
  /** The name of the table. */
  readonly table: string
}

/** Heads that share a leaf with a table, by their names in files. */
export const headsOf = (params: unknown, model: ModelLike | undefined): readonly Head[] => {
  const byName = new Map(matricesOf(params).map((matrix) => [matrix.name, matrix]))
  return [...(model?.tied ?? [])].flatMap(([name, table]) => {
    const own = byName.get(table)
    return own === undefined || isTable(moduleOf(name)) ? [] : [{ ...own, name, module: moduleOf(name), table }]
  })
}

const words = /(^|\.)(word_embeddings|wte|embed_tokens|shared)$/

/** `trainable_token_indices`: rows of the word embeddings, or of tables selected by the ends of their names. */
const tokensOf = (
  config: ConfigReader,
  params: unknown,
  model: ModelLike | undefined,
): NonNullable<ModuleConfig['tokens']> => {
  const given = config.get('trainable_token_indices')
  if (given === undefined) return {}
  // PEFT goes by the configuration, which says that they are tied.
  if (model?.type === 'mt5')
    config.fail(
      'trainable_token_indices',
      'left out for mT5, whose head PEFT changes with the table although it is none',
    )
  const tables = matricesOf(params).filter(({ module }) => isTable(module))
  const isRows = (x: unknown, rows: number): x is readonly number[] =>
    Array.isArray(x) && x.length > 0 && new Set(x).size === x.length && x.every((i) => Number.isSafeInteger(i) && i >= 0 && i < rows) // prettier-ignore
  const named = Array.isArray(given) ? [['', given] as const] : Object.entries(given as object)
  return Object.fromEntries(
    named.map(([end, indices]) => {
      const table = tables.find(({ module }) => (end === '' ? words.test(module) : module.endsWith(end)))
      if (table === undefined || !isRows(indices, table.value.shape[0]!)) {
        return config.fail(
          'trainable_token_indices',
          'rows of the table of embeddings, each once, or an object of those by names of tables',
        )
      }
      return [table.module, indices] as const
    }),
  )
}

/**
 * Biases of heads that share a table with trained rows. PEFT computes such a head as a product with the table and nothing more
 * (`TrainableTokensLayer.forward_adapters`), so that the adapter was trained without them.
 */
const idleBiasesOf = (
  tokens: NonNullable<ModuleConfig['tokens']>,
  params: unknown,
  model: ModelLike | undefined,
): readonly string[] => {
  const names = new Set(parametersOf(params).map(({ name }) => name))
  const biases = headsOf(params, model).flatMap(({ module, table }) => {
    if (!Object.hasOwn(tokens, moduleOf(table))) return []
    const bias = `${module}.bias`
    return [model?.tied?.get(bias) ?? bias]
  })
  return biases.filter((name) => names.has(name))
}

/** The matrices of a tree that the configuration selects. */
export const modulesOf = (config: ConfigReader, params: unknown, model: ModelLike | undefined): FoundModules => {
  const modulesToSave = config.names('modules_to_save')
  const given = config.get('target_modules')
  if (given === undefined) config.fail('target_modules', 'a list of names, or an expression')
  const either = hasTwoSpellings(params, true) ? eitherWay : (isMeant: (module: string) => boolean) => isMeant
  const isTarget = either(targetMatcher(config))
  const isExcluded = either(matcher(config, 'exclude_modules'))
  const bias = biasOf(config)
  const byLayer = config.get('layers_to_transform') !== undefined
  const fanIn = config.flag('fan_in_fan_out', false)
  const tying = config.flag('ensure_weight_tying', false)
  const heads = tying ? [] : headsOf(params, model)
  const type = config.get('peft_type')
  const kernels = type === 'LORA' || type === 'IA3' ? kernelsOf(params) : []
  const found = [...matricesOf(params), ...kernels, ...heads].filter(
    ({ module }: Matrix) => isTarget(module) && !isExcluded(module) && !isSaved(module, modulesToSave),
  )
  if (found.length === 0) {
    refuse(`target_modules of the adapter mean no module of the parameters: ${JSON.stringify(given).slice(0, 200)}.`)
  }
  const modules = found.map((matrix): AdaptedModule => {
    const table = isTable(matrix.module)
    return { ...matrix, table, outputs: table || isFanIn(matrix.module, fanIn, model) ? 1 : 0 }
  })
  const saved = [...parametersOf(params), ...heads].filter(({ name }) => isSaved(name, modulesToSave))
  const adapted = found.map(({ module }) => module)
  const biases = parametersOf(params).filter(({ name }) => isTrainedBias(name, bias, adapted))
  const changed = new Set([...found, ...saved, ...biases].map(({ name }) => name))
  const parted = heads.filter(({ name, table }) => changed.has(name) || changed.has(table))
  const tied = Object.fromEntries(
    Object.entries(tiesOf([...changed], model)).filter(([other]) => !parted.some(({ module }) => module === other)),
  )
  const matrices = new Set(matricesOf(params).map(({ module }) => module))
  const pair = Object.entries(tied).find(([, own]) => matrices.has(own))
  if (!tying && pair !== undefined) {
    refuse(
      `${pair[1]} is ${pair[0]}, too: here one leaf is both, but the adapter, without ensure_weight_tying, is one that changes only ` +
        'one of them.',
      { unexpected: [pair[1]] },
    )
  }
  const tokens = tokensOf(config, params, model)
  const isPlain = Array.isArray(given) && !byLayer && config.get('exclude_modules') === undefined
  return {
    modules,
    targetModules: isPlain ? (given as readonly string[]) : modules.map(({ module }) => module),
    modulesToSave,
    fanInFanOut: modules.filter(({ table, outputs }) => !table && outputs === 1).map(({ module }) => module),
    tied,
    bias,
    tokens,
    idleBiases: idleBiasesOf(tokens, params, model),
    untied: Object.fromEntries(parted.map(({ module, table }) => [module, moduleOf(table)])),
  }
}

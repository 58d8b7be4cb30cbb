/** Converts configurations of PEFT to settings of methods, and back. */
import type { JsonRecord } from '../../../io/index.ts'
import type { Adapter } from '../../adapter.ts'
import type { Ia3Config } from '../ia3.ts'
import { scalesInputs, vectorShape } from '../ia3.ts'
import type { LoraConfig } from '../lora.ts'
import { factorNames, rankOf } from '../lora.ts'
import { takesPart } from '../loraInit.ts'
import { wholeExpression } from '../patterns.ts'
import type { AdaptedModule, ModuleConfig } from '../settings.ts'
import { extentsOf } from '../settings.ts'
import type { VeraConfig } from '../vera.ts'
import type { FoundModules } from './modules.ts'
import type { ConfigReader } from './reader.ts'
import { refuse } from './refusal.ts'

/** The settings of a method whose files are PEFT's. */
export type PeftConfig = LoraConfig | Ia3Config | VeraConfig

/** Names of methods whose files are PEFT's. */
export type PeftMethod = PeftConfig['method']

/** A parsed configuration: settings, and the arrays of each module. */
export interface Format {
  readonly config: PeftConfig
  readonly arraysOf: (module: AdaptedModule) => readonly (readonly [name: string, shape: readonly number[]])[]
}

/** Options of reading. */
interface FormatOptions {
  /** Whether adapters initialised from a part of the weights are read: they belong to the residual. */
  readonly residual: boolean
}

const shared = ({
  modules: _,
  bias,
  untied,
  tokens,
  idleBiases,
  ...rest
}: FoundModules): Omit<ModuleConfig, 'method'> => ({
  ...rest,
  ...(bias === undefined ? {} : { bias }),
  ...(Object.keys(tokens).length === 0 ? {} : { tokens }),
  ...(idleBiases.length === 0 ? {} : { idleBiases }),
  ...(Object.keys(untied).length === 0 ? {} : { untied }),
})

const isCount = (x: number): boolean => Number.isSafeInteger(x) && x > 0
const isPositive = (x: number): boolean => x > 0
const isFraction = (x: number): boolean => x >= 0 && x < 1

/** Initialisations that leave the weights unchanged. */
const plainInits = ['gaussian', 'orthogonal', 'eva']

const initOf = (config: ConfigReader, { residual }: FormatOptions): string => {
  const init = config.get('init_lora_weights')
  if (init === undefined || typeof init === 'boolean') return 'default'
  if (typeof init === 'string' && plainInits.includes(init)) return init
  if (typeof init !== 'string' || !takesPart(init)) {
    return config.fail(
      'init_lora_weights',
      "true, false, 'gaussian', 'orthogonal', 'eva', 'pissa' or 'olora': others change the weights in ways that cannot be repeated",
    )
  }
  if (residual) return init
  return refuse(
    `the adapter began as a part of the weights ('${init}'): it belongs to lora.residual(params, adapter), not to the parameters. ` +
      'Load it with { residual: true } to apply it to those.',
    { unexpected: ['init_lora_weights'] },
  )
}

/** The arrays of a convolution: A has as many outputs as the rank, and B a kernel of one pixel. */
const kernelArrays = (
  config: LoraConfig,
  module: string,
  [outs, ...inner]: readonly number[],
): readonly (readonly [name: string, shape: readonly number[]])[] => {
  const rank = rankOf(config, module)
  return [
    ['lora_A', [rank, ...inner]],
    ['lora_B', [outs!, rank, 1, 1]],
    ...(config.loraBias === true ? [['lora_B_bias', [outs!]] as const] : []),
    ...(config.method === 'dora' ? [['lora_magnitude_vector', [1, outs!, 1, 1]] as const] : []),
  ]
}

const loraOf = (config: ConfigReader, found: FoundModules, options: FormatOptions): Format => {
  const patterned = (accepts: (x: number) => boolean) => (name: string, x: number) =>
    accepts(x) && wholeExpression(name) !== null
  const method = config.flag('use_dora', false) ? 'dora' : 'lora'
  const settings: LoraConfig = {
    method,
    rank: config.number('r', 'a whole number above 0', isCount, 8),
    alpha: config.number('lora_alpha', 'a number above 0', isPositive, 8),
    dropout: config.number('lora_dropout', 'a number from 0 to below 1', isFraction, 0),
    rsLora: config.flag('use_rslora', false),
    initLoraWeights: initOf(config, options),
    rankPattern: config.numbers('rank_pattern', 'whole numbers above 0 by the ends of names', patterned(isCount)),
    alphaPattern: config.numbers('alpha_pattern', 'numbers above 0 by the ends of names', patterned(isPositive)),
    ...(config.flag('lora_bias', false) ? { loraBias: true } : {}),
    ...shared(found),
  }
  if (method === 'dora' && settings.loraBias === true) config.fail('lora_bias', 'false where use_dora is true')
  return {
    config: settings,
    arraysOf: ({ module, value, table, outputs }) => {
      if (value.ndim === 4) return kernelArrays(settings, module, value.shape)
      const [ins, outs] = extentsOf(value, outputs)
      const rank = rankOf(settings, module)
      const [a, b] = factorNames(table)
      const factors = [
        [a, [rank, ins]],
        [b, [outs, rank]],
      ] as const
      if (settings.loraBias === true && !table) return [...factors, ['lora_B_bias', [outs]]]
      return method === 'lora' ? factors : [...factors, ['lora_magnitude_vector', [outs]]]
    },
  }
}

const ia3Of = (config: ConfigReader, found: FoundModules): Format => {
  const given = config.namesOrText('feedforward_modules')
  config.flag('init_ia3_weights', true)
  if (typeof given === 'string') config.fail('feedforward_modules', 'a list of names')
  const settings: Ia3Config = { method: 'ia3', feedForward: given, ...shared(found) }
  return {
    config: settings,
    arraysOf: ({ module, value, outputs }) => [['ia3_l', vectorShape(scalesInputs(settings, module), value, outputs)]],
  }
}

/** Limits the rank: projections are drawn at its size, however small the file is. */
const MOST_RANK = 2 ** 16

const veraOf = (config: ConfigReader, found: FoundModules): Format => {
  const rank = config.number('r', `a whole number from 1 to ${MOST_RANK}`, (x) => isCount(x) && x <= MOST_RANK, 256)
  const isSeed = (x: number): boolean => Number.isSafeInteger(x) && x >= 0 && x < 2 ** 32
  const seed = config.number('projection_prng_key', 'a whole number from 0 to 2^32 - 1', isSeed, 0)
  const extents = found.modules.map(({ value, outputs }) => extentsOf(value, outputs))
  const projection = {
    seed,
    rank,
    inputs: Math.max(...extents.map(([ins]) => ins)),
    outputs: Math.max(...extents.map(([, outs]) => outs)),
  }
  config.flag('save_projection', true)
  config.flag('init_weights', true)
  config.get('d_initial')
  const dropout = config.number('vera_dropout', 'a number from 0 to below 1', isFraction, 0)
  return {
    config: { method: 'vera', dropout, projection, ...shared(found) },
    arraysOf: ({ value, outputs }) => [
      ['vera_lambda_b', [extentsOf(value, outputs)[1]]],
      ['vera_lambda_d', [rank]],
    ],
  }
}

/** The method of a configuration. */
export const methodOf = (config: ConfigReader): PeftMethod => {
  const type = config.get('peft_type')
  if (type === 'LORA') return config.flag('use_dora', false) ? 'dora' : 'lora'
  if (type === 'IA3') return 'ia3'
  if (type === 'VERA') return 'vera'
  return config.fail('peft_type', "'LORA', 'IA3' or 'VERA' (promptTuning and prefixTuning load virtual tokens)")
}

/** The settings of a configuration, for these modules. */
export const formatOf = (config: ConfigReader, found: FoundModules, options: FormatOptions): Format => {
  const method = methodOf(config)
  if (method !== 'lora' && method !== 'dora') {
    const table = found.modules.find((module) => module.table)
    if (table !== undefined) refuse(`${table.module} is a table of embeddings, which ${method} does not change.`)
  }
  if (method === 'ia3') {
    const head = Object.keys(found.tied).find((name) => name.endsWith('.bias'))
    const scaled = found.modules.find(({ module }) => Object.hasOwn(found.untied, module))
    if (head !== undefined && scaled !== undefined)
      refuse(`${scaled.module} shares its bias (${head}), which (IA)³ would scale for both.`, {
        unexpected: [scaled.module],
      })
    return ia3Of(config, found)
  }
  return method === 'vera' ? veraOf(config, found) : loraOf(config, found, options)
}

const orNull = (names: readonly string[]): readonly string[] | null => (names.length === 0 ? null : names)

/** Whether a whole adapter is for weights `[inputs, outputs]`. */
const common = ({ targetModules, modulesToSave, fanInFanOut }: ModuleConfig): JsonRecord => ({
  inference_mode: true,
  target_modules: targetModules,
  modules_to_save: orNull(modulesToSave),
  fan_in_fan_out: fanInFanOut.length > 0,
})

const biasText = ({ bias }: ModuleConfig, only: string): string => (bias === 'only' ? only : (bias ?? 'none'))

/** The configuration as PEFT reads it. */
export const configFile = ({ config }: Adapter<PeftConfig>): JsonRecord => {
  if (config.method === 'ia3') {
    return { peft_type: 'IA3', ...common(config), feedforward_modules: config.feedForward, init_ia3_weights: true }
  }
  if (config.method === 'vera') {
    const { seed, rank } = config.projection
    return {
      peft_type: 'VERA',
      ...common(config),
      r: rank,
      vera_dropout: config.dropout,
      projection_prng_key: seed,
      save_projection: true,
      bias: biasText(config, 'vera_only'),
      init_weights: true,
    }
  }
  return {
    peft_type: 'LORA',
    ...common(config),
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    use_rslora: config.rsLora,
    use_dora: config.method === 'dora',
    rank_pattern: config.rankPattern,
    alpha_pattern: config.alphaPattern,
    bias: biasText(config, 'lora_only'),
    lora_bias: config.loraBias === true,
    ...(config.tokens === undefined ? {} : { trainable_token_indices: config.tokens }),
    init_lora_weights: config.initLoraWeights === 'default' ? true : config.initLoraWeights,
    ...(Object.keys(config.tied).length > 0 && config.untied === undefined ? { ensure_weight_tying: true } : {}),
  }
}

/** Which modules a configuration of PEFT means: `check_target_module_exists` of `peft.tuners.tuners_utils`. */
import { endsIn } from '../../globs.ts'
import type { ModelLike } from '../../modelTypes.ts'
import { isHead, isTable } from '../../modelTypes.ts'
import type { Matrix } from '../../targets.ts'
import { isSaved, matricesOf, parametersOf } from '../../targets.ts'
import { wholeExpression } from '../patterns.ts'
import type { AdaptedModule, ModuleConfig } from '../settings.ts'
import { isFanIn, tiesOf } from '../settings.ts'
import type { ConfigReader } from './reader.ts'
import { refuse } from './refusal.ts'

/** Modules and how they are said. */
export interface FoundModules {
  readonly modules: readonly AdaptedModule[]
  readonly targetModules: readonly string[]
  readonly modulesToSave: readonly string[]
  readonly fanInFanOut: readonly string[]
  readonly tied: ModuleConfig['tied']
}

const expressionOf = (config: ConfigReader, key: string, text: string): RegExp =>
  wholeExpression(text) ?? config.fail(key, 'a list of names, or an expression without repeated groups')

const listed = (names: readonly string[]) => (module: string) => names.some((name) => endsIn(module, name))

const matcher = (config: ConfigReader, key: string): ((module: string) => boolean) => {
  const given = config.namesOrText(key)
  if (typeof given !== 'string') return listed(given)
  if (key === 'target_modules' && given.toLowerCase() === 'all-linear') {
    return (module) => !isTable(module) && !isHead(module)
  }
  const expression = expressionOf(config, key, given)
  return (module) => expression.test(module)
}

/** `layers_to_transform` and `layers_pattern`: the number that comes first in a name, after any part or after one of some. */
const layerMatcher = (config: ConfigReader): ((module: string) => boolean) => {
  const given = config.get('layers_to_transform')
  const layers = typeof given === 'number' ? [given] : given
  const named = config.namesOrText('layers_pattern')
  if (layers === undefined || (Array.isArray(layers) && layers.length === 0)) return () => true
  if (!Array.isArray(layers) || !layers.every((x) => Number.isSafeInteger(x))) {
    return config.fail('layers_to_transform', 'a number or a list of numbers')
  }
  const patterns = (typeof named === 'string' ? [named] : named).filter((name) => name !== '')
  const isIn = (parts: readonly string[], i: number): boolean =>
    patterns.length === 0 ? i >= 2 : patterns.includes(parts[i - 1]!)
  return (module) => {
    const parts = module.split('.')
    const at = parts.findIndex((part, i) => i > 0 && i < parts.length - 1 && /^\d+$/.test(part) && isIn(parts, i))
    return at >= 0 && layers.includes(Number(parts[at]))
  }
}

/** The matrices of a tree that the configuration means. */
export const modulesOf = (config: ConfigReader, params: unknown, model: ModelLike | undefined): FoundModules => {
  const modulesToSave = config.names('modules_to_save')
  const given = config.get('target_modules')
  if (given === undefined) config.fail('target_modules', 'a list of names, or an expression')
  const isTarget = matcher(config, 'target_modules')
  const isExcluded = matcher(config, 'exclude_modules')
  const isInLayer = layerMatcher(config)
  const byLayer = config.get('layers_to_transform') !== undefined
  const fanIn = config.flag('fan_in_fan_out', false)
  const found = matricesOf(params).filter(
    ({ module }: Matrix) =>
      isTarget(module) && isInLayer(module) && !isExcluded(module) && !isSaved(module, modulesToSave),
  )
  if (found.length === 0) {
    refuse(`target_modules of the adapter mean no module of the parameters: ${JSON.stringify(given).slice(0, 200)}.`)
  }
  const modules = found.map((matrix): AdaptedModule => {
    const table = isTable(matrix.module)
    return { ...matrix, table, outputs: table || isFanIn(matrix.module, fanIn, model) ? 1 : 0 }
  })
  const saved = parametersOf(params).filter(({ name }) => isSaved(name, modulesToSave))
  const tied = tiesOf(
    [...found, ...saved].map(({ name }) => name),
    model,
  )
  const [pair] = Object.entries(tied)
  if (!config.flag('ensure_weight_tying', false) && pair !== undefined) {
    refuse(
      `${pair[1]} is ${pair[0]}, too: here one leaf is both, but the adapter, without ensure_weight_tying, is one that changes only ` +
        'one of them.',
      { unexpected: [pair[1]] },
    )
  }
  const isPlain = Array.isArray(given) && !byLayer && config.get('exclude_modules') === undefined
  return {
    modules,
    targetModules: isPlain ? (given as readonly string[]) : modules.map(({ module }) => module),
    modulesToSave,
    fanInFanOut: modules.filter(({ table, outputs }) => !table && outputs === 1).map(({ module }) => module),
    tied,
  }
}

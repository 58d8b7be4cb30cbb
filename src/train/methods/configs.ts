/** Checks of the settings of each method, also for adapters made by hand. */
import * as must from '../../conversions/arguments.ts'
import type { AdapterConfig } from '../adapter.ts'
import { Adapter } from '../adapter.ts'
import type { Ia3Config } from './ia3.ts'
import type { LoraConfig } from './lora.ts'
import { wholeExpression } from './patterns.ts'
import type { ProjectionSpec } from './projections.ts'
import type { ModuleConfig } from './settings.ts'
import type { VeraConfig } from './vera.ts'

/** Numbers by expressions for names. */
export const byPattern = (check: must.Check): must.Check =>
  must.kind(
    `an object of numbers by ends of names, each ${check.wanted}`,
    (x) =>
      must.recordOf(check, '').accepts(x) &&
      Object.keys(x as object).every((pattern) => wholeExpression(pattern) !== null),
  )

const names = must.required(must.listOf(must.string))

const shared: must.OptionTable<ModuleConfig> = {
  method: must.required(must.string),
  targetModules: names,
  modulesToSave: names,
  fanInFanOut: names,
  spelling: must.oneOf(['transformers-5']),
  bias: must.oneOf(['all', 'only']),
  tied: must.required(must.recordOf(must.string, 'an object of names of modules')),
  tokens: must.recordOf(must.listOf(must.natural), 'an object of lists of rows'),
  idleBiases: must.listOf(must.string),
  untied: must.recordOf(must.string, 'an object of names of modules'),
}

const lora = must.optionsOf<LoraConfig>({
  ...shared,
  rank: must.required(must.count),
  alpha: must.required(must.positive),
  dropout: must.required(must.fraction),
  rsLora: must.required(must.boolean),
  loraBias: must.boolean,
  initLoraWeights: must.required(must.string),
  rankPattern: must.required(byPattern(must.count)),
  alphaPattern: must.required(byPattern(must.positive)),
})

const seed = must.kind('a whole number from 0 to 2³² - 1', (x) => must.natural.accepts(x) && (x as number) < 2 ** 32)

const vera = must.optionsOf<VeraConfig>({
  ...shared,
  dropout: must.required(must.fraction),
  projection: must.required(
    must.optionsOf<ProjectionSpec>({
      seed: must.required(seed),
      rank: must.required(must.count),
      inputs: must.required(must.natural),
      outputs: must.required(must.natural),
    }),
  ),
})

const tables: { readonly [method: string]: must.Check } = {
  lora,
  dora: lora,
  ia3: must.optionsOf<Ia3Config>({ ...shared, feedForward: names }),
  vera,
}

/** Arrays by names, or what stands for them in a tree that is looked at, by modules. */
const isByModule = (x: unknown): boolean =>
  typeof x === 'object' &&
  x !== null &&
  Object.values(x).every((arrays) => typeof arrays === 'object' && arrays !== null)

/** An adapter of one of these methods. */
export const anAdapter = (...methods: readonly string[]): must.Check =>
  must.kind(`an adapter, as ${methods[0]!}.init or ${methods[0]!}.load gives it`, (x) => {
    if (!(x instanceof Adapter)) return false
    const { method } = x.config as AdapterConfig
    return methods.includes(method) && tables[method]!.accepts(x.config) && isByModule(x.weights)
  })

/** Tensors that PEFT writes beside those of an adapter, whose values follow from the model and the adapter and are checked. */
import type { NDArray } from '../../../trace/value.ts'
import type { Adapter } from '../../adapter.ts'
import type { ModelLike } from '../../modelTypes.ts'
import type { NamedParameter } from '../../targets.ts'
import { moduleOf } from '../../targets.ts'
import { takesPart } from '../loraInit.ts'
import { denseOf } from '../operators.ts'
import { projectionsOf } from '../projections.ts'
import type { Format } from './formats.ts'
import { fileKey, PREFIX } from './keys.ts'
import type { FoundModules } from './modules.ts'

/** What a tensor must be. */
export interface Beside {
  readonly called: string
  /** Its value, from the adapter that was read; null where any value will do. */
  readonly valueIn: ((adapter: Pick<Adapter, 'weights' | 'saved'>) => NDArray) | null
}

type Entry = readonly [key: string, beside: Beside]

/** Those of VeRA: its projections follow from the seed. */
const ofVera = ({ config }: Format): readonly Entry[] => {
  if (config.method !== 'vera') return []
  const called = 'what PyTorch draws from projection_prng_key'
  return [
    ['base_model.vera_A', { called, valueIn: () => projectionsOf(config.projection).a }],
    ['base_model.vera_B', { called, valueIn: () => projectionsOf(config.projection).b }],
  ]
}

/** Tensors of the model itself that PEFT saves where tables or heads are adapted. */
const ofBase = ({ modules }: FoundModules, params: readonly NamedParameter[]): readonly Entry[] => {
  const byName = new Map(params.map(({ name, value }) => [name, value]))
  return modules.flatMap(({ module, value }): readonly Entry[] => {
    const bias = byName.get(`${module}.bias`)
    const own: Beside = { called: 'the weight of the parameters', valueIn: () => denseOf(value) }
    const weight: Entry = [`${PREFIX}${module}.base_layer.weight`, own]
    return bias === undefined
      ? [weight]
      : [
          weight,
          [
            `${PREFIX}${module}.base_layer.bias`,
            { called: 'the bias of the parameters', valueIn: () => denseOf(bias) },
          ],
        ]
  })
}

/** With `bias` all, the original values of a module that is saved whole. */
const ofOriginals = (saved: readonly string[], params: readonly NamedParameter[]): readonly Entry[] =>
  params.flatMap(({ name, value }) => {
    if (!saved.includes(name) || !name.endsWith('.bias')) return []
    const parts = name.split('.')
    return parts.slice(1).map((_, i): Entry => {
      const key = [...parts.slice(0, i + 1), 'original_module', ...parts.slice(i + 1)].join('.')
      return [`${PREFIX}${key}`, { called: 'the bias of the parameters', valueIn: () => denseOf(value) }]
    })
  })

/** The tensors of tables that share their weight with adapted heads. */
const ofTables = ({ modules, untied }: FoundModules, tied: ReadonlyMap<string, string>): readonly Entry[] =>
  modules.flatMap(({ module, name, table, value }) => {
    if (!table) return []
    const heads = [...tied].flatMap(([other, own]) => (own === name ? [moduleOf(other)] : []))
    const whole: Beside = { called: 'the table of the parameters', valueIn: () => denseOf(value) }
    const flipped = (array: string): Beside => ({
      called: `${array} of ${module}, which the head shares`,
      valueIn: ({ weights }) => weights[module]![array]!.T,
    })
    return [
      ...heads.map((x): Entry => [`${PREFIX}${x}.base_layer.weight`, whole]),
      // A head that no longer shares its table is adapted itself, or not at all.
      ...heads
        .filter((head) => !Object.hasOwn(untied, head))
        .flatMap((head): readonly Entry[] => [
          [fileKey(head, 'lora_A'), flipped('lora_embedding_B')],
          [fileKey(head, 'lora_B'), flipped('lora_embedding_A')],
        ]),
    ]
  })

/** Whether the adapter was initialised from a part of the weights. */
const isResidual = ({ config }: Format): boolean =>
  (config.method === 'lora' || config.method === 'dora') && takesPart(config.initLoraWeights)

/** The tensors that may come beside an adapter of these modules, by key. */
export const besideOf = (
  format: Format,
  found: FoundModules,
  model: ModelLike | undefined,
  saved: readonly string[],
  params: readonly NamedParameter[],
): ReadonlyMap<string, Beside> => {
  const tied = model?.tied ?? new Map<string, string>()
  const heads = [...tied].flatMap(([other, own]): readonly Entry[] =>
    saved.includes(own)
      ? [[`${PREFIX}${other}`, { called: `${own}, which the head shares`, valueIn: (adapter) => adapter.saved[own]! }]]
      : [],
  )
  // The file of such an adapter has the residual, which follows from the weights.
  const base = ofBase(found, params).map(([key, beside]): Entry => [
    key,
    isResidual(format) ? { ...beside, valueIn: null } : beside,
  ])
  return new Map([...ofVera(format), ...base, ...ofOriginals(saved, params), ...ofTables(found, tied), ...heads])
}

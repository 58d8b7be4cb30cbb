/** Tensors that PEFT writes beside those of an adapter, and that must be what they are here anyway. */
import type { NDArray } from '../../../trace/value.ts'
import type { Adapter } from '../../adapter.ts'
import type { ModelLike } from '../../modelTypes.ts'
import { moduleOf } from '../../targets.ts'
import { denseOf } from '../operators.ts'
import { projectionsOf } from '../projections.ts'
import type { Format } from './formats.ts'
import { fileKey, PREFIX } from './keys.ts'
import type { FoundModules } from './modules.ts'

/** What a tensor must be. */
export interface Beside {
  readonly called: string
  /** Its value, by the adapter that was read. */
  readonly valueIn: (adapter: Pick<Adapter, 'weights' | 'saved'>) => NDArray
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

/** Those of tables: the tables themselves, and for heads that share them, the same the other way around. */
const ofTables = ({ modules }: FoundModules, tied: ReadonlyMap<string, string>): readonly Entry[] =>
  modules.flatMap(({ module, name, table, value }) => {
    if (!table) return []
    const heads = [...tied].flatMap(([other, own]) => (own === name ? [moduleOf(other)] : []))
    const whole: Beside = { called: 'the table of the parameters', valueIn: () => denseOf(value) }
    const flipped = (array: string): Beside => ({
      called: `${array} of ${module}, which the head shares`,
      valueIn: ({ weights }) => weights[module]![array]!.T,
    })
    return [
      ...[module, ...heads].map((x): Entry => [`${PREFIX}${x}.base_layer.weight`, whole]),
      ...heads.flatMap((head): readonly Entry[] => [
        [fileKey(head, 'lora_A'), flipped('lora_embedding_B')],
        [fileKey(head, 'lora_B'), flipped('lora_embedding_A')],
      ]),
    ]
  })

/** What may stand beside an adapter of these modules, by its key. */
export const besideOf = (
  format: Format,
  found: FoundModules,
  model: ModelLike | undefined,
  saved: readonly string[],
): ReadonlyMap<string, Beside> => {
  const tied = model?.tied ?? new Map<string, string>()
  const heads = [...tied].flatMap(([other, own]): readonly Entry[] =>
    saved.includes(own)
      ? [[`${PREFIX}${other}`, { called: `${own}, which the head shares`, valueIn: (adapter) => adapter.saved[own]! }]]
      : [],
  )
  return new Map([...ofVera(format), ...ofTables(found, tied), ...heads])
}

/** Adapters as files of PEFT. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { encodeUtf8 } from '../../../core/utf8.ts'
import { anAdapter } from '../configs.ts'
import type { IoError, JsonRecord, NamedTensors } from '../../../io/index.ts'
import { encodeSafetensors } from '../../../io/index.ts'
import { attempt, run } from '../../../io/errors.ts'
import { nodeFiles, withPlatform, writeFile } from '../../../io/node.ts'
import { nodeModule } from '../../../io/platform.ts'
import * as must from '../../../conversions/arguments.ts'
import type { Adapter } from '../../adapter.ts'
import { spelledAsFiles } from '../spelling.ts'
import { projectionsOf } from '../projections.ts'
import { CONFIG_FILE, WEIGHTS_FILE } from './folder.ts'
import type { PeftConfig } from './formats.ts'
import { configFile } from './formats.ts'
import { fileKey, PREFIX } from './keys.ts'

/** Further entries of the configuration. */
export interface SaveAdapterOptions {
  /** The location of the base weights, for PEFT: a path, or a name on the hub. */
  readonly baseModel?: string
  /** PEFT's `task_type`: `SEQ_CLS`, `CAUSAL_LM`, ... */
  readonly taskType?: string
}

const saveOptions: must.OptionTable<SaveAdapterOptions> = { baseModel: must.string, taskType: must.string }

const methods = ['lora', 'dora', 'ia3', 'vera'] as const

type NamedArrays = Adapter['saved']

/** The same tensors again for modules that share a trained weight whose rows are outputs. */
const sharedTensors = ({ config, weights, saved }: Adapter<PeftConfig>): NamedArrays =>
  Object.fromEntries(
    Object.entries(config.tied).flatMap(([other, own]) => {
      const whole = saved[`${own}.weight`]
      if (whole !== undefined) return [[`${PREFIX}${other}.weight`, whole] as const]
      // A bias is a name of its own.
      if (saved[own] !== undefined) return [[`${PREFIX}${other}`, saved[own]] as const]
      const { lora_embedding_A: a, lora_embedding_B: b } = weights[own] ?? {}
      return a === undefined || b === undefined
        ? []
        : [[fileKey(other, 'lora_A'), b.T] as const, [fileKey(other, 'lora_B'), a.T] as const]
    }),
  )

/** The name of a leaf that is trained whole: the bias of an adapted module is one level deeper. */
const savedKey = (name: string, weights: Adapter['weights']): string => {
  const module = name.endsWith('.bias') ? name.slice(0, -'.bias'.length) : ''
  return PREFIX + (Object.hasOwn(weights, module) ? `${module}.base_layer.bias` : name)
}

/** The trained arrays, or their gradients, under the names that they have in files. */
export const trainedTensors = (adapter: Adapter<PeftConfig>): NamedArrays => {
  const { weights, saved } = spelledAsFiles(adapter)
  const arrays = Object.entries(weights).flatMap(([module, named]) =>
    Object.entries(named).map(([name, x]) => [fileKey(module, name), x] as const),
  )
  const whole = Object.entries(saved).map(([name, x]) => [savedKey(name, weights), x] as const)
  return { ...Object.fromEntries([...arrays, ...whole]), ...sharedTensors(adapter) }
}

const tensorsOf = (adapter: Adapter<PeftConfig>): NamedTensors => {
  const { config } = adapter
  const frozen = config.method === 'vera' ? projectionsOf(config.projection) : null
  const projections = frozen === null ? {} : { 'base_model.vera_A': frozen.a, 'base_model.vera_B': frozen.b }
  return { ...trainedTensors(adapter), ...projections }
}

const encodeDoor = must.door('encodeAdapter', { adapter: anAdapter(...methods), options: must.optionsOf(saveOptions) })

/**
 * An adapter as PEFT's two files, by name. `loadAdapter`, the methods' `load`, and `PeftModel.from_pretrained` of PEFT read
 * them from a directory.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { encodeAdapter, lora } from 'pullback/train'
 * const params = { query: { weight: np.ones([4, 3]) }, value: { weight: np.ones([4, 3]) } }
 * const adapter = lora.init(random.key(0), params, { targets: ['query'], rank: 2 })
 * const files = encodeAdapter(adapter)
 * Array.from(files.keys()).join(', ') // => adapter_model.safetensors, adapter_config.json
 * const read = await lora.load(files, params)()
 * read._tag === 'Right' && read.right.weights['query']?.['lora_A']?.shape // => 2,3
 * ```
 */
export const encodeAdapter = (
  adapter: Adapter<PeftConfig>,
  options: SaveAdapterOptions = {},
): ReadonlyMap<string, Uint8Array> => {
  encodeDoor(adapter, options)
  const { baseModel = null, taskType = null } = options
  const config: JsonRecord = { ...configFile(adapter), base_model_name_or_path: baseModel, task_type: taskType }
  return new Map([
    [WEIGHTS_FILE, encodeSafetensors(tensorsOf(adapter))],
    [CONFIG_FILE, encodeUtf8(`${JSON.stringify(config, null, 2)}\n`)],
  ])
}

/** Writes the directory of an adapter. Each file is written atomically, the configuration last. */
export const saveAdapterOf = (operation: string, accepted: readonly string[]) => {
  const door = must.door(operation, {
    path: must.string,
    adapter: anAdapter(...accepted),
    options: must.optionsOf(saveOptions),
  })
  return <C extends PeftConfig>(
    path: string,
    adapter: Adapter<C>,
    options: SaveAdapterOptions = {},
  ): TaskEither<IoError, void> => {
    door(path, adapter, options)
    const files = encodeAdapter(adapter, options)
    return attempt(async () => {
      const disk = nodeFiles(path)
      const { join } = nodeModule('node:path')!
      await withPlatform(path, () => disk.mkdir(path, { recursive: true }))
      // From here until the end the directory has no adapter.
      await withPlatform(path, () => disk.rm(join(path, CONFIG_FILE), { force: true }))
      for (const [name, bytes] of files) await run(writeFile(join(path, name), [bytes]))
    })
  }
}

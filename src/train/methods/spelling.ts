/** Adapters of a ViT, whose modules have two spellings: files have one, the tree the other. */
import { areOfVit, inSpellingOf4, inSpellingOf5 } from '../../models/vitNames.ts'
import type { AdapterWeights } from '../adapter.ts'
import { Adapter } from '../adapter.ts'
import { parametersOf } from '../targets.ts'
import type { ModuleConfig } from './settings.ts'

/** The spelling in an adapter's files, where it differs from that of the tree. */
export type Spelling = 'transformers-5'

/**
 * Whether a tree is of a ViT, the only model with two spellings: in the spelling of this library or, with `inEither`, in
 * either.
 */
export const hasTwoSpellings = (params: unknown, inEither = false): boolean => {
  const names = parametersOf(params).map(({ name }) => name)
  return areOfVit(names, inEither)
}

/** Whether a test holds for a module's name in either spelling. */
export const eitherWay = (isMeant: (module: string) => boolean): ((module: string) => boolean) => {
  return (module) => isMeant(module) || isMeant(inSpellingOf5(module)) || isMeant(inSpellingOf4(module))
}

/** The name of a module, as the settings of an adapter have it. */
export const calledIn = ({ spelling }: Pick<ModuleConfig, 'spelling'>, name: string): string =>
  spelling === undefined ? name : inSpellingOf5(name)

const keysRenamed = <T>(record: { readonly [name: string]: T }, rename: (name: string) => string) =>
  Object.fromEntries(Object.entries(record).map(([name, x]) => [rename(name), x]))

const renamed = <C extends ModuleConfig>(
  { weights, saved }: Adapter<C>,
  config: C,
  rename: (name: string) => string,
): Adapter<C> => new Adapter(config, keysRenamed<AdapterWeights[string]>(weights, rename), keysRenamed(saved, rename))

/** An adapter whose arrays have the names that files have. */
export const spelledAsFiles = <C extends ModuleConfig>(adapter: Adapter<C>): Adapter<C> =>
  adapter.config.spelling === undefined ? adapter : renamed(adapter, adapter.config, inSpellingOf5)

/** An adapter from such files, whose arrays have the names of the tree. */
export const spelledAsTree = <C extends ModuleConfig>(adapter: Adapter<C>): Adapter<C> => {
  const config = { ...adapter.config, spelling: 'transformers-5' as const }
  return renamed(adapter, config, inSpellingOf4)
}

interface Nested {
  [part: string]: Nested | object
}

/** The same leaves, under the names of transformers 5. */
export const viewInSpellingOf5 = (params: unknown): unknown => {
  const root: Nested = {}
  for (const { name, value } of parametersOf(params)) {
    const parts = inSpellingOf5(name).split('.')
    const last = parts.pop()!
    let at = root
    for (const part of parts) at = (at[part] ??= {}) as Nested
    at[last] = value
  }
  return root
}

/** Whether tensors of a file have names of transformers 5. */
export const isSpelledAs5 = (keys: Iterable<string>): boolean => [...keys].some((key) => inSpellingOf4(key) !== key)

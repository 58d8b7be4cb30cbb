/** The last layer of a masked LM: one score for each word of the vocabulary. */
import type { NDArray } from '../trace/value.ts'
import type { LinearParams } from './layers.ts'
import { applyLinear } from './layers.ts'
import type { LinearSpec, ParameterSpec } from './spec.ts'
import { linear, parameter } from './spec.ts'

/** Only a bias, if the weight is the embedding table; otherwise a separate layer. */
export const vocabularySpecs = (
  tied: boolean,
  vocabSize: number,
  features: number,
): { readonly bias: ParameterSpec | null; readonly decoder: LinearSpec | null } =>
  tied ? { bias: parameter([vocabSize], 'zeros'), decoder: null } : { bias: null, decoder: linear(vocabSize, features) }

/** Second names of tied parameters: the bias of a head has two. `head` and `table` are names of parameters. */
export const vocabularyNames = (tied: boolean, head: string, table: string): ReadonlyMap<string, string> =>
  tied
    ? new Map([
        [`${head}.decoder.weight`, table],
        [`${head}.decoder.bias`, `${head}.bias`],
      ])
    : new Map()

/** A separate layer has its own bias; the head's bias is in files too, but unused. */
export const unreadVocabulary = (tied: boolean, head: string): readonly RegExp[] =>
  tied ? [] : [new RegExp(`^${head.replaceAll('.', '\\.')}\\.bias$`)]

export const applyVocabulary = (
  { bias, decoder }: { readonly bias: NDArray | null; readonly decoder: LinearParams | null },
  { weight }: { readonly weight: NDArray },
  x: NDArray,
): NDArray => applyLinear(decoder ?? { weight, bias }, x)

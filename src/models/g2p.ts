/**
 * From spellings to phonemes: the network of the Python package `g2p-en` (Park and Kim, 2018), which predicts the pronunciation
 * of English words that are in no dictionary. One gated recurrent unit encodes the letters, another decodes phonemes: Sutskever
 * et al., "Sequence to Sequence Learning with Neural Networks" (2014). Names are those of the package's `checkpoint20.npz`.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import { scan } from '../api/scan.ts'
import { jit } from '../api/jit.ts'
import { ArgumentError } from '../core/errors.ts'
import * as nn from '../nn/index.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { g2pDoor } from './configDoors.ts'
import type { ConfigError } from './config.ts'
import { readConfig } from './config.ts'
import { noOptions, treeOf } from './doors.ts'
import { besideTokens, tokenArray } from './inputs.ts'
import { applyEmbedding, applyLinear } from './layers.ts'
import type { Model } from './model.ts'
import { makeModel } from './model.ts'
import type { ParamsOf } from './spec.ts'
import { parameter } from './spec.ts'

/** Letters; their ids are their indices. */
export const LETTERS: readonly string[] = ['<pad>', '<unk>', '</s>', ...Array.from('abcdefghijklmnopqrstuvwxyz')]

/** The phonemes of the CMU Pronouncing Dictionary, vowels with their stress; their ids are their indices. */
export const PHONEMES: readonly string[] = [
  ...['<pad>', '<unk>', '<s>', '</s>'],
  ...'AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0 AY1 AY2 B CH D DH EH0 EH1 EH2 ER0 ER1 ER2'.split(
    ' ',
  ),
  ...'EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG OW0 OW1 OW2 OY0 OY1 OY2 P R S SH T TH'.split(' '),
  ...'UH0 UH1 UH2 UW UW0 UW1 UW2 V W Y Z ZH'.split(' '),
]

const [UNKNOWN, END] = [1, 2]
const [START, STOP] = [2, 3]

/** Sizes; the defaults are those of the package. The numbers of letters and phonemes are fixed. */
export interface G2pConfig {
  readonly embeddingSize: number
  readonly hiddenSize: number
  /** The maximal number of phonemes of a word. */
  readonly maxPhonemes: number
}

/**
 * Reads a configuration, whose keys are ours: `{}` is the model of the package.
 *
 * @returns an error that names the key with an invalid value.
 * @example
 * ```ts
 * import { g2pConfig } from 'pullback/models'
 * const config = g2pConfig({})
 * config._tag === 'Right' && config.right.hiddenSize // => 256
 * ```
 */
export const g2pConfig = (json: unknown): Either<ConfigError, G2pConfig> =>
  readConfig(json, (config) => ({
    embeddingSize: config.count('embedding_size', 256),
    hiddenSize: config.count('hidden_size', 256),
    maxPhonemes: config.count('max_phonemes', 20),
  }))

/** The inputs of a run. */
export interface G2pInputs {
  /** Shape `[batch, letters]`: ids of letters, `</s>` after the last. */
  readonly inputIds: ArrayLike
  /** Shape `[batch, letters]`: 1 for letters, 0 for padding on the right; all 1 by default. */
  readonly attentionMask?: ArrayLike
  /** Shape `[batch, phonemes]`: the phonemes so far, from `<s>` on. */
  readonly decoderInputIds: ArrayLike
}

/** The outputs of a run. */
export interface G2pOutput {
  /** Scores of the next phoneme, shape `[batch, phonemes, 74]`. */
  readonly logits: NDArray
  /** The decoder's states, shape `[batch, phonemes, hiddenSize]`. */
  readonly lastHiddenState: NDArray
  /** The encoder's final state, shape `[batch, hiddenSize]`. */
  readonly encoderState: NDArray
}

const specsOf = (config: G2pConfig) => {
  g2pDoor(config)
  const { embeddingSize, hiddenSize } = config
  return {
    enc_emb: parameter([LETTERS.length, embeddingSize]),
    enc_w_ih: parameter([3 * hiddenSize, embeddingSize]),
    enc_w_hh: parameter([3 * hiddenSize, hiddenSize]),
    enc_b_ih: parameter([3 * hiddenSize], 'zeros'),
    enc_b_hh: parameter([3 * hiddenSize], 'zeros'),
    dec_emb: parameter([PHONEMES.length, embeddingSize]),
    dec_w_ih: parameter([3 * hiddenSize, embeddingSize]),
    dec_w_hh: parameter([3 * hiddenSize, hiddenSize]),
    dec_b_ih: parameter([3 * hiddenSize], 'zeros'),
    dec_b_hh: parameter([3 * hiddenSize], 'zeros'),
    fc_w: parameter([PHONEMES.length, hiddenSize]),
    fc_b: parameter([PHONEMES.length], 'zeros'),
  }
}

type Specs = ReturnType<typeof specsOf>
type Params = ParamsOf<Specs>

// The gated recurrent unit, with PyTorch's biases: one of the input and one of the state. The reset gate also multiplies the
// latter.

/** `[3 · hidden, ...]` for the gates r, z and n. */
interface UnitParams {
  readonly w_ih: NDArray
  readonly w_hh: NDArray
  readonly b_ih: NDArray
  readonly b_hh: NDArray
}

const reader = (p: Params): UnitParams => ({ w_ih: p.enc_w_ih, w_hh: p.enc_w_hh, b_ih: p.enc_b_ih, b_hh: p.enc_b_hh })
const speaker = (p: Params): UnitParams => ({ w_ih: p.dec_w_ih, w_hh: p.dec_w_hh, b_ih: p.dec_b_ih, b_hh: p.dec_b_hh })

/** The contribution of the input to a step, or to all steps at once. */
const project = ({ w_ih, b_ih }: UnitParams, x: NDArray): NDArray => applyLinear({ weight: w_ih, bias: b_ih }, x)

/** `n = tanh(n_x + σ(r) n_h)`, `h' = (1 − σ(z)) n + σ(z) h`. */
const step = ({ w_hh, b_hh }: UnitParams, h: NDArray, projected: NDArray): NDArray => {
  const [rx, zx, nx] = np.split(projected, 3, { axis: -1 })
  const [rh, zh, nh] = np.split(applyLinear({ weight: w_hh, bias: b_hh }, h), 3, { axis: -1 })
  const z = nn.sigmoid(np.add(zx, zh))
  const n = np.tanh(np.add(nx, np.multiply(nn.sigmoid(np.add(rx, rh)), nh)))
  return np.add(np.multiply(np.subtract(1, z), n), np.multiply(z, h))
}

/** The state after the last letter; padding leaves it as it is. */
const read = (params: Params, inputIds: NDArray, attentionMask: ArrayLike, hiddenSize: number): NDArray => {
  const unit = reader(params)
  const letters = project(unit, applyEmbedding({ weight: params.enc_emb }, inputIds, null, 'g2p: inputIds'))
  const steps = { x: np.swapaxes(letters, 0, 1), seen: np.swapaxes(np.asarray(attentionMask), 0, 1) }
  const start = np.zeros([inputIds.shape[0]!, hiddenSize], { dtype: letters.dtype })
  const [last] = scan(
    (h, { x, seen }) => {
      const next = np.where(np.expandDims(np.notEqual(seen, 0), -1), step(unit, h, x), h)
      return [next, null]
    },
    start,
    steps,
  )
  return last
}

const score = ({ fc_w, fc_b }: Params, h: NDArray): NDArray => applyLinear({ weight: fc_w, bias: fc_b }, h)

const applyModel = (config: G2pConfig, params: Params, inputs: G2pInputs): G2pOutput => {
  const ids = tokenArray('g2p', inputs.inputIds)
  const said = tokenArray('g2p', inputs.decoderInputIds)
  if (said.shape[0] !== ids.shape[0]) {
    throw new ArgumentError(`g2p: inputIds and decoderInputIds are of as many words, got ${ids.aval} and ${said.aval}.`)
  }
  const shape = ids.shape as readonly [batch: number, length: number]
  const mask = np.broadcastTo(
    besideTokens('g2p', 'attentionMask', inputs.attentionMask ?? np.onesLike(ids), shape),
    shape,
  )
  const encoderState = read(params, ids, mask, config.hiddenSize)
  const unit = speaker(params)
  const phonemes = project(unit, applyEmbedding({ weight: params.dec_emb }, said, null, 'g2p: decoderInputIds'))
  const [, states] = scan(
    (h, x) => {
      const next = step(unit, h, x)
      return [next, next]
    },
    encoderState,
    np.swapaxes(phonemes, 0, 1),
  )
  const lastHiddenState = np.swapaxes(states, 0, 1)
  return { logits: score(params, lastHiddenState), lastHiddenState, encoderState }
}

// Greedy decoding: the likeliest phoneme, then the next.

/** Ids of the likeliest phonemes, shape `[maxPhonemes, batch]`; everything after `</s>` is meaningless. */
const speak = (config: G2pConfig, params: Params, inputIds: NDArray, attentionMask: NDArray): NDArray => {
  const unit = speaker(params)
  const first = {
    h: read(params, inputIds, attentionMask, config.hiddenSize),
    said: np.full([inputIds.shape[0]!], START, { dtype: 'int32' }),
  }
  const [, all] = scan(
    ({ h, said }) => {
      const next = step(unit, h, project(unit, applyEmbedding({ weight: params.dec_emb }, said)))
      const likeliest = np.argmax(score(params, next), { axis: -1 }).astype('int32')
      return [{ h: next, said: likeliest }, likeliest]
    },
    first,
    np.arange(config.maxPhonemes),
  )
  return all
}

/** Letters of a word as in the package: lower case, without accents; other characters are `<unk>`. */
const lettersOf = (word: string): readonly number[] => {
  const plain = word
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase()
  return [...Array.from(plain, (c) => (/^[a-z]$/.test(c) ? LETTERS.indexOf(c) : UNKNOWN)), END]
}

/** The model, with a function that pronounces words. */
export interface G2pModel extends Model<Specs, G2pInputs, G2pOutput> {
  /** Phonemes of words, up to `maxPhonemes` each: `[['HH', 'EH1', 'L', 'OW0']]` for `['hello']`. */
  readonly pronounce: (params: Params, words: readonly string[]) => readonly (readonly string[])[]
}

const inputs = must.optionsOf<G2pInputs>(
  {
    inputIds: must.required(must.arrayLike),
    attentionMask: must.arrayLike,
    decoderInputIds: must.required(must.arrayLike),
  },
  'input',
)

/**
 * Logits of the next phonemes, from spellings and the phonemes so far; and `pronounce`, which decodes words.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { g2p, g2pConfig } from 'pullback/models'
 * const config = g2pConfig({ embedding_size: 4, hidden_size: 8 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = g2p(config.right)
 * const params = model.init(random.key(0))
 * model.apply(params, { inputIds: [[10, 11, 2]], decoderInputIds: [[2, 30]] }).logits.shape // => 1,2,74
 * model.pronounce(params, ['hi', 'there']).length // => 2
 * ```
 */
export const g2p = (config: G2pConfig): G2pModel => {
  const run = jit((params: Params, ids: NDArray, mask: NDArray) => speak(config, params, ids, mask))
  const specs = specsOf(config)
  const enterPronounce = must.door('pronounce', {
    params: treeOf(specs, 'model.init or loadParams'),
    words: must.listOf(must.string, 'a list of words'),
  })
  const pronounce = (params: Params, words: readonly string[]): readonly (readonly string[])[] => {
    enterPronounce(params, words)
    if (words.length === 0) return []
    const letters = words.map(lettersOf)
    // Multiples of eight, so that few lengths are compiled.
    const length = Math.ceil(Math.max(...letters.map((w) => w.length)) / 8) * 8
    const padded = (w: readonly number[]): readonly number[] => [...w, ...Array<number>(length - w.length).fill(0)]
    const ids = np.array(letters.map(padded), { dtype: 'int32' })
    const mask = np.array(
      letters.map((w) => padded(w.map(() => 1))),
      { dtype: 'int32' },
    )
    const said = np.swapaxes(run(params, ids, mask), 0, 1).toArray() as readonly (readonly number[])[]
    return said.map((numbers) => {
      const end = numbers.indexOf(STOP)
      return numbers.slice(0, end === -1 ? undefined : end).map((n) => PHONEMES[n]!)
    })
  }
  const model = makeModel<Specs, G2pInputs, G2pOutput>({
    type: 'g2p',
    specs,
    doors: { inputs, options: noOptions },
    prefix: 'g2p',
    stddev: 1 / Math.sqrt(3 * config.hiddenSize),
    apply: (params, inputs) => applyModel(config, params, inputs),
  })
  return { ...model, pronounce }
}

/**
 * Beam search as in `transformers` (`_beam_search`): each step finds the best continuations of all beams; those that end
 * compete with earlier finished ones by their mean log-probability, and the others are continued.
 */
import { jit } from '../../api/jit.ts'
import * as tree from '../../api/tree.ts'
import * as lax from '../../lax/index.ts'
import * as nn from '../../nn/index.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import type { WeightsOf } from '../spec.ts'
import { breathe } from './breathe.ts'
import type { CommonOptions } from './generate.ts'
import { aTextModel, beginPrompts, commonOptions, eosOf, mostTokens } from './generate.ts'
import type { LogitsProcessor, ScoreOptions } from './processors.ts'
import { processAll, scoreProcessors } from './processors.ts'
import type { Prompt } from './prompt.ts'
import type { Read, State, TextModel } from './state.ts'
import { begin, freeState, growState, roomFor, seenText, seeTokens, writeTokens } from './state.ts'

/** Options of `generateBeams`. */
export interface BeamOptions extends CommonOptions, ScoreOptions {
  /** The number of continuations that are followed, and returned; 4 by default. */
  readonly numBeams?: number
  /**
   * A beam's score is its log-probability divided by its length to this power: 1 by default, the mean; larger values favour
   * long texts.
   */
  readonly lengthPenalty?: number
  /**
   * Whether to stop as soon as there are `numBeams` finished texts (true), when a better one is unlikely (false, the default),
   * or only when none is possible (`never`).
   */
  readonly earlyStopping?: boolean | 'never'
}

/** One of the best continuations. */
export interface Beam {
  /** New tokens, including the one that ends the text. */
  readonly tokens: readonly number[]
  /** Their text, without the ending; '' without a tokenizer. */
  readonly text: string
  /** Log-probability of the tokens divided by `length ** lengthPenalty`. */
  readonly score: number
}

const beamsDoor = must.door('generateBeams', {
  model: aTextModel,
  params: must.anything,
  prompt: must.anything,
  options: must.optionsOf<BeamOptions>({
    ...commonOptions,
    numBeams: must.count,
    lengthPenalty: must.finite,
    earlyStopping: must.kind("true, false or 'never'", (x) => typeof x === 'boolean' || x === 'never'),
    repetitionPenalty: must.positive,
    processors: must.listOf(must.func, 'a list of functions'),
  }),
})

/** Not a score: the log-probability of what must not be chosen. */
const NONE = -1e9

// What runs on the device.

/** Beams to continue: from which row, with which token, and their scores. */
interface Chosen {
  readonly rows: NDArray
  readonly tokens: NDArray
  /** Shape `[prompts, beams]`. */
  readonly scores: NDArray
}

interface Plan {
  readonly count: number
  readonly candidates: number
  /** Whether rows begin with a prefix that is not text. */
  readonly prefixed: boolean
  readonly processors: readonly LogitsProcessor[]
}

interface Continuations {
  readonly state: State
  /** Scores of the best continuations of each prompt's beams, shape `[prompts, candidates]`, best first. */
  readonly scores: NDArray
  /** The prompt's beam that each continues, int32. */
  readonly beams: NDArray
  /** The token of each, int32. */
  readonly tokens: NDArray
}

/** Reorders rows to the beams that are continued, each with its token. */
const continueWith = (state: State, { rows, tokens }: Chosen): State => {
  const pick = (x: NDArray): NDArray => np.take(x, rows, { axis: 0 })
  const picked: State = {
    cache: {
      layers: state.cache.layers.map(({ key, value }) => ({ key: pick(key), value: pick(value) })),
      length: state.cache.length,
    },
    tokens: pick(state.tokens),
  }
  return { cache: picked.cache, tokens: writeTokens(picked, tokens, 0) }
}

/** Repeats the encoder's result for each beam; the argument is donated. */
const readByBeams = (read: Read | null, numBeams: number): Read | null => {
  if (read === null) return null
  const spread = tree.map((x: NDArray) => np.repeat(x, numBeams, { axis: 0 }), read)
  for (const x of tree.leaves(read)) x.donate()
  return spread
}

const makeStep = <S>(model: TextModel<S>) =>
  jit(
    (params: WeightsOf<S>, before: State, read: Read | null, chosen: Chosen | null, plan: Plan): Continuations => {
      const state = chosen === null ? before : continueWith(before, chosen)
      const [logits, cache] = seeTokens(model, params, state, read, plan.count)
      const vocabulary = logits.shape[1]!
      const text = plan.prefixed ? seenText(state, vocabulary) : state.tokens
      const likely = processAll(plan.processors, nn.logSoftmax(logits), text)
      const prompts = chosen === null ? logits.shape[0]! : chosen.scores.shape[0]!
      const perBeam = np.reshape(likely, [prompts, -1, vocabulary])
      const summed = chosen === null ? perBeam : np.add(perBeam, np.expandDims(chosen.scores, 2))
      const [scores, places] = lax.topK(np.reshape(summed, [prompts, -1]), plan.candidates)
      const beams = np.floorDivide(places, vocabulary)
      return { state: { cache, tokens: state.tokens }, scores, beams, tokens: np.remainder(places, vocabulary) }
    },
    { staticArgnums: [4], donateArgnums: [1] },
  )

type Step<S> = ReturnType<typeof makeStep<S>>

/** The compiled step of each model, for all texts. */
const steps = new WeakMap<object, unknown>()

const stepOf = <S>(model: TextModel<S>): Step<S> => {
  const step = steps.get(model) ?? makeStep(model)
  steps.set(model, step)
  return step as Step<S>
}

// The search on the host, for each prompt.

interface Running {
  readonly tokens: readonly number[]
  /** The sum of log-probabilities. */
  readonly score: number
}

interface Candidate extends Running {
  /** The prompt's beam that it continues. */
  readonly beam: number
  readonly ends: boolean
}

interface Ended {
  readonly tokens: readonly number[]
  readonly score: number
  /** Whether it is a finished text, or only fills the list. */
  readonly isText: boolean
}

interface Search {
  readonly running: readonly Candidate[]
  readonly ended: readonly Ended[]
  /** Whether a running beam may still beat the finished ones. */
  readonly isOpen: boolean
}

const byScore = (a: { readonly score: number }, b: { readonly score: number }): number => b.score - a.score

const allEnded = ({ ended }: Search): boolean => ended.every(({ isText }) => isText)

interface Rules {
  readonly numBeams: number
  readonly lengthPenalty: number
  readonly earlyStopping: boolean | 'never'
  readonly most: number
}

/** Merges finished beams with those that end now, and keeps the best. Only the first `numBeams` candidates may end. */
const updateEnded = (search: Search, candidates: readonly Candidate[], rules: Rules, length: number) => {
  const isClosed = !search.isOpen || (rules.earlyStopping === true && allEnded(search))
  const fresh = candidates.map(({ tokens, score, ends }, i): Ended => {
    const isText = ends && i < rules.numBeams
    return {
      tokens,
      isText,
      score: score / length ** rules.lengthPenalty + (isClosed ? NONE : 0) + (isText ? 0 : NONE),
    }
  })
  return [...search.ended, ...fresh].sort(byScore).slice(0, rules.numBeams)
}

/** Whether the best running beam may become better than the worst finished one. */
const mayImprove = (running: readonly Running[], ended: readonly Ended[], rules: Rules, length: number): boolean => {
  const hypothetical = rules.earlyStopping === 'never' && rules.lengthPenalty > 0 ? rules.most : length
  const best = running[0]!.score / hypothetical ** rules.lengthPenalty
  const worst = Math.min(...ended.map(({ score }) => score))
  // Compared with each finished beam; where there is none, everything is better.
  return ended.some(({ isText }) => best > (isText ? worst : NONE))
}

const advance = (search: Search, candidates: readonly Candidate[], rules: Rules, length: number): Search => {
  const running = candidates
    .map((one) => (one.ends ? { ...one, score: one.score + NONE } : one))
    .sort(byScore)
    .slice(0, rules.numBeams)
  const ended = updateEnded(search, candidates, rules, length)
  return { running, ended, isOpen: search.isOpen && mayImprove(running, ended, rules, length) }
}

/** The best continuations from the device, for each prompt. */
const candidatesOf = (
  searches: readonly Search[],
  found: Pick<Continuations, 'scores' | 'beams' | 'tokens'>,
  ends: (token: number, length: number) => boolean,
): readonly (readonly Candidate[])[] => {
  const [scores, beams] = [found.scores.dataSync('float32'), found.beams.dataSync('int32')]
  const next = found.tokens.dataSync('int32')
  const each = found.tokens.shape[1]!
  return searches.map(({ running }, prompt) =>
    Array.from({ length: each }, (_, j) => {
      const i = prompt * each + j
      const [beam, token] = [beams[i]!, next[i]!]
      const tokens = [...running[beam]!.tokens, token]
      return { tokens, score: scores[i]!, beam, ends: ends(token, tokens.length) }
    }),
  )
}

const chosenOf = (searches: readonly Search[], rowsEach: number): Chosen => {
  const all = searches.flatMap(({ running }, prompt) =>
    running.map((one) => ({ ...one, row: prompt * rowsEach + one.beam })),
  )
  const integers = (values: readonly number[]): NDArray => np.array(values, { dtype: 'int32' })
  return {
    rows: integers(all.map(({ row }) => row)),
    tokens: integers(all.map(({ tokens }) => tokens.at(-1)!)),
    scores: np.array(searches.map(({ running }) => running.map(({ score }) => score))),
  }
}

const textOf = ({ tokenizer }: BeamOptions, tokens: readonly number[], eos: readonly number[]): string => {
  if (tokenizer === undefined) return ''
  const stream = tokenizer.decodeStream({ skipSpecialTokens: true })
  const inner = eos.includes(tokens.at(-1)!) ? tokens.slice(0, -1) : tokens
  return inner.map((id) => stream.push(id)).join('') + stream.flush()
}

/**
 * The likeliest continuations, by beam search: for each prompt `numBeams` of them, the best first.
 *
 * @param prompt - a text or a list of tokens, or a list of those.
 * @throws ArgumentError for an empty prompt, or one longer than the model has positions; for a text without a tokenizer; for options
 *   out of range; if the vocabulary is too small for `numBeams`. The signal's reason, when it is aborted.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { generateBeams, llamaConfig, llamaForCausalLM } from 'pullback/models'
 * const config = llamaConfig({ vocab_size: 9, hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 2 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = llamaForCausalLM(config.right)
 * const [beams] = await generateBeams(model, model.init(random.key(0)), [1, 2, 3], { numBeams: 2, maxNewTokens: 4 })
 * beams!.map(({ tokens }) => tokens.length) // => 4,4
 * ```
 */
export const generateBeams = async <S>(
  model: TextModel<S>,
  params: WeightsOf<S>,
  prompt: Prompt,
  options: BeamOptions = {},
): Promise<readonly (readonly Beam[])[]> => {
  beamsDoor(model, params, prompt, options)
  const { numBeams = 4, lengthPenalty = 1, earlyStopping = false, signal, cacheBlock = 256 } = options
  const { prompts, prefix, maxPositions } = beginPrompts('generateBeams', model, prompt, options)
  const eos = eosOf(options)
  const most = Math.min(...prompts.map((one) => mostTokens(options.maxNewTokens ?? 128, one, maxPositions)))
  const rules: Rules = { numBeams, lengthPenalty, earlyStopping, most }
  // So many that at least numBeams of them do not end.
  const candidates = Math.max(2, 1 + eos.length) * numBeams
  const plan = { candidates, prefixed: options.prefix !== undefined, processors: scoreProcessors(options) }
  const ends = (token: number, length: number): boolean => eos.includes(token) || length >= most

  const step = stepOf(model)
  signal?.throwIfAborted()
  const beginning = begin(model, params, prompts, { operation: 'generateBeams', block: cacheBlock, prefix })
  let { state, read } = beginning
  const nothing: Ended = { tokens: [], score: NONE, isText: false }
  const first: Candidate = { tokens: [], score: 0, beam: 0, ends: false }
  let searches = prompts.map((): Search => ({
    running: [first],
    ended: Array<Ended>(numBeams).fill(nothing),
    isOpen: true,
  }))
  try {
    for (let length = 1; ; length++) {
      signal?.throwIfAborted()
      const chosen = length === 1 ? null : chosenOf(searches, length === 2 ? 1 : numBeams)
      const written = beginning.taken + length
      if (written > state.tokens.shape[1]!) state = growState(state, roomFor(written, cacheBlock))
      // From the second step on, each prompt has one row per beam, and all share the encoder's result.
      if (length === 2) read = readByBeams(read, numBeams)
      const result = step(params, state, read, chosen, { ...plan, count: length === 1 ? beginning.width : 1 })
      state = result.state
      const found = candidatesOf(searches, result, ends)
      searches = searches.map((search, i) => advance(search, found[i]!, rules, length))
      const isOver =
        !searches.some(({ isOpen }) => isOpen) ||
        (earlyStopping === true && searches.every(allEnded)) ||
        found.every((all) => all.every((one) => one.ends))
      if (isOver) break
      await breathe()
    }
  } finally {
    freeState(state, read)
  }
  return searches.map(({ ended }) =>
    ended.map(({ tokens, score }) => ({ tokens, score, text: textOf(options, tokens, eos) })),
  )
}

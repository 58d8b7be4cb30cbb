/**
 * The road of a language model: a tokenizer is trained on a corpus, a small GPT-2 learns it from random numbers, and is tuned to another
 * text, by LoRA and in full. It prints what the model writes as it learns, and how many bits it needs for a character of unseen texts.
 * `--chinese` is the same from the ci of the Song to the qu of the Yuan.
 *
 *     scripts/fetch-data.sh english && npm run example -- examples/from-zero.ts
 */
import { pipe } from 'fp-ts/lib/function.js'
import { optim, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { collect, generate, gpt2Config, gpt2LMHeadModel, saveModel } from 'pullback/models'
import { loadTokenizer, trainBpe } from 'pullback/tokenizers'
import { batch, causalLM, chunk, collate, evaluate, fromArray, full, lora, makeStep, map, onStep, perplexity, shuffle, splitByHash, tokenizeRows, train } from 'pullback/train' // prettier-ignore
import type { Adapter, AdapterConfig, Batch, Sample, Stream } from 'pullback/train'
import { excerpts, readTexts } from './support/corpora.ts'
import type { Corpus } from './support/corpora.ts'
import { orThrow, rightOrThrow } from './support/orThrow.ts'
import { outputPath, readFlags } from './support/output.ts'

const { quick, chinese } = readFlags('quick', 'chinese')
const settings = quick
  ? { documents: 60, vocabSize: 512, size: 32, layers: 2, length: 32, batch: 4, steps: 8, tuning: 4, held: 1000, tokens: 8 } // prettier-ignore
  : { documents: Infinity, vocabSize: chinese ? 4096 : 2048, size: 128, layers: 4, length: 128, batch: 8, steps: 300, tuning: 60, held: 20_000, tokens: 48 } // prettier-ignore
const END = '<|endoftext|>'
const seed = random.key(0)
const sampling = { temperature: 0.8, topK: 40, key: random.foldIn(seed, 7), maxNewTokens: settings.tokens }

const main = async (): Promise<void> => {
  const texts = readTexts(chinese ? 'chinese' : 'english')
  if (texts === null) {
    console.log(`The texts are not there: scripts/fetch-data.sh ${chinese ? 'chinese' : 'english'} gets them.`)
    return
  }
  const since = (): string => `${(performance.now() / 1000).toFixed(0)} s`
  const parts = ({ documents }: Corpus) =>
    splitByHash(documents.slice(0, settings.documents), { learn: 0.9, held: 0.1 }, { of: (text) => text })
  const [first, second] = [parts(texts.first), parts(texts.second)]
  const size = (documents: readonly string[]): string => `${documents.length} documents, ${documents.join('').length} characters` // prettier-ignore
  console.log(`${texts.first.name}: ${size(first.learn)} to learn from; ${texts.second.name}: ${size(second.learn)}`)

  // --- tokens: byte-level BPE, learnt from the first corpus only ------------------------------------------------------------

  const tokenizerJson = trainBpe(first.learn, { vocabSize: settings.vocabSize, specialTokens: [END] })
  const tokenizerConfig = { eos_token: END, pad_token: END }
  const tokenizer = rightOrThrow(loadTokenizer({ tokenizerJson, tokenizerConfig }))
  const idsOf = (documents: readonly string[]): readonly number[] => documents.flatMap((text) => [tokenizer.eosIds[0]!, ...tokenizer.encode(text).ids]) // prettier-ignore

  // --- batches: rows of one length, out of texts that follow one another ------------------------------------------------------

  const collated = map((samples: readonly Sample[]): Batch => collate({ padId: 0, length: settings.length })(samples))
  const toLearn = (documents: readonly string[], key: random.Key): Stream<Batch> =>
    pipe(
      fromArray(documents.map((text) => ({ text }))),
      shuffle(key, documents.length),
      tokenizeRows(tokenizer, { task: 'causal' }),
      chunk(settings.length, { dropLast: true }),
      shuffle(random.foldIn(key, 1), 64 * settings.batch),
      batch(settings.batch, { dropLast: true }),
      collated,
    )

  // --- the model, and what is measured -----------------------------------------------------------------------------------------

  const json = { model_type: 'gpt2', vocab_size: Object.keys(tokenizerJson.model.vocab).length, n_positions: settings.length, n_embd: settings.size, n_layer: settings.layers, n_head: 4, bos_token_id: 0, eos_token_id: 0, embd_pdrop: 0, attn_pdrop: 0, resid_pdrop: 0 } // prettier-ignore
  const model = gpt2LMHeadModel(rightOrThrow(gpt2Config(json)))
  type Params = ReturnType<typeof model.init>
  type Weights = Parameters<typeof model.apply>[0]
  const outputs = (params: Weights, { input_ids: inputIds, labels }: Batch) => ({ logits: model.apply(params, { inputIds }).logits, labels: labels! }) // prettier-ignore
  const lossOf = ({ logits, labels }: ReturnType<typeof outputs>) => causalLM(logits, labels)

  /** Bits for a character of texts: rows overlap by one token, so that each but the very first `END` is predicted once. */
  const bitsPerCharacter = async (params: Params, held: readonly string[]): Promise<number> => {
    const [ids, length] = [idsOf(held), settings.length]
    const starts = Array.from({ length: Math.ceil((ids.length - 1) / (length - 1)) }, (_, i) => i * (length - 1))
    const rows = starts.map((at) => ids.slice(at, at + length)).map((row) => ({ input_ids: row, labels: row }))
    const batches = pipe(fromArray<Sample>(rows), batch(settings.batch), collated)
    const measured = await orThrow(evaluate(outputs, params, batches, { perplexity: perplexity() }))
    return (Math.log2(measured.perplexity) * (ids.length - 1)) / Array.from(held.join('')).length
  }
  const write = async (params: Params, prompt: string): Promise<string> => {
    const [row] = await collect(
      generate(model, params, [0, ...tokenizer.encode(prompt).ids], { ...sampling, tokenizer }),
    )
    return `${prompt}${row!.text}`.replaceAll(/\s+/g, ' ')
  }

  // --- learning, from random numbers or from what was learnt -------------------------------------------------------------------

  interface Run<C extends AdapterConfig> {
    readonly start: (params: Params) => Adapter<C>
    readonly apply: (params: Params, adapter: Adapter<C>) => Weights
    readonly merge: (params: Params, adapter: Adapter<C>) => Params
    readonly data: Stream<Batch>
    readonly steps: number
    readonly peak: number
    readonly look?: (params: Params, step: number, loss: number) => Promise<void>
  }
  const learn = async <C extends AdapterConfig>(params: Params, run: Run<C>): Promise<Params> => {
    const { start, apply, merge, data, steps, peak, look } = run
    const schedule = { initValue: 0, peakValue: peak, endValue: peak / 10, warmupSteps: Math.ceil(steps / 10) }
    const { initState, step } = makeStep({
      loss: (adapter: Adapter<C>, one: Batch, _, base: Params) => lossOf(outputs(apply(base, adapter), one)),
      optimizer: (rate: NDArray) => optim.adamw(rate, { b2: 0.95, weightDecay: 0.1 }),
      learningRate: optim.warmupCosineDecaySchedule({ ...schedule, decaySteps: steps }),
      clip: 1,
    })
    const state = initState(start(params))
    const looking = onStep<typeof state>((now) =>
      look?.(merge(params, now.state.params), now.step, now.metrics['loss']!),
    )
    const ended = await orThrow(train(step, state, data, { frozen: params, steps, hooks: [looking] }))
    return merge(params, ended.state.params)
  }
  const everything = { start: (params: Params) => full.init(seed, params), apply: full.apply, merge: full.merge }
  const options = { rank: 8, alpha: 16, targets: ['c_attn', 'c_proj', 'c_fc'] }
  const lowRank = { start: (params: Params) => lora.init(seed, params, options), apply: lora.apply, merge: lora.merge }

  const held = [excerpts(first.held, settings.held), excerpts(second.held, settings.held)] as const
  for (const [i, { name }] of [texts.first, texts.second].entries()) {
    const characters = Array.from(held[i]!.join('')).length
    console.log(
      `${name}, unseen: ${characters} characters, ${(characters / idsOf(held[i]!).length).toFixed(2)} to a token`,
    )
  }
  const fresh = model.init(random.foldIn(seed, 1))
  const merges = tokenizerJson.model.merges.length
  console.log(`${merges} merges after ${since()}; the model has ${tree.size(fresh)} parameters`)
  const show = async (params: Params, step: number, loss: number): Promise<void> => {
    if (step > 1 && step % (settings.steps / 4) !== 0) return
    console.log(`step ${step}, ${since()}: loss ${loss.toFixed(3)}, ${(await bitsPerCharacter(params, held[0])).toFixed(3)} bits per unseen character`) // prettier-ignore
    console.log(`    ${await write(params, texts.prompts[0])}`)
  }
  const beginning = { data: toLearn(first.learn, random.foldIn(seed, 2)), steps: settings.steps, look: show }
  const trained = await learn(fresh, { ...everything, ...beginning, peak: 2e-3 })
  const tuning = { data: toLearn(second.learn, random.foldIn(seed, 3)), steps: settings.tuning }
  console.log(`LoRA trains ${tree.size(lowRank.start(trained))} numbers`)
  const adapted = await learn(trained, { ...lowRank, ...tuning, peak: 4e-3 })
  const tuned = await learn(trained, { ...everything, ...tuning, peak: 1e-3 })
  console.log(`\nbits per unseen character | ${texts.first.name} | ${texts.second.name}`)
  for (const [name, params] of Object.entries({ before: trained, LoRA: adapted, 'in full': tuned })) {
    const [a, b] = [await bitsPerCharacter(params, held[0]), await bitsPerCharacter(params, held[1])]
    console.log(`${name}: ${a.toFixed(3)} | ${b.toFixed(3)}\n    ${await write(params, texts.prompts[1])}`)
  }
  const folder = outputPath(chinese ? 'from-zero-chinese' : 'from-zero')
  const files = { config: json, tokenizer: tokenizerJson, tokenizerConfig }
  await orThrow(saveModel(folder, { ...files, architecture: 'GPT2LMHeadModel', params: tuned }))
  console.log(`\n${since()}. The model that was tuned in full is in ${folder}, for transformers too.`)
}

await main()

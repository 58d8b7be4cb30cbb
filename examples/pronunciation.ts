/**
 * How English words are said: an LSTM reads a spelling, another speaks its phonemes, and looks back at the letters by
 * attention as it does. Luong et al., "Effective approaches to attention-based neural machine translation" (2015), with the
 * variational dropout of Gal and Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks"
 * (2016). Words are of the CMU Pronouncing Dictionary; the phoneme error rate is of words that were held out.
 *
 *     npm run example -- examples/pronunciation.ts              a few minutes
 *     npm run example -- examples/pronunciation.ts --quick      seconds, in which little is learned
 */
import { isLeft } from 'fp-ts/lib/Either.js'
import { jit, lax, nn, np, optim, random, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import { describeAttempt, drawAttention, mostSilent, ratesOf } from './support/attempts.ts'
import type { Attempt } from './support/attempts.ts'
import { drawCurves } from './support/curves.ts'
import type { Point } from './support/curves.ts'
import { drawGradientNorms, gradientNorms } from './support/gradientNorms.ts'
import { fail, isQuick, progressBar, writeOutput } from './support/output.ts'
import { fold, places, shuffled } from './support/train.ts'
import { END, LETTERS, LONGEST, PHONEMES, readWords, toPronunciations, toWordBatch } from './support/words.ts'
import type { Word, WordBatch } from './support/words.ts'

const quick = isQuick()
const settings = {
  rounds: quick ? 2 : 8,
  stepsPerRound: quick ? 10 : 200,
  batchSize: quick ? 64 : 128,
  testWords: quick ? 256 : 4096,
  validationWords: quick ? 256 : 1024,
  attemptsAtOnce: quick ? 256 : 512,
  gradientSteps: 60,
  learningRate: 3e-3,
  features: quick ? 64 : 128,
  embedding: 64,
  dropout: 0.1,
}

// --- the network --------------------------------------------------------------------------------------------------

const { features, embedding } = settings

/** Biases of an LSTM's gates i, f, g, o: it begins by remembering. Jozefowicz et al. (2015). */
const remembering: nn.Initializer = (_key, shape, dtype = 'float32') => {
  const gate = (value: number): NDArray => np.full([shape[0]! / 4], value, { dtype })
  return np.concatenate([gate(0), gate(1), gate(0), gate(0)])
}

const reader = nn.lstmCell(embedding, features, { biasInit: remembering })
const layers = {
  letters: nn.embedding(LETTERS.length, embedding),
  forward: nn.rnn(reader, { timeMajor: true }),
  backward: nn.rnn(reader, { timeMajor: true, reverse: true }),
  bridge: nn.linear(2 * features, 2 * features),
  phonemes: nn.embedding(PHONEMES.length, embedding),
  speaker: nn.lstmCell(embedding + features, features, { biasInit: remembering }),
  attention: nn.luongAttention(features, 2 * features),
  combine: nn.linear(3 * features, features),
  out: nn.linear(features, PHONEMES.length),
} as const

const init = (key: random.Key) => {
  const place = (i: number): random.Key => random.foldIn(key, i)
  return {
    letters: layers.letters.init(place(0)),
    forward: layers.forward.init(place(1)),
    backward: layers.backward.init(place(2)),
    bridge: layers.bridge.init(place(3)),
    phonemes: layers.phonemes.init(place(4)),
    speaker: layers.speaker.init(place(5)),
    attention: layers.attention.init(place(6)),
    combine: layers.combine.init(place(7)),
    out: layers.out.init(place(8)),
  }
}
type Params = ReturnType<typeof init>

/** Without a key, nothing is dropped out. */
const keyOf = (key: random.Key | null, place: number): random.Key | null =>
  key === null ? null : random.foldIn(key, place)

/** Drops features out of arrays of shape `[time, batch, width]`: the same at all steps of a word. */
const dropAlongTime = (key: random.Key | null, x: NDArray): NDArray =>
  nn.dropout(key, x, settings.dropout, { broadcastDims: [0] })

/** What to multiply at every step of a loop to do so, shape `[batch, width]`. */
const maskOf = (key: random.Key | null, batch: number, width: number): NDArray =>
  nn.dropout(key, np.ones([batch, width]), settings.dropout)

/** A spelling, read. */
interface Memory {
  /** What was made of each letter and those around it, shape `[batch, letters, 2 * features]`. */
  readonly read: NDArray
  /** Which letters there are, shape `[batch, letters]`. */
  readonly present: NDArray
}

/** What the speaker carries from phoneme to phoneme. */
interface Speaking {
  readonly lstm: nn.LstmCarry
  /** What it said last, in its own terms: so it knows where it was in the word. Luong et al. call this input feeding. */
  readonly said: NDArray
}

/** Masks of the speaker's input, and of what it feeds back. */
interface SpeakerMasks {
  readonly input: NDArray
  readonly recurrent: NDArray
}

const speakerMasks = (key: random.Key | null, batch: number): SpeakerMasks => ({
  input: maskOf(keyOf(key, 0), batch, embedding + features),
  recurrent: maskOf(keyOf(key, 1), batch, features),
})

/** Reads words from both ends; also gives what the speaker begins with. */
const read = (params: Params, { letters, lengths }: Pick<WordBatch, 'letters' | 'lengths'>, key: random.Key | null) => {
  const [time, batch] = letters.shape as readonly [number, number]
  const xs = dropAlongTime(keyOf(key, 10), layers.letters.apply(params.letters, letters))
  const run = (direction: 'forward' | 'backward', place: number) =>
    layers[direction].apply(params[direction], xs, {
      seqLengths: lengths,
      recurrentMask: maskOf(keyOf(key, place), batch, features),
    })
  const [[forward, before], [backward, behind]] = [run('forward', 11), run('backward', 12)]
  const ends = np.concatenate([forward.h, backward.h], { axis: -1 })
  const [c, h] = np.split(nn.tanh(layers.bridge.apply(params.bridge, ends)), 2, { axis: -1 })
  const memory: Memory = {
    read: np.moveaxis(np.concatenate([before, behind], { axis: -1 }), 0, 1),
    present: np.less(np.arange(time), np.expandDims(lengths, 1)),
  }
  const start: Speaking = { lstm: { c: c, h: h }, said: np.zeros([batch, features]) }
  return { memory, start }
}

/** One step of the speaker, from the phoneme before: what it says now, in its own terms, and where it looked. */
const speak = (params: Params, memory: Memory, masks: SpeakerMasks, state: Speaking, phoneme: NDArray) => {
  const x = np.concatenate([layers.phonemes.apply(params.phonemes, phoneme), state.said], { axis: -1 })
  const projected = layers.speaker.project(params.speaker, np.multiply(x, masks.input))
  const [lstm, h] = layers.speaker.step(params.speaker, state.lstm, projected, masks.recurrent)
  const { context, weights } = layers.attention.apply(params.attention, h, memory.read, memory.present)
  const combined = layers.combine.apply(params.combine, np.concatenate([context, h], { axis: -1 }))
  return { state: { lstm, said: nn.tanh(combined) } satisfies Speaking, weights }
}

/** Mean cross-entropy of the phonemes and the end behind them, each after the right ones before it (teacher forcing). */
const loss = (params: Params, batch: WordBatch, key: random.Key | null): NDArray => {
  const { memory, start } = read(params, batch, key)
  const masks = speakerMasks(key, batch.lengths.shape[0]!)
  const first = np.full([1, batch.lengths.shape[0]!], END, { dtype: 'int32' })
  const before = np.concatenate([first, batch.phonemes.slice(0, -1)])
  const [, said] = lax.scan(
    (state: Speaking, phoneme: NDArray) => {
      const next = speak(params, memory, masks, state, phoneme).state
      return [next, next.said]
    },
    start,
    before,
  )
  const logits = layers.out.apply(params.out, dropAlongTime(keyOf(key, 2), said))
  const each = optim.softmaxCrossEntropyWithIntegerLabels(logits, batch.phonemes)
  // Everything up to the first end counts: the first step always, the others if what is before them is a phoneme.
  const counts = np.logicalOr(np.notEqual(before, END), np.equal(np.expandDims(np.arange(before.shape[0]!), 1), 0))
  return np.mean(each, { where: counts })
}

/** Speaks words by itself, at each step the phoneme that it holds most likely. Also gives where it looked. */
const pronounce = jit((params: Params, words: Pick<WordBatch, 'letters' | 'lengths'>) => {
  const { memory, start } = read(params, words, null)
  const masks = speakerMasks(null, words.lengths.shape[0]!)
  const first = np.full(words.lengths.shape, END, { dtype: 'int32' })
  const [, spoken] = lax.scan(
    ([state, phoneme]: readonly [Speaking, NDArray]) => {
      const { state: next, weights } = speak(params, memory, masks, state, phoneme)
      const likeliest = np.argmax(layers.out.apply(params.out, next.said), { axis: -1 })
      return [[next, likeliest] as const, { phonemes: likeliest, weights }]
    },
    [start, first] as const,
    null,
    { length: LONGEST.phonemes + 1 },
  )
  return spoken
})

// --- training -----------------------------------------------------------------------------------------------------

const optimizer = optim.chain(
  optim.clipByGlobalNorm(1),
  optim.adam(
    optim.warmupCosineDecaySchedule({
      initValue: 0,
      peakValue: settings.learningRate,
      warmupSteps: quick ? 5 : 100,
      decaySteps: settings.rounds * settings.stepsPerRound,
    }),
  ),
)

interface State {
  readonly params: Params
  readonly optimizer: optim.StateOf<typeof optimizer>
}

const step = jit(
  (state: State, batch: WordBatch, key: random.Key) => {
    const [value, gradient] = valueAndGrad(loss)(state.params, batch, key)
    const [updates, next] = optimizer.update(gradient, state.optimizer, state.params)
    return { state: { params: optim.applyUpdates(state.params, updates), optimizer: next }, loss: value }
  },
  { donateArgnums: 0 },
)

/** Batches of words without end: all words in a new order, again and again. */
function* batchesOf(key: random.Key, words: readonly Word[]): Generator<WordBatch> {
  for (let epoch = 0; ; epoch++) {
    for (const chosen of places(random.foldIn(key, epoch), words.length, settings.batchSize)) {
      yield toWordBatch([...chosen].map((place) => words[place]!))
    }
  }
}

interface Round {
  readonly state: State
  /** Mean loss over the round's batches. */
  readonly loss: number
}

const runRound = (round: number, state: State, batches: Iterator<WordBatch>, key: random.Key): Round => {
  const bar = progressBar(`round ${String(round).padStart(2)}`, settings.stepsPerRound)
  const initial = { state, total: 0 }
  const end = fold(
    (current: typeof initial, i: number) => {
      const result = step(current.state, batches.next().value as WordBatch, random.foldIn(key, i))
      const total = current.total + result.loss.item()
      bar.update(i + 1, { note: `loss ${(total / (i + 1)).toFixed(3)}` })
      return { state: result.state, total }
    },
    initial,
    Array.from({ length: settings.stepsPerRound }, (_, i) => i),
  )
  return { state: end.state, loss: end.total / settings.stepsPerRound }
}

// --- what has been learnt -----------------------------------------------------------------------------------------

const attemptBatch = (params: Params, words: readonly Word[]): readonly Attempt[] => {
  const { phonemes, weights } = pronounce(params, toWordBatch(words))
  return toPronunciations(phonemes).map((guess, column) => {
    const word = words[column]!
    const seen = weights.at(np.slice(0, guess.length), column, np.slice(0, word.spelling.length)).get()
    return { word, guess, looked: seen.toArray() as number[][] }
  })
}

/** Attempts at words, so many at a time. */
const attempt = (params: Params, words: readonly Word[]): readonly Attempt[] => {
  const size = settings.attemptsAtOnce
  const starts = Array.from({ length: Math.floor(words.length / size) }, (_, i) => i * size)
  return starts.flatMap((start) => attemptBatch(params, words.slice(start, start + size)))
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** Words run together, as arrays: letters as random directions, so that a network can tell them apart from the start. */
const longSequences = (key: random.Key, words: readonly Word[], time: number, batch: number): NDArray => {
  const text = words.map(({ spelling }) => spelling).join('')
  const letters = Int32Array.from(text.slice(0, time * batch), (letter) => LETTERS.indexOf(letter))
  const layer = nn.embedding(LETTERS.length, embedding, { embeddingInit: nn.initializers.normal({ stddev: 1 }) })
  return layer.apply(layer.init(key), np.reshape(np.array(letters), [batch, time]).T)
}

/** Gradients over time of fresh networks of one size, and of an LSTM that does not begin by remembering. */
const compareGradients = (key: random.Key, words: readonly Word[]): Readonly<Record<string, readonly number[]>> => {
  const [forLetters, forCells] = random.split(key)
  const xs = longSequences(forLetters, words, settings.gradientSteps, 32)
  const normsOf = <C>(cell: nn.Cell<nn.CellParams, C>, place: number): readonly number[] =>
    gradientNorms(cell, xs, random.foldIn(forCells, place))
  return {
    'plain RNN': normsOf(nn.simpleCell(embedding, features), 0),
    'LSTM, forget bias 0': normsOf(nn.lstmCell(embedding, features), 1),
    'LSTM, forget bias 1': normsOf(nn.lstmCell(embedding, features, { biasInit: remembering }), 2),
  }
}

interface Split {
  readonly train: readonly Word[]
  readonly validation: readonly Word[]
  readonly test: readonly Word[]
}

const splitWords = (key: random.Key, words: readonly Word[]): Split => {
  const order = [...shuffled(key, words.length)].map((place) => words[place]!)
  const [test, held] = [settings.testWords, settings.testWords + settings.validationWords]
  return { test: order.slice(0, test), validation: order.slice(test, held), train: order.slice(held) }
}

/** Trains in rounds; gives the parameters, and the phoneme error rate over time. */
const train = (key: random.Key, { train: words, validation }: Split): { params: Params; curve: readonly Point[] } => {
  const params = init(random.foldIn(key, 0))
  let state: State = { params, optimizer: optimizer.init(params) }
  const batches = batchesOf(random.foldIn(key, 1), words)
  const curve: Point[] = []
  for (let round = 1; round <= settings.rounds; round++) {
    const result = runRound(round, state, batches, random.foldIn(key, 1 + round))
    state = result.state
    const unseen = ratesOf(attempt(state.params, validation))
    const seen = ratesOf(attempt(state.params, words.slice(0, validation.length)))
    const epoch = (round * settings.stepsPerRound * settings.batchSize) / words.length
    curve.push({ epoch, value: seen.symbols, curve: 'training' }, { epoch, value: unseen.symbols, curve: 'validation' })
    console.log(
      `round ${round} (${epoch.toFixed(2)} epochs): loss ${result.loss.toFixed(3)}, phoneme error rate ${percent(unseen.symbols)}, ` +
        `words wrong ${percent(unseen.sequences)}`,
    )
  }
  return { params: state.params, curve }
}

const main = async (): Promise<void> => {
  const words = await readWords()
  if (isLeft(words)) {
    fail(words.left)
    return
  }
  const key = random.key(0)
  const split = splitWords(random.foldIn(key, 0), words.right)
  console.log(
    `${split.train.length} words to train on, ${split.validation.length} to validate, ${split.test.length} to test`,
  )

  const { params, curve } = train(random.foldIn(key, 1), split)
  const attempts = attempt(params, split.test)
  const rates = ratesOf(attempts)
  console.log(`test: phoneme error rate ${percent(rates.symbols)}, words wrong ${percent(rates.sequences)}`)
  console.log(
    attempts
      .slice(0, 12)
      .map((one) => `  ${describeAttempt(one)}`)
      .join('\n'),
  )

  const norms = compareGradients(random.foldIn(key, 2), split.train)
  console.log(`norm of the gradient of the last output, ${settings.gradientSteps - 1} steps back against 0 steps back:`)
  for (const [network, line] of Object.entries(norms)) {
    console.log(`  ${network.padEnd(20)} ${(line[0]! / line.at(-1)!).toExponential(1)}`)
  }

  const pictures = [
    ['pronunciation-errors.svg', drawCurves('Phoneme error rate', curve, { percent: true })],
    ['pronunciation-attention.svg', drawAttention(mostSilent(attempts))],
    ['pronunciation-gradients.svg', drawGradientNorms('How far back gradients reach, before training', norms)],
  ] as const
  for (const [name, svg] of pictures) {
    const written = await writeOutput(name, svg)()
    if (isLeft(written)) fail(written.left)
    else console.log(`wrote ${written.right}`)
  }
}

await main()

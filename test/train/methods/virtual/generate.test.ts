/** Generation after virtual tokens: what texts begin with stands for itself, whoever has read it. */
import type { NDArray } from 'pullback'
import { ArgumentError, np, random, ShapeError } from 'pullback'
import type { Cache, CacheShape, GenerateOptions } from 'pullback/models'
import { collect, emptyCache, generate, generateBeams } from 'pullback/models'
import { prefixTuning, promptTuning } from 'pullback/train'
import { describe, expect, test } from 'vitest'
import { begun, close, gpt2, llama } from '../../support/tiny.ts'

const given = begun(llama)
const key = random.key(3)

const tokens = async (prompt: readonly (readonly number[])[], options: GenerateOptions) =>
  (await collect(generate(llama, given, prompt, { maxNewTokens: 9, ...options }))).map((row) => row.tokens)

/** What a text leaves behind in a cache, with some room. */
const read = (ids: readonly (readonly number[])[], room = 0): Cache =>
  llama.apply(given, { inputIds: ids }, { cache: emptyCache(llama.cacheShape, ids.length, ids[0]!.length + room) })
    .cache!

const prompts = [[5, 6, 7], [8], [9, 10, 11, 12, 13]]

describe('a text that was read before is one that is read now', () => {
  const before = [3, 14, 15]
  const whole = prompts.map((prompt) => [...before, ...prompt])

  test.each([
    ['tokens', {}],
    ['tokens, as room grows', { cacheBlock: 4 }],
    ['sampling', { key, temperature: 1.5 }],
  ])('%s', async (_, options) => {
    const wanted = await tokens(whole, options)
    expect(await tokens(prompts, { ...options, prefix: before })).toEqual(wanted)
    expect(await tokens(prompts, { ...options, prefix: read([before]) })).toEqual(wanted)
    expect(await tokens(prompts, { ...options, prefix: read([before], 5) })).toEqual(wanted)
    expect(await tokens(prompts, { ...options, prefix: [] })).toEqual(await tokens(prompts, options))
  })

  test('each row has its own', async () => {
    const wanted = await tokens([[3, 14, 5], [15, 16, 6, 7]], {}) // prettier-ignore
    expect(await tokens([[5], [6, 7]], { prefix: read([[3, 14], [15, 16]]) })).toEqual(wanted) // prettier-ignore
  })

  test('beams', async () => {
    const options = { numBeams: 3, maxNewTokens: 7, cacheBlock: 8 }
    const wanted = await generateBeams(llama, given, whole, options)
    for (const prefix of [before, read([before])]) {
      const found = await generateBeams(llama, given, prompts, { ...options, prefix })
      found.forEach((beams, i) => {
        expect(beams.map((beam) => beam.tokens)).toEqual(wanted[i]!.map((beam) => beam.tokens))
        const scores = (all: typeof beams): NDArray => np.array(all.map(({ score }) => score))
        close('scores', scores(beams), scores(wanted[i]!))
      })
    }
  })
})

describe('adapters', () => {
  const { cacheShape } = llama
  const prefixed = prefixTuning.init(key, given, { cacheShape, tokens: 3 })
  const prompted = promptTuning.init(key, given, { tokens: 3 })
  const tuned = promptTuning.apply(given, prompted)

  /** The likeliest tokens, each from a run over all before it. */
  const likeliest = (run: (ids: NDArray) => NDArray, prompt: readonly number[], count: number): readonly number[] => {
    const text = [...prompt]
    for (let i = 0; i < count; i++) {
      const logits = run(np.array([text], { dtype: 'int32' }))
      text.push(np.argmax(logits.at(0, -1).get()).item())
    }
    return text.slice(prompt.length)
  }

  test('of prefix tuning', async () => {
    const run = (inputIds: NDArray): NDArray => {
      const { inputs, cache } = prefixTuning.widen(prefixed, { inputIds })
      return llama.apply(given, inputs, { cache }).logits
    }
    const found = await tokens([[5, 6]], { prefix: prefixTuning.prefix(prefixed), maxNewTokens: 6 })
    expect(found).toEqual([likeliest(run, [5, 6], 6)])
  })

  test.each([1, 1.7])('of prompt tuning; only the text is penalised, by %d', async (repetitionPenalty) => {
    const options = { maxNewTokens: 6, repetitionPenalty, prefix: promptTuning.prefix(prompted) }
    const [row] = await collect(generate(llama, tuned, [5, 6], options))
    const run = (inputIds: NDArray): NDArray => {
      const { logits } = llama.apply(tuned, promptTuning.widen(prompted, { inputIds }))
      const seen = np.any(np.equal(np.expandDims(np.arange(31), 1), inputIds), { axis: 1 })
      const [more, less] = [np.multiply(logits, repetitionPenalty), np.divide(logits, repetitionPenalty)]
      return np.where(seen, np.where(np.less(logits, 0), more, less), logits)
    }
    expect(row!.tokens).toEqual(likeliest(run, [5, 6], 6))
  })

  test.each([
    ['keys and values', prefixTuning.prefix(prefixed)],
    ['virtual tokens', promptTuning.prefix(prompted)],
  ])('processors see the text alone, after %s', async (_, prefix) => {
    // The likeliest token is how many places are text: 2 of the prompt, then 3, then 4.
    const count = (logits: NDArray, text: NDArray): NDArray => {
      const places = np.sum(np.greaterEqual(text, 0).astype('int32'))
      return np.equal(np.arange(31), places).astype(logits.dtype).reshape([1, 31])
    }
    const [row] = await collect(generate(llama, tuned, [5, 6], { maxNewTokens: 3, prefix, processors: [count] }))
    expect(row!.tokens).toEqual([2, 3, 4])
  })
})

describe('what does not fit', () => {
  const shape = (changes: Partial<CacheShape>): Cache => emptyCache({ ...llama.cacheShape, ...changes }, 1, 2)

  test.each([
    ['layers', shape({ numHiddenLayers: 2 }), /generate: the cache has 2 layers, and the model 3/],
    ['heads', shape({ numKeyValueHeads: 2 }), /generate: layer 0 of the cache has shape/],
    ['rows', read([[1], [2]]), /generate: layer 0 of the cache has shape \[2, 1, 1, 4\], and these tokens need \[3,/],
  ])('%s', async (_, prefix, message) => {
    const run = tokens(prompts, { prefix })
    await expect(run).rejects.toThrow(ShapeError)
    await expect(run).rejects.toThrow(message)
  })

  test('no tokens', () => {
    expect(() => generate(llama, given, [1], { prefix: [1.5] })).toThrow(/prefix must be a list of tokens, or a cache/)
  })

  test('positions are taken by a prefix, too', async () => {
    const { maxPositions, cacheShape } = gpt2
    const params = begun(gpt2)
    const virtual = promptTuning.init(key, params, { tokens: 4 })
    const ways = [
      [params, { prefix: prefixTuning.prefix(prefixTuning.init(key, params, { cacheShape, tokens: 4 })) }],
      [promptTuning.apply(params, virtual), { prefix: promptTuning.prefix(virtual) }],
    ] as const
    for (const [p, option] of ways) {
      const long = Array.from({ length: maxPositions! - 3 }, (_, i) => i)
      expect(() => generate(gpt2, p, long, option)).toThrow(ArgumentError)
      const [row] = await collect(generate(gpt2, p, [1, 2], option))
      expect(row).toMatchObject({ finish: 'length' })
      expect(row!.tokens).toHaveLength(maxPositions! - 4 - 2 + 1)
    }
  })
})

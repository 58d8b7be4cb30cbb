/** Generation against transformers (record_generation.py), and what holds of it whatever the model. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ArgumentError, devices, nn, np, random } from 'pullback'
import { openTensors } from 'pullback/io'
import * as models from 'pullback/models'
import type { WasmDevice } from 'pullback/testing'
import type { Beam, BeamOptions, GenerateOptions, LogitsProcessor, TextTokenizer } from 'pullback/models'
import { get, rightOf } from '../../io/support/recorded.ts'

const data = resolve(import.meta.dirname, '../data')

const load = async <M extends models.TextModel>(family: string, of: (model: models.AnyModel) => M | null) => {
  const config: unknown = JSON.parse(readFileSync(join(data, family, 'config.json'), 'utf8'))
  const model = of(rightOf(models.modelOfConfig(config)))!
  const params = await get(
    models.loadParams<unknown>(model, await get(openTensors(join(data, family, 'model.safetensors')))),
  )
  return [model, params] as const
}

const open = (family: string) => load(family, ({ decoder }) => decoder)

/** Encoder–decoders too. */
const openWriter = (family: string) => load(family, ({ writer }) => writer)

interface TheirOptions {
  readonly repetition_penalty?: number
  readonly length_penalty?: number
  readonly early_stopping?: boolean | 'never'
  readonly eos_token_id?: readonly number[]
}

interface Recorded {
  readonly greedy: readonly {
    readonly family: string
    readonly options: TheirOptions
    readonly prompts: readonly (readonly number[])[]
    readonly tokens: readonly (readonly number[])[]
  }[]
  readonly filters: {
    readonly logits: readonly (readonly number[])[]
    readonly tokens: readonly (readonly number[])[]
    readonly cases: readonly { readonly name: string; readonly value: number; readonly kept: readonly number[][] }[]
    readonly penalties: readonly { readonly value: number; readonly logits: readonly number[][] }[]
  }
  readonly beams: readonly {
    readonly family: string
    readonly numBeams: number
    readonly eos: readonly number[]
    readonly options: TheirOptions
    readonly prompts: readonly (readonly number[])[]
    readonly beams: readonly (readonly Omit<Beam, 'text'>[])[]
  }[]
}

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, '../generation.json'), 'utf8')) as Recorded

/** Ours for theirs, without what is not there. */
const ourOptions = (theirs: TheirOptions): BeamOptions => ({
  ...(theirs.repetition_penalty === undefined ? {} : { repetitionPenalty: theirs.repetition_penalty }),
  ...(theirs.length_penalty === undefined ? {} : { lengthPenalty: theirs.length_penalty }),
  ...(theirs.early_stopping === undefined ? {} : { earlyStopping: theirs.early_stopping }),
  ...(theirs.eos_token_id === undefined ? {} : { eos: theirs.eos_token_id }),
})

/** A letter for each token, and for token 7 none: as of a character of several tokens. */
const letters: TextTokenizer = {
  encode: (text) => ({ ids: Array.from(text, (c) => c.charCodeAt(0) - 60) }),
  decodeStream: () => {
    let open = ''
    return {
      push: (id) => {
        if (id === 7) {
          open += '?'
          return ''
        }
        const text = open + String.fromCharCode(id + 60)
        open = ''
        return text
      },
      flush: () => open,
    }
  },
}
const lettersOf = (ids: readonly number[]): string => ids.map((id) => String.fromCharCode(id + 60)).join('')

const tokensOf = async (...args: Parameters<typeof models.generate>): Promise<readonly (readonly number[])[]> =>
  (await models.collect(models.generate(...args))).map(({ tokens }) => tokens)

describe('greedy, as transformers', () => {
  test.each(recorded.greedy)('$family $options', async ({ family, options, prompts, tokens }) => {
    const [model, params] = await openWriter(family)
    const settings = { ...ourOptions(options), maxNewTokens: 14 }
    expect(await tokensOf(model, params, prompts, settings)).toEqual(tokens)
    // Each row alone, in a cache that grows at nearly every token.
    for (const [i, prompt] of prompts.entries()) {
      expect(await tokensOf(model, params, prompt, { ...settings, cacheBlock: 17 })).toEqual([tokens[i]])
    }
  })
})

describe('filters leave exactly what those of transformers leave', () => {
  const { logits, tokens, cases, penalties } = recorded.filters
  const scores = np.array(logits)
  const text = np.array(tokens, { dtype: 'int32' })
  const made: { readonly [name: string]: (value: number) => LogitsProcessor } = {
    topK: models.topK,
    topP: models.topP,
    minP: models.minP,
  }

  test.each(cases)('$name $value', ({ name, value, kept }) => {
    const out = made[name]!(value)(scores, text).toArray() as number[][]
    const found = out.map((row) => row.flatMap((x, i) => (x > -Infinity ? [i] : [])))
    // Which of equal scores topP leaves is not said: scores are compared then, and not their places.
    const values = (sets: readonly number[][]) =>
      sets.map((set, i) => set.map((j) => logits[i]![j]!).sort((x, y) => x - y))
    if (name === 'topP') expect(values(found)).toEqual(values(kept))
    else expect(found).toEqual(kept)
    for (const [i, row] of found.entries()) for (const j of row) expect(out[i]![j]).toBe(scores.at(i, j).get().item())
  })

  test.each(penalties)('repetitionPenalty $value', ({ value, logits: expected }) => {
    const out = models.repetitionPenalty(value)(scores, text)
    expect(np.max(np.abs(np.subtract(out, np.array(expected)))).item()).toBeLessThan(1e-6)
    const padded = np.pad(
      text,
      [
        [0, 0],
        [3, 2],
      ],
      { constantValues: -1 },
    )
    expect(models.repetitionPenalty(value)(scores, padded).toArray()).toEqual(out.toArray())
  })
})

describe('beams, as transformers', () => {
  test.each(recorded.beams)(
    '$family $numBeams $options',
    async ({ family, numBeams, eos, options, prompts, beams }) => {
      const [model, params] = await openWriter(family)
      const settings = { ...ourOptions(options), numBeams, eos, maxNewTokens: 9 }
      for (const cacheBlock of [256, 17]) {
        const found = await models.generateBeams(model, params, prompts, { ...settings, cacheBlock })
        const [tokens, expected] = [found, beams].map((rows) => rows.map((all) => all.map((beam) => beam.tokens)))
        expect(tokens).toEqual(expected)
        beams.forEach((all, i) => {
          all.forEach(({ score }, j) => {
            expect(Math.abs(found[i]![j]!.score - score)).toBeLessThan(1e-5 * Math.abs(score))
          })
        })
      }
    },
  )

  test('one beam is greedy, and texts come without what ends them', async () => {
    const [model, params] = await open('gpt2')
    const prompt = lettersOf([33, 8])
    const settings = { tokenizer: letters, eos: [30], maxNewTokens: 9 }
    const [row] = await models.collect(models.generate(model, params, prompt, settings))
    const [[beam] = []] = await models.generateBeams(model, params, prompt, { ...settings, numBeams: 1 })
    expect(beam!.tokens).toEqual(row!.tokens)
    expect(beam!.text).toBe(lettersOf([11, 2, 34, 34]))
    expect(row!.text).toBe(beam!.text)
  })
})

describe('sampling', () => {
  test('is the same for the same key, whatever the block, and of likely tokens only', async () => {
    const [model, params] = await open('llama')
    await fc.assert(
      fc.asyncProperty(fc.nat(100), fc.integer({ min: 1, max: 4 }), async (seed, k) => {
        const options = { key: random.key(seed), topK: k, maxNewTokens: 6 }
        const [tokens = []] = await tokensOf(model, params, [5, 6], options)
        expect(await tokensOf(model, params, [5, 6], { ...options, cacheBlock: 17 })).toEqual([tokens])
        const { logits } = model.apply(params, { inputIds: [[5, 6, ...tokens]] })
        tokens.forEach((token, i) => {
          const order = np.argsort(logits.at(0, i + 1).get(), { descending: true })
          expect((order.toArray() as number[]).slice(0, k)).toContain(token)
        })
      }),
      { numRuns: 6 },
    )
  })

  test('follows the distribution of the filtered scores: chi-squared of 4,000 draws', async () => {
    const [model, params] = await open('llama')
    const prompt = [5, 17, 9]
    const { logits } = model.apply(params, { inputIds: [prompt] }, { logitsToKeep: 1 })
    const options = { temperature: 2, topK: 6, maxNewTokens: 1 }
    const last = logits.at(':', 0).get()
    const likely = nn
      .softmax(models.topK(6)(np.divide(last, 2), np.zeros([1, 1], { dtype: 'int32' })))
      .toArray() as number[][]
    const counts = new Map<number, number>()
    const rows = Array.from({ length: 500 }, () => prompt)
    for (let seed = 0; seed < 8; seed++) {
      for (const [token] of await tokensOf(model, params, rows, { ...options, key: random.key(seed) })) {
        counts.set(token!, (counts.get(token!) ?? 0) + 1)
      }
    }
    const expected = likely[0]!.flatMap((p, token) => (p > 0 ? [[token, p * 4000] as const] : []))
    expect(expected).toHaveLength(6)
    expect([...counts.keys()].every((token) => expected.some(([known]) => known === token))).toBe(true)
    const chi = expected.reduce((sum, [token, n]) => sum + ((counts.get(token) ?? 0) - n) ** 2 / n, 0)
    // Five degrees of freedom: 25.7 has a probability of 1e-4.
    expect(chi).toBeLessThan(25.7)
  })

  test('temperature 0 with a key is greedy', async () => {
    const [model, params] = await open('qwen3')
    const greedy = await tokensOf(model, params, [5, 6], { maxNewTokens: 4 })
    const options = { maxNewTokens: 4, key: random.key(0), temperature: 0, topK: 3 }
    expect(await tokensOf(model, params, [5, 6], options)).toEqual(greedy)
  })
})

describe('a model that reads one text and writes another', () => {
  test('samples the same for the same key, beside other rows and with any padding of what is read', async () => {
    const [model, params] = await openWriter('t5-lm')
    const options = { key: random.key(3), temperature: 2, maxNewTokens: 6 }
    const tokens = await tokensOf(model, params, [5, 6, 1], options)
    expect(await tokensOf(model, params, [5, 6, 1], { ...options, cacheBlock: 3 })).toEqual(tokens)
    const greedy = await tokensOf(model, params, [5, 6, 1], { maxNewTokens: 6 })
    const long = Array.from({ length: 21 }, (_, i) => 3 + i)
    const [row] = await tokensOf(model, params, [[5, 6, 1], long], { maxNewTokens: 6 })
    expect([row]).toEqual(greedy)
  })

  test('gives its memory back', async () => {
    const [model, params] = await openWriter('t5-lm')
    const used = (): number => (devices()[0] as WasmDevice).memory.arrays
    await tokensOf(model, params, [5, 6, 1], { maxNewTokens: 3 })
    const before = used()
    await tokensOf(model, params, [5, 6, 1], { maxNewTokens: 3 })
    await models.generateBeams(model, params, [5, 6, 1], { maxNewTokens: 3, numBeams: 2 })
    // Arrays of other tests may be collected meanwhile.
    expect(used()).toBeLessThanOrEqual(before)
  })
})

describe('one step for all lengths', () => {
  /** Is called while a program is written, and not when it runs. */
  const counting = (): readonly [LogitsProcessor, () => number] => {
    let traces = 0
    const process: LogitsProcessor = (logits) => {
      traces++
      return logits
    }
    return [process, () => traces]
  }

  test('prompts of different lengths and 40 tokens of each: two programs, of a prompt and of a token', async () => {
    const [model, params] = await open('llama')
    const [process, traces] = counting()
    for (const length of [1, 2, 5, 11, 16]) {
      await tokensOf(model, params, Array<number>(length).fill(5), { processors: [process], maxNewTokens: 40 })
    }
    expect(traces()).toBe(2)
  })

  test('a cache that grows makes one more for each of its sizes', async () => {
    const [model, params] = await open('llama')
    const [process, traces] = counting()
    const run = () => tokensOf(model, params, [5, 6], { processors: [process], maxNewTokens: 60, cacheBlock: 20 })
    const tokens = await run()
    // A prompt in room for 20, tokens in room for 20, 40, 60 and 80.
    expect(traces()).toBe(5)
    expect(await run()).toEqual(tokens)
    expect(traces()).toBe(5)
    expect(await tokensOf(model, params, [5, 6], { maxNewTokens: 60 })).toEqual(tokens)
  })
})

describe('ends', () => {
  const prompt = [11, 60, 4]
  // 2, 34, 34, 24, 34, 34, 5, 34, 34, 34, 5, ...
  const generate = async (options: GenerateOptions) => {
    const [model, params] = await open('gpt2')
    const [row] = await models.collect(models.generate(model, params, prompt, { maxNewTokens: 9, ...options }))
    return row!
  }

  test('at a token, at a length, at a rule', async () => {
    expect(await generate({ eos: 24 })).toEqual({ tokens: [2, 34, 34, 24], text: '', finish: 'eos' })
    expect((await generate({})).finish).toBe('length')
    const rule = await generate({ stop: [(tokens) => tokens.length === 3] })
    expect(rule).toEqual({ tokens: [2, 34, 34], text: '', finish: 'stop' })
  })

  test('at text, which is not part of it; what may become it is held back', async () => {
    const [model, params] = await open('gpt2')
    const stop = lettersOf([34, 34, 5])
    const texts: string[] = []
    for await (const { text } of models.generate(model, params, prompt, {
      stop,
      tokenizer: letters,
      maxNewTokens: 9,
    })) {
      texts.push(text)
    }
    const [a, b] = [lettersOf([2]), lettersOf([34, 34, 24])]
    expect(texts).toEqual([a, '', '', b, '', '', ''])
    const row = await generate({ stop: [lettersOf([24, 34, 99])], tokenizer: letters })
    expect(row.text).toBe(lettersOf([2, 34, 34, 24, 34, 34, 5, 34, 34]))
    const rule = await generate({ stop: [(_, text) => text.endsWith(lettersOf([24]))], tokenizer: letters })
    expect(rule.text).toBe(lettersOf([2, 34, 34, 24]))
  })

  test('where the model has no more positions', async () => {
    const row = await generate({ maxNewTokens: 100 })
    expect(row.tokens).toHaveLength(18)
    expect(row.finish).toBe('length')
    const [model, params] = await open('gpt2')
    const whole = model.apply(params, { inputIds: [[...prompt, ...row.tokens.slice(0, 17)]] }, { logitsToKeep: 1 })
    expect(np.argmax(whole.logits.at(0, 0).get()).item()).toBe(row.tokens[17])
  })

  test('unfinished characters come at the end', async () => {
    const process: LogitsProcessor = (logits) => np.where(np.equal(np.arange(logits.shape[1]!), 7), 100, logits)
    const row = await generate({ processors: [process], tokenizer: letters, maxNewTokens: 3 })
    expect(row).toEqual({ tokens: [7, 7, 7], text: '???', finish: 'length' })
  })

  test('the tokenizer says what ends a text, unless it is said otherwise', async () => {
    const tokenizer = { ...letters, eosIds: [24] }
    expect((await generate({ tokenizer })).finish).toBe('eos')
    expect((await generate({ tokenizer, eos: [] })).finish).toBe('length')
  })

  test('other rows go on, and are what they are alone', async () => {
    const [model, params] = await open('gpt2')
    const prompts = [[33, 8], prompt, [5, 17, 9, 40, 23]]
    const alone = []
    for (const one of prompts) alone.push(...(await tokensOf(model, params, one, { eos: 24, maxNewTokens: 8 })))
    expect(await tokensOf(model, params, prompts, { eos: 24, maxNewTokens: 8 })).toEqual(alone)
  })
})

describe('memory and aborts', () => {
  test('leaving the loop gives the cache back', async () => {
    const [model, params] = await open('llama')
    const used = (): number => (devices()[0] as WasmDevice).memory.arrays
    const first = models.generate(model, params, [5, 6], { maxNewTokens: 4, cacheBlock: 4096 })
    await first.next()
    await first.return()
    const before = used()
    for await (const { token } of models.generate(model, params, [5, 6], { cacheBlock: 4096 })) {
      expect(token).toBeGreaterThanOrEqual(0)
      expect(used()).toBeGreaterThan(before + 4096 * 4)
      break
    }
    expect(used()).toBeLessThanOrEqual(before)
  })

  test('an aborted signal ends it with its reason, between tokens and before the first', async () => {
    const [model, params] = await open('llama')
    const controller = new AbortController()
    const seen: number[] = []
    const run = async (): Promise<void> => {
      for await (const { token } of models.generate(model, params, [5], {
        signal: controller.signal,
        maxNewTokens: 999,
      })) {
        seen.push(token)
        if (seen.length === 3)
          setTimeout(() => {
            controller.abort(new Error('enough'))
          }, 0)
      }
    }
    await expect(run()).rejects.toThrow('enough')
    expect(seen.length).toBeGreaterThanOrEqual(3)
    expect(seen.length).toBeLessThan(999)
    await expect(run()).rejects.toThrow('enough')
    const beams = models.generateBeams(model, params, [5], { signal: controller.signal })
    await expect(beams).rejects.toThrow('enough')
  })
})

describe('mistakes have names', () => {
  test.each<readonly [string, models.Prompt, object, RegExp]>([
    ['no tokens', [], {}, /prompt 0 is empty/],
    ['no tokens in a row', [[5], []], {}, /prompt 1 is empty/],
    ['no rows of text', [''], { tokenizer: letters }, /prompt 0 is empty/],
    ['fractions', [1.5], {}, /whole numbers from 0 on/],
    ['text without a tokenizer', 'ABC', {}, /needs \{ tokenizer \}/],
    ['too long', Array<number>(21).fill(5), {}, /the model has 20 positions, and a prompt 21 tokens/],
    ['k', [5], { topK: 0, key: random.key(0) }, /topK must be a whole number, 1 or above/],
    ['p', [5], { topP: 0, key: random.key(0) }, /topP must be a number above 0 and not above 1/],
    ['p', [5], { topP: 1.1, key: random.key(0) }, /topP must be a number above 0 and not above 1/],
    ['min p', [5], { minP: -0.1, key: random.key(0) }, /minP must be a number from 0 to 1/],
    ['temperature', [5], { temperature: -1, key: random.key(0) }, /temperature must be a number not below 0/],
    ['sampling without a key', [5], { topP: 0.5 }, /topP is for sampling, which needs \{ key/],
    ['a penalty of nothing', [5], { repetitionPenalty: 0 }, /repetitionPenalty must be a number above 0/],
    ['no tokens to make', [5], { maxNewTokens: 0 }, /maxNewTokens must be a whole number, 1 or above/],
    ['stops of text without a tokenizer', [5], { stop: 'x' }, /needs \{ tokenizer \}/],
    ['an option that is none', [5], { topk: 3 }, /there is no option 'topk'. Did you mean topK/],
  ])('%s', async (_, prompt, options, message) => {
    const [model, params] = await open('gpt2')
    const run = () => models.generate(model, params, prompt, options)
    expect(run).toThrow(ArgumentError)
    expect(run).toThrow(message)
  })

  test('of beams', async () => {
    const [model, params] = await open('gpt2')
    const run = (options: BeamOptions) => models.generateBeams(model, params, [5], options)
    await expect(run({ numBeams: 0 })).rejects.toThrow(/numBeams must be a whole number, 1 or above/)
    await expect(run({ numBeams: 40 })).rejects.toThrow(/k must be from 0 to the last extent/)
    await expect(models.generateBeams(model, params, [], {})).rejects.toThrow(/prompt 0 is empty/)
  })

  test.each([
    [() => models.temperature(0), /temperature: it must be a number above 0, got 0/],
    [() => models.topK(1.5), /topK: it must be a whole number from 1 on, got 1.5/],
    [() => models.topP(NaN), /topP: it must be a number above 0 and not above 1, got NaN/],
    [() => models.minP(2), /minP: it must be a number from 0 to 1, got 2/],
    [() => models.repetitionPenalty(-1), /repetitionPenalty: it must be a number above 0, got -1/],
  ])('of processors: %s', (make, message) => {
    expect(make).toThrow(ArgumentError)
    expect(make).toThrow(message)
  })
})

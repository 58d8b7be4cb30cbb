/** Files of adapters that someone else wrote: whatever is in them, loading gives an adapter or a Left, and never throws. */
import * as fc from 'fast-check'
import type { Either } from 'fp-ts/lib/Either.js'
import { np, random } from 'pullback'
import { encodeSafetensors } from 'pullback/io'
import { bitfit, bottleneck, prefixTuning, promptTuning } from 'pullback/train'
import { describe, expect, test } from 'vitest'
import { begun, llama } from '../../support/tiny.ts'

type Files = ReadonlyMap<string, Uint8Array>

const params = begun(llama)
const { cacheShape } = llama
const withBias = { dense: { weight: np.ones([4, 3]), bias: np.zeros([4]) } }
const bytes = (x: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(x))
const filesOf = (config: unknown, tensors: Parameters<typeof encodeSafetensors>[0]): Files =>
  new Map([
    ['adapter_config.json', bytes(config)],
    ['adapter_model.safetensors', encodeSafetensors(tensors)],
  ])

const small = bottleneck.init(random.key(0), withBias, { modules: 'dense', size: 2 })
const layers = Object.entries(small.weights['dense']!).map(([name, x]) => [`dense.${name}`, x] as const)

/** Of each method files that load, and how they are loaded. */
const methods: readonly (readonly [
  string,
  Files,
  (files: Files) => Promise<Either<{ readonly _tag: string }, unknown>>,
])[] = [
  [
    'prompt tuning',
    filesOf(
      { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 2, modules_to_save: null },
      { prompt_embeddings: np.ones([2, 8]) },
    ),
    (files) => promptTuning.load(files, params)(),
  ],
  [
    'prefix tuning',
    filesOf(
      {
        peft_type: 'PREFIX_TUNING',
        num_virtual_tokens: 2,
        num_layers: 3,
        num_attention_heads: cacheShape.numKeyValueHeads,
        modules_to_save: ['lm_head'],
      },
      { prompt_embeddings: np.ones([2, 24]), 'base_model.lm_head.weight': params.lm_head!.weight },
    ),
    (files) => prefixTuning.load(files, params, { cacheShape })(),
  ],
  [
    'bottleneck',
    filesOf(
      { method: 'bottleneck', size: 2, activation: 'relu', modules: ['dense'], leaves: [] },
      Object.fromEntries(layers),
    ),
    (files) => bottleneck.load(files, withBias)(),
  ],
  [
    'bitfit',
    filesOf({ method: 'bitfit', leaves: ['dense.bias'] }, { 'dense.bias': np.ones([4]) }),
    (files) => bitfit.load(files, withBias)(),
  ],
]

const tags = ['AdapterError', 'Malformed', 'Access', 'Unsupported', 'Missing']

describe.each(methods)('%s', (_, files, load) => {
  const config = JSON.parse(new TextDecoder().decode(files.get('adapter_config.json'))) as Record<string, unknown>
  const outcome = async (changed: Files): Promise<string> => {
    const loaded = await load(changed)
    return loaded._tag === 'Right' ? 'Right' : loaded.left._tag
  }

  test('as it is, it loads', async () => {
    expect(await outcome(files)).toBe('Right')
  })

  test('any value in the place of any setting', async () => {
    const change = fc.tuple(fc.constantFrom(...Object.keys(config)), fc.jsonValue())
    await fc.assert(
      fc.asyncProperty(change, async ([key, value]) => {
        const changed = new Map([...files, ['adapter_config.json', bytes({ ...config, [key]: value })]])
        expect(['Right', ...tags]).toContain(await outcome(changed))
      }),
      { numRuns: 150 },
    )
  })

  test('bytes changed or cut off', async () => {
    const change = fc.record({ name: fc.constantFrom(...files.keys()), at: fc.double({ min: 0, max: 0.999, noNaN: true }), byte: fc.nat(255), cut: fc.boolean() }) // prettier-ignore
    await fc.assert(
      fc.asyncProperty(change, async ({ name, at, byte, cut }) => {
        const whole = files.get(name)!
        const place = Math.floor(at * whole.length)
        const changed = cut ? whole.slice(0, place) : whole.with(place, byte)
        const result = await outcome(new Map([...files, [name, changed]]))
        expect(cut ? tags : ['Right', ...tags]).toContain(result)
      }),
      { numRuns: 200 },
    )
  })

  test('integers where floats are trained', async () => {
    const name =
      config['peft_type'] === undefined
        ? config['method'] === 'bitfit'
          ? 'dense.bias'
          : 'dense.down_bias'
        : 'prompt_embeddings'
    const changed = encodeSafetensors({ [name]: np.ones([2], { dtype: 'int32' }) })
    expect(await outcome(new Map([...files, ['adapter_model.safetensors', changed]]))).toBe('AdapterError')
  })
})

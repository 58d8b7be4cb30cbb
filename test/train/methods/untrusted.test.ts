import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as fc from 'fast-check'
import { loadModel } from 'pullback/models'
import { loadAdapter } from 'pullback/train'
import { expect, test } from 'vitest'
import { get } from '../../io/support/recorded.ts'

const data = resolve(import.meta.dirname, 'data')
const models = resolve(import.meta.dirname, '../../models/data')
const runs = Number(process.env['PULLBACK_FUZZ'] ?? 300)

const { params, model } = await get(loadModel(join(models, 'bert-sequence')))

const names = ['bert-lora', 'bert-dora', 'bert-ia3', 'bert-vera'] as const

const read = (name: string, file: string): Uint8Array => new Uint8Array(readFileSync(join(data, name, file)))

/** The task ends in an Either, in time, and never throws. */
const answers = async (config: Uint8Array, weights: Uint8Array): Promise<'Left' | 'Right'> => {
  const files = new Map([
    ['adapter_config.json', config],
    ['adapter_model.safetensors', weights],
  ])
  const started = Date.now()
  const result = await loadAdapter(files, params, { model })()
  expect(Date.now() - started).toBeLessThan(2000)
  if (result._tag === 'Left') expect(result.left.message.length).toBeLessThan(5000)
  return result._tag
}

const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  byte: fc.nat(255),
  cut: fc.boolean(),
})

const mutated = (bytes: Uint8Array, { at, byte, cut }: { at: number; byte: number; cut: boolean }): Uint8Array => {
  const place = Math.floor(at * bytes.length)
  if (cut) return bytes.slice(0, place)
  const copy = bytes.slice()
  copy[place] = byte
  return copy
}

test.each(names)('%s with mutated bytes: a Left or a whole adapter, never thrown', async (name) => {
  const [config, weights] = [read(name, 'adapter_config.json'), read(name, 'adapter_model.safetensors')]
  await fc.assert(
    fc.asyncProperty(mutation, fc.boolean(), async (change, inConfig) => {
      await (inConfig ? answers(mutated(config, change), weights) : answers(config, mutated(weights, change)))
    }),
    { numRuns: runs },
  )
})

const wild: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(null, -1, 0, 1e300, 'all-linear', 'x'.repeat(5000), '(a|a)*b', '.*'.repeat(50), ['query'], {}, [[]]),
  fc.string(),
)

test.each(names)('%s with wild values in the configuration', async (name) => {
  const config = JSON.parse(new TextDecoder().decode(read(name, 'adapter_config.json'))) as object
  const weights = read(name, 'adapter_model.safetensors')
  const keys = Object.keys(config)
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.constantFrom(...keys), fc.string()), wild, async (key, value) => {
      const changed = { ...config, [key]: value }
      await answers(new TextEncoder().encode(JSON.stringify(changed)), weights)
    }),
    { numRuns: runs },
  )
})

/**
 * Configurations that nobody wrote for us: `modelOfConfig` ends in a model or a `ConfigError`, never in an exception, and allocates
 * nothing of what they ask for. There are many families: 200 of each are tried, and with `PULLBACK_MUTATIONS=100000` as many.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { modelOfConfig } from 'pullback/models'
import { MUTATIONS, timeFor } from '../io/support/mutations.ts'

interface Json {
  readonly [key: string]: unknown
}

const data = resolve(import.meta.dirname, 'data')
const configs = readdirSync(data).map(
  (family) => [family, JSON.parse(readFileSync(join(data, family, 'config.json'), 'utf8')) as Json] as const,
)

const COUNT = process.env['PULLBACK_MUTATIONS'] === undefined ? 200 : MUTATIONS

/** What `JSON.parse` reads without a stack, and few others do. */
const deep: unknown = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)

/** Values that a key may have by mistake or by malice: of other kinds, at the ends of what numbers are, and nested. */
const values = fc.oneof(
  fc.constantFrom(
    0,
    -1,
    1,
    2,
    0.5,
    1e-320,
    2 ** 31,
    2 ** 53,
    1e308,
    -0,
    null,
    true,
    '',
    'gelu',
    '__proto__',
    [],
    {},
    [deep],
    1n,
  ),
  fc.integer(),
  fc.double(),
  fc.jsonValue({ maxDepth: 3 }),
)

const keysOf = (config: Json): readonly [string, ...string[]] =>
  [...Object.keys(config), '__proto__', 'rope_scaling', 'num_labels'] as unknown as readonly [string, ...string[]]

const tryConfig = (json: unknown): void => {
  const model = modelOfConfig(json)
  if (model._tag === 'Right') {
    expect(model.right.inputs.length).toBeGreaterThan(0)
    return
  }
  expect(model.left._tag).toBe('Config')
  expect(model.left.message).not.toBe('')
  expect(model.left.message.length).toBeLessThan(4000)
}

describe.each(configs)('%s', (_, config) => {
  test(
    `${COUNT} other configurations`,
    () => {
      const changes = fc.array(fc.tuple(fc.constantFrom(...keysOf(config)), values), { minLength: 1, maxLength: 3 })
      fc.assert(
        fc.property(changes, (list) => {
          tryConfig({ ...config, ...Object.fromEntries(list) })
        }),
        { numRuns: COUNT },
      )
    },
    timeFor(COUNT),
  )
})

test.each(configs)('%s: every number at the largest that a size may be', (_, config) => {
  const numbers = Object.keys(config).filter((key) => typeof config[key] === 'number')
  for (const key of numbers) tryConfig({ ...config, [key]: Number.MAX_SAFE_INTEGER })
  tryConfig({ ...config, ...Object.fromEntries(numbers.map((key) => [key, Number.MAX_SAFE_INTEGER])) })
})

test.each(['model_type', 'architectures', 'hidden_size', 'id2label', 'rope_scaling', 'problem_type'])(
  'deep nesting in %s',
  (key) => {
    tryConfig({ model_type: 'llama', [key]: deep })
    tryConfig({ model_type: 'bert', [key]: { a: deep } })
  },
)

test('anything else', () => {
  fc.assert(fc.property(fc.anything(), tryConfig), { numRuns: MUTATIONS })
})

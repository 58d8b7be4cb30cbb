/** Adapters of virtual tokens through the command line, as PEFT computes them: see test/train/virtual/record.py. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { NDArray } from 'pullback'
import { np } from 'pullback'
import { openTensors, readTensors, writeSafetensors } from 'pullback/io'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { get } from '../io/support/recorded.ts'
import { pullback } from './support/commandLine.ts'

const data = resolve(import.meta.dirname, '../train/virtual/data')
const models = resolve(import.meta.dirname, '../models/data')

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pullback-virtual-'))
})
afterAll(() => {
  rmSync(directory, { recursive: true })
})

const arraysOf = async (path: string) => get(readTensors(await get(openTensors(path))))

/** The largest difference, over the largest value where that is more than 1. */
const off = (x: NDArray, y: NDArray): number =>
  np.max(np.abs(np.subtract(x, y))).item() / Math.max(1, np.max(np.abs(x)).item())

/** Tensors whose names have a beginning, without it. */
const under = (prefix: string, tensors: { readonly [name: string]: NDArray }): { readonly [name: string]: NDArray } =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, x]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), x]] : [])),
  )

const cases = readdirSync(data)
const modelOf = (name: string): string =>
  join(models, name.replace(/^[a-z]+-/, '').replace(/-(projected|lstm|left)$/, ''))

test('all that is recorded is compared', () => {
  expect(cases.length).toBe(24)
})

describe.each(cases)('%s', (name) => {
  test('has the outputs and the gradients of PEFT', async () => {
    const expected = await arraysOf(join(data, name, 'case.safetensors'))
    const [inputs, out] = [join(directory, `${name}.in.safetensors`), join(directory, `${name}.out.safetensors`)]
    await get(writeSafetensors(inputs, under('input.', expected)))
    const gradients = under('grad.', expected)
    const hasLoss = Object.keys(gradients).length > 0
    const run = ['forward', '--model', modelOf(name), '--adapter', join(data, name), '--inputs', inputs, '--out', out]
    expect(await pullback(...run, ...(hasLoss ? ['--grads'] : []))).toMatchObject({ code: 0, err: '' })
    const made = await arraysOf(out)
    for (const [key, x] of Object.entries(under('output.', expected))) {
      expect(made[key]?.shape, key).toEqual(x.shape)
      expect(off(x, made[key]!), key).toBeLessThan(1e-5)
    }
    for (const [key, gradient] of Object.entries(gradients)) {
      expect(made[`grad.${key}`]?.shape, key).toEqual(gradient.shape)
      expect(off(gradient, made[`grad.${key}`]!), key).toBeLessThan(1e-5)
    }
    expect(Object.keys(under('grad.', made)).sort()).toEqual(Object.keys(gradients).sort())
  })
})

test('there is nothing to merge', async () => {
  const [adapter, model] = [join(data, 'prompt-llama'), modelOf('prompt-llama')]
  const merged = await pullback('merge', '--model', model, '--adapter', adapter, '--out', join(directory, 'merged'))
  expect(merged.code).toBe(1)
  expect(merged.err).toMatch(/prompt-llama has virtual tokens.*nothing to merge/)
})

test('an encoder has no cache for a prefix', async () => {
  const [adapter, model] = [join(data, 'prefix-gpt2'), modelOf('prompt-bert')]
  const [inputs, out] = [join(directory, 'none.safetensors'), join(directory, 'none.out.safetensors')]
  await get(writeSafetensors(inputs, { input_ids: np.ones([1, 2], { dtype: 'int32' }) }))
  const run = await pullback(
    ...['forward', '--model', model, '--adapter', adapter, '--task', 'embed', '--inputs', inputs, '--out', out],
  )
  expect(run.code).toBe(1)
  expect(run.err).toMatch(/prefix-gpt2 is a prefix, which stands in the cache of a decoder; BertModel has none/)
})

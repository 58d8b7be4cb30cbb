/** `pullback forward --adapter` on recorded adapters of PEFT: what is computed, and the gradients under the names of files. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { writeSafetensors } from 'pullback/io'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { arraysOf, get } from '../io/support/recorded.ts'
import { familyOf } from '../train/methods/support/families.ts'
import { succeed } from './support/commandLine.ts'
import { off, under } from './support/tensors.ts'

const data = resolve(import.meta.dirname, '../train/methods/data')
const models = resolve(import.meta.dirname, '../models/data')

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pullback-forward-'))
})
afterAll(() => {
  rmSync(directory, { recursive: true })
})

const cases = readdirSync(data).filter((name) => name !== 'bert-combined')

describe.each(cases)('%s', (name) => {
  test('has the outputs and the gradients of PEFT; the model needs no tokenizer', async () => {
    const expected = await arraysOf(join(data, name, 'expected.safetensors'))
    const [inputs, out] = [join(directory, `${name}.in.safetensors`), join(directory, `${name}.out.safetensors`)]
    await get(writeSafetensors(inputs, { ...under('input.', expected), ...under('label.', expected) }))
    const model = join(models, familyOf(name))
    await succeed(
      'forward',
      '--model',
      model,
      '--adapter',
      join(data, name),
      '--inputs',
      inputs,
      '--out',
      out,
      '--grads',
    )
    const made = await arraysOf(out)
    expect(off(expected['tuned']!, made['logits']!)).toBeLessThan(1e-5)
    expect(off(expected['loss']!, made['loss']!)).toBeLessThan(1e-5)
    const gradients = under('grad.', expected)
    for (const [key, gradient] of Object.entries(gradients)) {
      expect([key, off(gradient, made[`grad.${key}`]!) < 1e-5]).toEqual([key, true])
    }
    // Tied factors have no gradients of their own in PEFT.
    if (name !== 'llama-tied') {
      expect(Object.keys(under('grad.', made)).sort()).toEqual(Object.keys(gradients).sort())
    }
  })
})

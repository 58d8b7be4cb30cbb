/** Objectives against PyTorch, transformers and the formulas of trl (record.py): values, gradients and metrics. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { grad, jit, np } from 'pullback'
import type { NDArray } from 'pullback'
import * as train from 'pullback/train'
import type { Objective, PairLogProbs } from 'pullback/train'
import { largest } from '../support.ts'

type Numbers = number | readonly Numbers[]
interface Case {
  readonly objective: string
  readonly inputs: { readonly [name: string]: Numbers }
  readonly options: { readonly [name: string]: unknown }
  readonly loss: number
  readonly gradients: { readonly [name: string]: Numbers }
  readonly metrics: { readonly [name: string]: number }
}

const text = readFileSync(join(import.meta.dirname, 'data/goldens.json'), 'utf8')
const { cases } = JSON.parse(text) as { readonly cases: readonly Case[] }

interface Inputs {
  readonly [name: string]: NDArray
}

const integers = new Set(['labels'])
const arrayOf = (name: string, value: Numbers, objective: string): NDArray =>
  np.array(value, integers.has(name) && objective !== 'multiLabelClassification' ? { dtype: 'int32' } : {})

const pairOf = (inputs: Inputs, prefix: string): PairLogProbs => ({
  chosen: { total: inputs[`${prefix}.chosen.total`]!, tokens: inputs[`${prefix}.chosen.tokens`]! },
  rejected: { total: inputs[`${prefix}.rejected.total`]!, tokens: inputs[`${prefix}.rejected.tokens`]! },
})

const optionsOf = ({ options, objective }: Case): object =>
  Object.fromEntries(
    Object.entries(options).map(([name, x]) => [name, Array.isArray(x) ? arrayOf(name, x as Numbers, objective) : x]),
  )

/** The objective of a case, with its arrays where its parameters are. */
const objectiveOf = (c: Case, inputs: Inputs): Objective => {
  const options = optionsOf(c)
  const [first, second] = Object.values(inputs) as [NDArray, NDArray]
  switch (c.objective) {
    case 'dpo':
      return train.dpo(
        pairOf(inputs, 'policy'),
        'reference.chosen.total' in inputs ? pairOf(inputs, 'reference') : null,
        options,
      )
    case 'cpo':
      return train.cpo(pairOf(inputs, 'policy'), options)
    case 'simpo':
      return train.simpo(pairOf(inputs, 'policy'), options)
    case 'orpo':
      return train.orpo(pairOf(inputs, 'policy'), options)
    case 'contrastive':
      return train.contrastive(first, second, options)
    case 'distillation':
      return train.distillation(first, second, options)
    case 'regression':
      return train.regression(first, second, options)
    default: {
      const classes = train[c.objective as 'causalLM'] as (logits: NDArray, labels: NDArray, o: object) => Objective
      return classes(first, second, options)
    }
  }
}

const label = ({ objective, options }: Case): string =>
  `${objective} ${Object.entries(options).map(([k, v]) => `${k}=${Array.isArray(v) ? 'array' : String(v)}`).join(' ')}` // prettier-ignore

describe.each(['cosine', 'other'] as const)('%s', (group) => {
  const members = cases.filter((c) => (c.objective === 'contrastive') === (group === 'cosine'))
  test.each(members.map((c, i) => [`${i} ${label(c)}`, c] as const))('%s', (_, c) => {
    const inputs = Object.fromEntries(Object.entries(c.inputs).map(([k, v]) => [k, arrayOf(k, v, c.objective)]))
    const found = objectiveOf(c, inputs)
    expect(Math.abs(found.loss.item() - c.loss)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(c.loss)))
    expect(np.divide(found.total, found.weight).item()).toBe(found.loss.item())
    for (const [name, value] of Object.entries(c.metrics)) {
      expect(found.metrics[name]!.item(), name).toBeCloseTo(value, 4)
    }
    const wanted = Object.entries(c.gradients)
    expect(wanted.length).toBeGreaterThan(0)
    for (const [name, expected] of wanted) {
      const by = (x: NDArray): NDArray => objectiveOf(c, { ...inputs, [name]: x }).loss
      const reference = np.array(expected)
      for (const g of [grad(by), jit(grad(by))]) {
        expect(largest(np.subtract(g(inputs[name]!), reference)), name).toBeLessThanOrEqual(
          2e-5 * Math.max(0.1, largest(reference)),
        )
      }
    }
  })
})

test('every objective is recorded', () => {
  const names = ['causalLM', 'maskedLM', 'seq2seq', 'tokenClassification', 'sequenceClassification', 'multiLabelClassification', 'regression', 'contrastive', 'distillation', 'dpo', 'cpo', 'simpo', 'orpo'] // prettier-ignore
  expect([...new Set(cases.map((c) => c.objective))].sort()).toEqual([...names].sort())
})

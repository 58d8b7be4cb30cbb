import { describe, expect, test } from 'vitest'
import { importProblems } from '../../scripts/support/imports.ts'

const problems = (files: Readonly<{ [file: string]: string }>): readonly string[] =>
  importProblems(new Map(Object.entries(files)))

describe('layers', () => {
  test('a file may import from layers below and from its own folder', () => {
    const text = "import { f } from '../core/f.ts'\nimport { g } from './g.ts'\nexport const h = () => f(g)"
    expect(problems({ 'ir/h.ts': text })).toEqual([])
  })
  test.each([
    ["import { op } from '../ir/op.ts'", '../ir/op.ts'],
    ["import type { Op } from '../ir/op.ts'", '../ir/op.ts'],
    ["export * from '../ir/op.ts'", '../ir/op.ts'],
    ["export const load = () => import('../ir/op.ts')", '../ir/op.ts'],
    ["export type Op = import('../ir/op.ts').Op", '../ir/op.ts'],
  ])('no import points up: %s', (text, name) => {
    expect(problems({ 'core/f.ts': text })).toEqual([`src/core/f.ts:1 imports ${name}: ir is not a layer below core`])
  })
  test('folders of one layer do not know each other', () => {
    expect(problems({ 'passes/f.ts': "import '../transforms/stage.ts'" })).toHaveLength(1)
  })
  test('every folder is in a layer', () => {
    const unknown = 'is in no layer; add it to scripts/support/imports.ts'
    expect(problems({ 'wasm/f.ts': 'export {}' })).toEqual([`src/wasm/f.ts: wasm ${unknown}`])
    expect(problems({ 'api/f.ts': "import '../wasm/f.ts'" })).toEqual([
      `src/api/f.ts:1 imports ../wasm/f.ts: wasm ${unknown}`,
    ])
  })
})

describe('circles', () => {
  const b = "import { a } from './a.ts'\nexport const b = a"
  test('of values are found', () => {
    expect(problems({ 'core/a.ts': "import { b } from './b.ts'\nexport const a = b", 'core/b.ts': b })).toEqual([
      'a circle of imports: core/a.ts -> core/b.ts -> core/a.ts',
    ])
  })
  test('of types are none', () => {
    expect(problems({ 'core/a.ts': "import type { b } from './b.ts'\nexport const a = 1", 'core/b.ts': b })).toEqual([])
  })
})

describe('the world outside', () => {
  test.each([
    "import 'node:fs'",
    "import fs from 'fs'",
    "import { none } from 'fp-ts/lib/Option.js'",
    "import 'lodash'",
  ])('is not imported: %s', (text) => {
    expect(problems({ 'core/f.ts': text })).toHaveLength(1)
  })
  test('except for types of fp-ts, and fast-check in testing', () => {
    expect(problems({ 'core/f.ts': "import type { Option } from 'fp-ts/lib/Option.js'" })).toEqual([])
    expect(problems({ 'testing/f.ts': "import fc from 'fast-check'" })).toEqual([])
    expect(problems({ 'api/f.ts': "import fc from 'fast-check'" })).toHaveLength(1)
  })
  test.each(['process.env.X', 'globalThis.process', 'Buffer.from([1])', '__dirname', "require('fs')"])(
    'has globals that are not used: %s',
    (text) => {
      expect(problems({ 'core/f.ts': `export const x = ${text}` })).toEqual([
        expect.stringMatching(/^src\/core\/f.ts:1 uses \w+, which a browser does not have$/),
      ])
    },
  )
  test('has globals whose names properties may bear', () => {
    expect(problems({ 'core/f.ts': 'export const x = (y: { process: 1 }) => ({ process: y.process })' })).toEqual([])
  })
})

describe('operations of a family', () => {
  const family = {
    'ops/linalg.ts': 'export const qr = 1',
    'primitives/linalg/operations.ts': "import * as ops from '../../ops/linalg.ts'\nexport const qr = ops.qr",
  }
  const missing = (file: string): readonly string[] => [
    `src/${file} imports ops/linalg.ts, of which primitives/linalg/operations.ts has the records: import that instead`,
  ]
  test('are applied above the rules by way of their records', () => {
    expect(problems({ ...family, 'api/f.ts': "import { qr } from '../primitives/linalg/operations.ts'" })).toEqual([])
    expect(problems({ ...family, 'api/f.ts': "import { qr } from '../ops/linalg.ts'" })).toEqual(missing('api/f.ts'))
  })
  test('are applied by rules that are loaded with them', () => {
    const rule = { 'primitives/rule.ts': "import { qr } from '../ops/linalg.ts'\nexport const rule = qr" }
    const registry = { 'primitives/registry.ts': "import { rule } from './rule.ts'\nexport const records = rule" }
    const other = {
      'primitives/otherOperations.ts':
        "import { rule } from './rule.ts'\nimport { qr } from './linalg/operations.ts'\nexport const r = [rule, qr]",
    }
    expect(problems({ ...family, ...rule, ...registry })).toEqual(missing('primitives/rule.ts'))
    expect(problems({ ...family, ...rule, ...other })).toEqual([])
  })
})

import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { describe, expect, test } from 'vitest'
import { listedCells, mutableCells } from '../../scripts/support/cells.ts'

const root = resolve(import.meta.dirname, '../..')
const cells = (files: Readonly<{ [file: string]: string }>): readonly string[] =>
  mutableCells(new Map(Object.entries(files)))

describe('mutable cells', () => {
  test.each([
    ['let n = 0', true],
    ['export let n: number | undefined', true],
    ['const n = new Map<string, number>()', true],
    ['const n = new WeakMap()', true],
    ['const n = new LruMap(16)', true],
    ['const n: string[] = []\nexport const f = (x: string) => n.push(x)', true],
    ['export const n = { a: 1 }\nexport const f = () => { n.a = 2 }', true],
    ["export const n = { a: 1 }\nexport const f = () => { n['a'] += 2 }", true],
    ['export const n = {}\nObject.assign(n, { a: 1 })', true],
    ['export const n = 1', false],
    ["const n = new Set(['a'])\nexport const f = (x: string) => n.has(x)", false],
    ['const n = [1, 2]\nexport const f = () => n.map((x) => x)', false],
    ['declare const n: unique symbol', false],
    ['const n = floats\nexport const f = () => n.add(1, 2)', false],
    ['export const f = () => { let n = 0; n++; return n }', false],
  ])('%s', (text, isCell) => {
    expect(cells({ 'core/f.ts': text })).toEqual(isCell ? ['core/f.ts n'] : [])
  })
  test('are static fields that are not readonly', () => {
    const text = 'class C {\n  static count = 0\n  static #hidden = 0\n  static readonly zero = 0\n  x = 0\n}'
    expect(cells({ 'core/c.ts': text })).toEqual(['core/c.ts C.count', 'core/c.ts C.#hidden'])
  })
  test('are constants that another file writes into', () => {
    const write = "import { settings } from '../core/s.ts'\nexport const f = () => { settings.nans = true }"
    const unrelated = "import { settings } from './s.ts'\nexport const g = () => settings"
    const files = { 'core/s.ts': 'export const settings = { nans: false }', 'api/f.ts': write }
    expect(cells(files)).toEqual(['core/s.ts settings'])
    expect(cells({ ...files, 'api/s.ts': 'export const settings = {}', 'api/g.ts': unrelated })).toHaveLength(1)
  })
  test('of the library are those that the docs list', () => {
    const names = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'))
    const files = new Map(names.map((f) => [f.replaceAll(sep, '/'), readFileSync(join(root, 'src', f), 'utf8')]))
    const listed = listedCells(readFileSync(join(root, 'docs/how-it-works.md'), 'utf8'))
    expect([...listed].sort()).toEqual([...mutableCells(files)].sort())
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { peakMemory, tableOf, weightBytes } from '../../examples/support/runs.ts'

test('runs are rows of a table of Markdown, each as wide as the others', () => {
  const run = { f1: 0.9571, accuracy: 0.97, trained: 74498, bytes: 298_000, memory: 1.75e9, seconds: 575.4, stepSeconds: 1.9 }
  const lines = tableOf([{ ...run, name: 'LoRA' }, { ...run, name: 'from nothing', trained: 22_713_986 }]).split('\n')
  expect(lines[2]).toBe('| LoRA         | 0.957 |    0.970 |     74,498 | 0.3 MB |     1750 MB | 575 s |      1.90 s |')
  expect(new Set(lines.map((line) => line.length)).size).toBe(1)
}) // prettier-ignore

test('the size of what was saved is that of its weights; memory is counted in bytes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'runs-'))
  writeFileSync(join(folder, 'model.safetensors'), new Uint8Array(100))
  writeFileSync(join(folder, 'config.json'), '{}')
  expect(weightBytes(folder)).toBe(100)
  rmSync(folder, { recursive: true })
  expect(peakMemory()).toBeGreaterThanOrEqual(process.memoryUsage().rss / 2)
  expect(peakMemory()).toBeLessThan(1e12)
})

/** Small programs that users write, strict and without a cast: they compile with every TypeScript that is supported, and work. */
import { readdirSync, readFileSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { run as characterGpt } from './programs/characterGpt.ts'
import { run as firstNetwork } from './programs/firstNetwork.ts'
import { run as gaussianProcess } from './programs/gaussianProcess.ts'
import { run as hmc } from './programs/hmc.ts'
import { run as kalman } from './programs/kalman.ts'
import { run as maml } from './programs/maml.ts'
import { run as optaxPort } from './programs/optaxPort.ts'
import { run as pinn } from './programs/pinn.ts'
import { run as pipeline } from './programs/pipeline.ts'
import { run as propertyTests } from './programs/propertyTests.ts'
import { run as resumedCnn } from './programs/resumedCnn.ts'
import { run as vae } from './programs/vae.ts'

describe('programs that users write', () => {
  it('maml learns to learn', () => {
    const { before, after } = maml(150)
    expect(after).toBeLessThan(before / 2)
  })

  it('hmc finds the posterior', () => {
    const { slope, scale, accepted } = hmc(400)
    expect(accepted).toBeGreaterThan(0.6)
    expect(Math.abs(slope - 2)).toBeLessThan(0.25)
    expect(Math.abs(scale - 0.3)).toBeLessThan(0.1)
  })

  it('kalman filters, and finds the noise', () => {
    const { raw, filtered, noise } = kalman(150)
    expect(filtered).toBeLessThan(raw / 2)
    expect(Math.abs(noise - 0.3)).toBeLessThan(0.06)
  })

  it('vae finds the circle', () => {
    const { start, end, divergence } = vae(300)
    expect(end).toBeLessThan(start / 5)
    expect(divergence).toBeGreaterThan(0.5)
  })

  it('pinn solves an equation', () => {
    const { before, after } = pinn(400)
    expect(after).toBeLessThan(Math.min(0.05, before / 10))
  })

  it('gaussian process fits its hyperparameters', () => {
    const { before, after, noise, error } = gaussianProcess(150)
    expect(after).toBeLessThan(before - 10)
    expect(Math.abs(noise - 0.1)).toBeLessThan(0.05)
    expect(error).toBeLessThan(0.2)
  })

  it('a GPT learns a text by heart', () => {
    const { losses, before, after, text } = characterGpt(150)
    // It begins with knowing nothing: all characters are alike.
    expect(losses[0]).toBeCloseTo(Math.log(new Set(text).size), 0)
    // The first characters of a window do not tell what comes next.
    expect(losses.at(-1)).toBeLessThan(0.25)
    expect(before).not.toBe(text)
    expect(after).toBe(text)
  })

  it('a CNN that was saved half-way goes on as if it had not been', () => {
    const { straight, resumed, same, accuracy, damaged } = resumedCnn(60)
    expect(resumed).toEqual(straight)
    expect(same).toBe(true)
    expect(accuracy).toBeGreaterThan(0.95)
    expect(damaged).toBe('Damaged')
  })

  it('a recipe of optax trains', () => {
    const result = optaxPort({ steps: 150, peak: 2e-2 })
    expect(result.after).toBeLessThan(result.before / 20)
    expect(result.averaged).toBeLessThan(result.before / 20)
    expect(result.refused).toBe(1)
    // One gradient was refused, so that the last four are three; and at the first step the rate is 0.
    expect(result.changes).toBe(148)
    expect(result.rates[0]).toBeCloseTo(2e-2, 8)
    expect(result.rates[1]).toBeCloseTo(2e-4, 8)
  })

  it('property tests hold, and find a wrong rule', () => {
    const { tested, wrong } = propertyTests(10)
    expect(tested.filter((property) => property.failed)).toEqual([])
    expect(wrong).toMatch(/^checkGrads: vjp along a random direction/)
  })

  it('a pipeline reports, and its failures are values', async () => {
    const { report, gaps, said } = await pipeline()
    // yield = 2 temperature - pressure + 1/2
    expect(report).toMatchObject({ _tag: 'Right', right: { rows: 4 } })
    if (report._tag === 'Right') {
      expect(report.right.error).toBeLessThan(1e-6)
      report.right.weights.forEach((w, i) => { expect(w).toBeCloseTo([2, -1, 0.5][i] ?? NaN, 3) }) // prettier-ignore
    }
    expect(gaps).toMatchObject({ _tag: 'Right', right: { rows: 6 } })
    expect(said).toEqual([
      'cannot read none.csv',
      'line 3 is not a row: 1,high,3',
      '1 rows are too few',
      expect.stringMatching(/^training diverged/),
      expect.stringMatching(/^the model cannot be restored/),
    ])
  })

  it('a first network is drawn, and its chain rule is the gradient', () => {
    const { predictions, mermaid, opened, dot, slopes } = firstNetwork(300)
    expect(predictions).toEqual([false, true, true, false])
    for (const text of [mermaid, dot]) {
      for (const name of ['params[0].kernel', 'params[2].bias', 'sigmoidBinaryCrossEntropy'])
        expect(text).toContain(name)
    }
    expect(mermaid).toContain('∂')
    expect(opened).toContain('subgraph')
    expect(slopes.map(([name]) => name)).toEqual(['hidden.b', 'hidden.w', 'out.b', 'out.w'])
    for (const [, fromGraph, fromGrad] of slopes) expect(fromGraph).toBeCloseTo(fromGrad, 5)
  })

  const folder = new URL('programs/', import.meta.url)
  it.each(readdirSync(folder))('%s has no cast, no any, no doubt and no silenced error', (name) => {
    const text = readFileSync(new URL(name, folder), 'utf8')
    const tricks: string[] = []
    const visit = (node: ts.Node): void => {
      const isConst = ts.isAsExpression(node) && node.type.getText() === 'const'
      const isTrick =
        (ts.isAsExpression(node) && !isConst) ||
        ts.isTypeAssertionExpression(node) ||
        ts.isNonNullExpression(node) ||
        node.kind === ts.SyntaxKind.AnyKeyword
      if (isTrick) tricks.push(node.getText())
      ts.forEachChild(node, visit)
    }
    visit(ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true))
    expect(tricks).toEqual([])
    expect(text).not.toMatch(/@ts-|eslint-/)
  })
})

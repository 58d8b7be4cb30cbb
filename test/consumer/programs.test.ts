/** Small programs that users write, strict and without a cast: they compile with every TypeScript that is supported, and work. */
import { readdirSync, readFileSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { run as gaussianProcess } from './programs/gaussianProcess.ts'
import { run as hmc } from './programs/hmc.ts'
import { run as kalman } from './programs/kalman.ts'
import { run as maml } from './programs/maml.ts'
import { run as pinn } from './programs/pinn.ts'
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

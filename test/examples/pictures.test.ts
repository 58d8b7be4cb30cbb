import { nn, np, random } from 'pullback'
import { assertClose } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { drawCurves } from '../../examples/support/curves.ts'
import { drawGradientNorms, gradientNorms } from '../../examples/support/gradientNorms.ts'
import { drawHeatMap } from '../../examples/support/heatMap.ts'

const [time, batch, features] = [5, 3, 4]

describe('gradientNorms', () => {
  const xs = random.normal(random.key(1), [time, batch, features])

  it('of a linear network are powers of its matrix: all one where that is orthogonal', () => {
    // h' = x + h U for an orthogonal U: every input reaches the end turned, but as long as it was.
    const identity: nn.Initializer = (_key, [n]) => np.eye(n!)
    const cell = nn.simpleCell(features, features, { activation: nn.identity, kernelInit: identity })
    const norms = gradientNorms(cell, xs, random.key(0))
    const [, forDirection] = random.split(random.key(0))
    const length = np.linalg.norm(random.normal(forDirection, [features])).item()
    assertClose('norms', np.array(norms), np.full([time], length))
  })

  it('shrink by half at each step where the matrix does', () => {
    const scaled =
      (by: number): nn.Initializer =>
      (_key, [n]) =>
        np.multiply(by, np.eye(n!))
    const options = { activation: nn.identity, kernelInit: scaled(1), recurrentInit: scaled(0.5) }
    const norms = gradientNorms(nn.simpleCell(features, features, options), xs, random.key(0))
    norms.slice(1).forEach((norm, t) => {
      expect(norms[t]! / norm).toBeCloseTo(0.5, 5)
    })
  })
})

/** What is written in a picture. */
const textsOf = (svg: string): readonly string[] => [...svg.matchAll(/<text[^>]*>([^<]+)<\/text>/g)].map((m) => m[1]!)

describe('pictures', () => {
  it('are SVG files', () => {
    expect(drawCurves('Loss', [{ epoch: 1, value: 2, curve: 'training' }])).toMatch(
      /^<svg[^>]* xmlns="http:\/\/www.w3.org\/2000\/svg"/,
    )
  })

  it('of weights name each row and column, also those that come up again, and write what is large', () => {
    const texts = textsOf(
      drawHeatMap({
        title: 'OTTO',
        rows: { label: 'phonemes', names: ['AA', 'T', 'OW'] },
        columns: { label: 'letters', names: ['O', 'T', 'T', 'O'] },
        weights: [
          [0.99, 0.01, 0, 0],
          [0, 0.62, 0.38, 0],
          [0, 0, 0.04, 0.96],
        ],
      }),
    )
    expect(texts.filter((text) => /^[A-Z]{1,2}$/.test(text)).sort()).toEqual(['AA', 'O', 'O', 'OW', 'T', 'T', 'T'])
    expect(texts.filter((text) => /^\d+$/.test(text))).toEqual(['99', '62', '38', '96'])
  })

  it('of gradients name each line, and powers of ten', () => {
    const texts = textsOf(drawGradientNorms('Gradients', { fading: [1e-4, 1e-2, 1], steady: [1, 1, 1] }))
    expect(texts).toEqual(expect.arrayContaining(['fading', 'steady', '10⁰', '10⁻⁴']))
  })
})

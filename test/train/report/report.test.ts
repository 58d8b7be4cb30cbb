/** The report: what is in it, that it is nothing but one page, and that names and texts stay texts. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { np } from 'pullback'
import type { NDArray } from 'pullback'
import { memoryStore, metricsFile, report, train } from 'pullback/train'
import type { Step } from 'pullback/train'
import { drawCurves, smoothed } from '../../../src/train/report/curves.ts'
import { cellsOf, colourAt, drawHeatMap } from '../../../src/train/report/heatMap.ts'
import { reportPage } from '../../../src/train/report/page.ts'
import { linearScale, logScale, stepScale } from '../../../src/train/report/scale.ts'
import { get } from '../../io/support/recorded.ts'
import { streamOf } from '../support/streams.ts'
import { parsePage } from './pages.ts'

const lines = (steps: number) =>
  Array.from({ length: steps }, (_, i) => ({
    step: i + 1,
    metrics: {
      loss: Math.exp(-i / 40) + 0.2 * Math.sin(i * 7),
      learningRate: 1e-3 * (1 - i / steps),
      gradNorm: i === 50 ? NaN : 10 ** Math.cos(i / 20),
      ...Object.fromEntries(Array.from({ length: 12 }, (__, layer) => [`gradNorm/encoder.layer.${layer}`, layer === 3 ? 0 : 10 ** (-layer / 3 + Math.sin(i / 9))])), // prettier-ignore
      ...(i % 20 === 0 ? { 'eval/loss': Math.exp(-i / 40), 'eval/accuracy': 1 - Math.exp(-i / 40) } : {}),
    },
  }))

const page = (steps: number) =>
  reportPage({
    title: 'A run',
    lines: lines(steps),
    ending: 'Ended.',
    plan: 'trained  1,024\nfrozen   9',
    layers: 'gradNorm/',
  })

const document = parsePage(page(200))

describe('the page', () => {
  test('has curves of all metrics, the heat map, and the plan', () => {
    const headings = Array.from(document.querySelectorAll('h2'), (h) => h.textContent)
    expect(headings).toEqual([
      'Loss',
      'Learning rate',
      'Gradient norm',
      'Gradient norm by layer and step',
      'accuracy',
      'Plan',
    ])
    expect(document.querySelectorAll('svg').length).toBe(5)
    expect(document.querySelector('pre')?.textContent).toContain('trained  1,024')
    expect(document.querySelectorAll('rect').length).toBeGreaterThan(12 * 90)
    expect(document.querySelectorAll('.bad').length).toBe(1)
  })

  test('needs no script and no network', () => {
    expect(page(200)).not.toMatch(/<script|<link|<img|@import|url\(|src=|href=/)
    expect(
      page(200)
        .match(/https?:\/\/[^"]*/g)
        ?.every((url) => url === 'http://www.w3.org/2000/svg'),
    ).toBe(true)
    expect(page(200)).toContain('prefers-color-scheme:dark')
  })

  test('does not grow with the number of steps', () => {
    expect(page(20_000).length).toBeLessThan(600_000)
  })

  test('texts stay texts', () => { fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }).map((s) => `${s}<script>alert(1)</script>"'&`), (evil) => {
        const text = reportPage({ title: evil, lines: [{ step: 1, metrics: { [evil]: 1, [`gradNorm/${evil}`]: 2, loss: 1 } }], ending: evil, plan: evil, layers: 'gradNorm/' })
        expect(text).not.toContain('<script')
        expect(parsePage(text).querySelector('pre')?.textContent).toContain('<script>alert(1)</script>"\'&')
      }),
      { numRuns: 50 },
    ); }) // prettier-ignore

  test('of nothing, of one step, and of no finite number', () => {
    for (const some of [[], lines(1), [{ step: 1, metrics: { loss: NaN, 'gradNorm/a': Infinity } }]]) {
      const text = reportPage({ title: 't', lines: some, ending: '', plan: '', layers: 'gradNorm/' })
      expect(text).not.toMatch(/NaN"|Infinity"|undefined/)
    }
  })
})

describe('pictures', () => {
  const place = fc.double({ min: -1e6, max: 1e6, noNaN: true })

  test('ticks are inside, in order, and few', () => {
    fc.assert(
      fc.property(place, place, (a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        fc.pre(high - low > 1e-9 * Math.max(1, Math.abs(high)))
        const { ticks, at } = linearScale([low, high], [0, 100])
        expect(ticks.length).toBeGreaterThan(0)
        expect(ticks.length).toBeLessThan(12)
        for (const { value } of ticks) expect(at(value)).toBeGreaterThanOrEqual(-1e-3)
        for (const { value } of ticks) expect(at(value)).toBeLessThanOrEqual(100 + 1e-3)
      }),
    )
    expect(stepScale([1, 3], [0, 1]).ticks.map(({ label }) => label)).toEqual(['1', '2', '3'])
    expect(stepScale([7, 7], [0, 1]).ticks.map(({ label }) => label)).toEqual(['7'])
    expect(logScale([0.01, 1000], [0, 1]).ticks.map(({ label }) => label)).toEqual([
      '0.01',
      '0.1',
      '1',
      '10',
      '100',
      '1000',
    ])
  })

  test('smoothing keeps a constant, and has no bias at the beginning', () => {
    const points = Array.from({ length: 50 }, (_, i) => ({ step: i, value: i === 7 ? NaN : 3 }))
    expect(smoothed(points, 0.95).every(({ value }) => Math.abs(value - 3) < 1e-12)).toBe(true)
  })

  test('smoothing weighs what is around by its distance, at the ends as in the middle', () => {
    const values = [1, 4, 9, 16]
    const expected = values.map((_, i) => {
      const weights = values.map((__, j) => 0.5 ** Math.abs(i - j))
      return values.reduce((sum, x, j) => sum + weights[j]! * x, 0) / weights.reduce((a, b) => a + b)
    })
    const found = smoothed(values.map((value, step) => ({ step, value })), 0.5) // prettier-ignore
    found.forEach(({ value }, i) => {
      expect(value).toBeCloseTo(expected[i]!, 12)
    })
  })

  test('what never changes is a number, not a picture; a rate that was chosen is drawn as it is', () => {
    const constant = lines(40).map(({ step, metrics }) => ({ step, metrics: { ...metrics, weight: 16, odd: step === 9 ? NaN : 1 } }))
    const text = reportPage({ title: 'A run', lines: constant, ending: '', plan: '', layers: 'gradNorm/' })
    const headings = Array.from(parsePage(text).querySelectorAll('h2'), (h) => h.textContent)
    expect(headings).not.toContain('weight')
    expect(headings).toContain('odd')
    expect(text).toContain('<th>weight</th><td>16 at each step</td>')
    const rate = [1, 2, 3].map((step) => ({ step, value: 10 ** (-3 * step) }))
    expect(drawCurves('rate', [{ name: 'rate', points: rate }])).toContain('(logarithmic)')
    expect(drawCurves('rate', [{ name: 'rate', points: rate, isExact: true }])).not.toContain('(logarithmic)')
  }) // prettier-ignore

  test('spikes survive thinning', () => {
    const points = Array.from({ length: 50_000 }, (_, i) => ({ step: i, value: i === 31_234 ? 100 : 1 }))
    const paths = drawCurves('loss', [{ name: 'loss', points }])!
    const top = Math.min(...Array.from(paths.matchAll(/[ML][\d.]+ ([\d.]+)/g), ([, y]) => Number(y)))
    expect(top).toBeLessThan(20)
  })

  test('cells are peaks of their stretch; layers are in the order of their numbers', () => {
    const cells = cellsOf('g/', Array.from({ length: 500 }, (_, i) => ({ step: i, metrics: { 'g/l.10': 1, 'g/l.2': i === 77 ? 9 : 2 } })))!
    expect(cells.values[1]!.filter((x) => x === 9).length).toBe(1)
    expect(cells.values[0]!.length).toBeLessThanOrEqual(120)
    const order = Array.from(drawHeatMap('g/', [{ step: 1, metrics: { 'g/l.10': 1, 'g/l.2': 2 } }])!.matchAll(/>(l\.\d+)</g), ([, name]) => name)
    expect(order).toEqual(['l.2', 'l.10'])
  }) // prettier-ignore

  test('colours grow lighter', () => {
    const light = (place: number) => Array.from(colourAt(place).matchAll(/\d+/g), Number).reduce((a, b) => a + b, 0)
    expect(light(0)).toBeLessThan(light(0.5))
    expect(light(0.5)).toBeLessThan(light(1))
  })
})

describe('the hook', () => {
  const step: Step<NDArray, NDArray> = (n, x) => [n.add(1), { loss: x }]
  const data = (...xs: readonly number[]) => streamOf(xs.map((x) => np.array(x, { dtype: 'float32' })))
  const zero = () => np.array(0, { dtype: 'float32' })

  test('writes the page when the run is over, also when it failed', async () => {
    const files = new Map<string, Uint8Array>()
    const hooks = [report('out/report.html', { store: memoryStore(files), title: 'mine', plan: 'the plan' })]
    await train(step, zero(), data(1, NaN), { hooks })()
    const text = Buffer.from(files.get('out/report.html')!).toString()
    expect(text).toContain('Ended: train: step 2: loss is NaN.')
    expect(text).toContain('the plan')
  })

  test('of a run that went on, has its beginning', async () => {
    const files = new Map<string, Uint8Array>()
    const store = memoryStore(files)
    const hooks = [
      metricsFile('out/m.jsonl', { store }),
      report('out/report.html', { store, metricsFile: 'out/m.jsonl' }),
    ]
    const first = await get(train(step, zero(), data(1, 2, 3), { steps: 2, hooks }))
    await get(train(step, zero(), data(1, 2, 3), { from: first, hooks }))
    expect(Buffer.from(files.get('out/report.html')!).toString()).toContain('over steps 1 to 3')
  })
})

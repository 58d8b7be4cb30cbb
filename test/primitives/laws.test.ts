import * as fc from 'fast-check'
import type { Sample } from 'pullback/testing'
import { operations, primitiveLaws, samples } from 'pullback/testing'
import { describe, it } from 'vitest'

const seeds = fc.nat({ max: 1000 })

// A pullback alone (customVjp) says nothing of forward derivatives of forward derivatives.

/** Operations through which no derivative flows, whatever differences give. */
const cut: readonly string[] = ['stopGradient', 'filler', 'bitcast', 'nextafter', 'callback']

const floats = ['float32', 'float64', 'float16', 'bfloat16'] as const
/** Of the dtypes that are widened, fewer samples do. */
const runs = (float: (typeof floats)[number], most: number): number => (float.endsWith('16') ? most / 2 : most)

describe.each(operations)('%s', (op) => {
  it.each(['float32', 'float64'] as const)('gives true values (%s)', (float) => {
    primitiveLaws.valuesAreTrue(op, float)
  })

  it.each(floats)('gives results of its declared types, compiled too (%s)', (float) => {
    fc.assert(
      fc.property(samples(op, { float }), (sample) => {
        primitiveLaws.typeIsTrue(sample)
        primitiveLaws.jitAgrees(sample)
      }),
      { numRuns: runs(float, 60) },
    )
  })

  const smooth = samples(op, { float: 'float64', smooth: true })

  if (cut.includes(op)) {
    it('has derivative zero by definition', () => {
      fc.assert(fc.property(smooth, primitiveLaws.derivativesAreZero), { numRuns: 25 })
    })
  } else {
    it('has the derivatives that differences give, to the second order', () => {
      const agree = (sample: Sample): void => {
        primitiveLaws.derivativesAgree(sample, op === 'customVjp' ? { modes: ['rev'] } : {})
      }
      fc.assert(fc.property(smooth, agree), { numRuns: 25 })
    })
  }

  it.each(floats)('has a linear jvp and a vjp adjoint to it (%s)', (float) => {
    const numRuns = runs(float, 40)
    fc.assert(fc.property(samples(op, { float }), seeds, primitiveLaws.derivativesAreAdjoint), { numRuns })
  })

  it.each(floats)('is mapped over every axis as a loop maps it (%s)', (float) => {
    const numRuns = runs(float, 30)
    fc.assert(fc.property(samples(op, { float, maxRank: 4 }), seeds, primitiveLaws.vmapAgrees), { numRuns })
  })

  it('has derivatives that are mapped as a loop maps them', () => {
    const low = samples(op, { float: 'float64', smooth: true, maxRank: 3 })
    fc.assert(fc.property(low, seeds, primitiveLaws.vmapOfDerivativesAgrees), { numRuns: 20 })
  })
})

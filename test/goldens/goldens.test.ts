/** Pullback against JAX: the same functions on the same inputs. */
import { hessian, jvp, vjp } from 'pullback'
import type { NDArray } from 'pullback'
import { describe, expect, test } from 'vitest'
import { differences, roundings } from './differences.ts'
import { resolve } from './functions.ts'
import type { Case, Json } from './replay.ts'
import { applyNamed, decode, difference, readTopic } from './replay.ts'

/** The case as a function of the arguments that it is differentiated by. */
const differentiated = (c: Case) => {
  const args = c.args.map(decode)
  const wrt = c.wrt ?? [0]
  const options = c.options === undefined ? [] : [decode(c.options)]
  const f = (...primals: NDArray[]): NDArray => {
    const full = [...args]
    wrt.forEach((place, i) => (full[place] = primals[i]))
    return resolve(c.fn)!(...full, ...options) as NDArray
  }
  return { f, primals: wrt.map((i) => args[i] as NDArray) }
}

const modes: { readonly [M in NonNullable<Case['mode']>]: (c: Case) => unknown } = {
  jvp: (c) => {
    const { f, primals } = differentiated(c)
    return jvp(f, primals, decode(c.seed as Json) as NDArray[])
  },
  vjp: (c) => {
    const { f, primals } = differentiated(c)
    const [, pullback] = vjp(f, ...primals)
    return pullback(decode(c.seed as Json) as NDArray)
  },
  hessian: (c) => {
    const { f, primals } = differentiated(c)
    return hessian(f)(...(primals as [NDArray]))
  },
}

const replay = (c: Case): unknown => (c.mode === undefined ? applyNamed(c.fn, c.args, c.options) : modes[c.mode](c))

// Derivatives pass through more roundings than values.
const tolerances: { readonly [topic: string]: { readonly rtol: number; readonly atol: number } } = {
  'derivatives-numpy': { rtol: 1e-5, atol: 2e-6 },
  'derivatives-nn': { rtol: 1e-5, atol: 2e-6 },
  'derivatives-awkward': { rtol: 1e-5, atol: 2e-6 },
  attention: { rtol: 1e-9, atol: 1e-10 },
  control: { rtol: 1e-9, atol: 1e-9 },
  convolution: { rtol: 1e-9, atol: 1e-10 },
  'second-order': { rtol: 5e-5, atol: 5e-6 },
}

const topics = [
  'numpy-creation',
  'numpy-elementwise',
  'numpy-contraction',
  'numpy-reduction',
  'numpy-movement',
  'indexing',
  'integers',
  'promotion',
  'random',
  'nn',
  'losses',
  'derivatives-numpy',
  'derivatives-nn',
  'derivatives-awkward',
  'second-order',
  'random-cases',
  'reductions-where',
  'control',
  'attention',
  'linalg',
  'convolution',
  'numpy-numeric',
  'numpy-pieces',
  'lax-derived',
  'numpy-edges',
  'narrow',
]

describe.each(topics)('%s', (topic) => {
  for (const c of readTopic(topic).cases) {
    const reason = differences[c.name]
    test(reason === undefined ? c.name : `${c.name} (differs from JAX: ${reason})`, () => {
      const found = difference(replay(c), c.out, roundings[c.name] ?? c.tol ?? tolerances[topic])
      if (reason === undefined) expect(found).toBeNull()
      else expect(found).not.toBeNull()
    })
  }
})

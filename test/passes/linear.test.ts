/**
 * Programs four times as long take four times the work: all passes, the derivative and the compiler. Work is counted, not timed:
 * every read of an equation's operation, operands or results, and of a variable's type.
 */
import type { NDArray, Program } from 'pullback'
import { checkProgram, evalProgram, grad, makeProgram, np, optimize, printProgram } from 'pullback'
import { describe, expect, test } from 'vitest'
import { compile } from '../../src/backends/wasm/compile.ts'
import type { Variable } from '../../src/ir/program.ts'
import { Literal } from '../../src/ir/program.ts'
import { cse } from '../../src/passes/cse.ts'
import { dce } from '../../src/passes/dce.ts'
import { fold } from '../../src/passes/fold.ts'
import { inline } from '../../src/passes/inline.ts'
import { simplify } from '../../src/passes/simplify.ts'

const shapes: { readonly [name: string]: (n: number) => (x: NDArray) => NDArray } = {
  'a chain': (n) => (x) => {
    let y = x
    for (let i = 0; i < n / 2; i++) y = np.add(np.sin(y), 1)
    return np.sum(y)
  },
  'a wide sum of products': (n) => (x) => {
    let level = Array.from({ length: Math.floor(n / 3) }, (_, i) => np.sin(np.multiply(x, i + 1)))
    while (level.length > 1) {
      level = level.flatMap((y, i) => (i % 2 === 1 ? [] : [i + 1 < level.length ? np.add(y, level[i + 1]!) : y]))
    }
    return np.sum(level[0]!)
  },
  'a running sum': (n) => (x) => {
    let y = x
    for (let i = 0; i < n / 2; i++) y = np.add(y, np.multiply(x, i + 1))
    return np.sum(y)
  },
  'one value used again and again': (n) => (x) => {
    const u = np.sin(x)
    let y = x
    for (let i = 0; i < n / 2; i++) y = np.add(np.multiply(y, u), u)
    return np.sum(y)
  },
}

/** The program, with nothing remembered, and a count of what is read of it. */
const counted = (program: Program): { readonly program: Program; readonly reads: () => number } => {
  let reads = 0
  const counting = (object: object, key: string, value: unknown): void => {
    Object.defineProperty(object, key, {
      enumerable: true,
      get: () => {
        reads++
        return value
      },
    })
  }
  const variables = new Set<Variable>(program.inputs)
  const equations = program.equations.map((eqn) => {
    for (const v of [...eqn.inputs, ...eqn.outputs]) if (!(v instanceof Literal)) variables.add(v)
    const copy = { ...eqn }
    for (const key of ['op', 'inputs', 'outputs'] as const) counting(copy, key, eqn[key])
    return copy
  })
  for (const v of variables) counting(v, 'aval', v.aval)
  return { program: program.with({ equations }), reads: () => reads }
}

const features = { relaxed: false, wide: false, shared: false }

const works: { readonly [name: string]: (program: Program) => unknown } = {
  checkProgram: (p) => {
    checkProgram(p)
  },
  printProgram,
  inline,
  simplify,
  fold,
  cse,
  dce,
  optimize,
  grad: (p) => makeProgram(grad((x: NDArray) => evalProgram(p, [x])[0]!))(np.ones([4])),
  compile: (p) => compile(p, features),
}

/** Of programs this short the constant part would still show. */
const SHORT = 600
const seen = (shape: string, n: number, work: (program: Program) => unknown, ofGradient: boolean): number => {
  const f = shapes[shape]!(n)
  const { program, reads } = counted(makeProgram(ofGradient ? grad(f) : f)(np.ones([4])))
  work(program)
  return reads()
}

describe.each(Object.keys(shapes))('%s', (shape) => {
  test.each(Object.keys(works))('%s is linear', (name) => {
    for (const ofGradient of [false, true]) {
      if (ofGradient && name === 'grad') continue
      const [short, long] = [SHORT, 4 * SHORT].map((n) => seen(shape, n, works[name]!, ofGradient))
      expect(short).toBeGreaterThan(SHORT / 2)
      expect(long! / short!).toBeLessThan(4.2)
    }
  })
})

test('a walk that looks back at every equation is noticed', () => {
  const quadratic = ({ equations }: Program): number =>
    equations.filter((eqn, i) => equations.slice(0, i).every((before) => before.outputs[0] !== eqn.inputs[0])).length
  const [short, long] = [100, 400].map((n) => seen('a chain', n, quadratic, false))
  expect(long! / short!).toBeGreaterThan(10)
})

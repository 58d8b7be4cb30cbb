/** Programs from afar: whatever the text or the object, there is a verdict in words, and what passes can be run. */
import * as fc from 'fast-check'
import type { Equation, NDArray } from 'pullback'
import {
  checkProgram,
  equalPrograms,
  equation,
  evalProgram,
  Literal,
  makeProgram,
  np,
  optimize,
  parseProgram,
  printProgram,
  Program,
  PullbackError,
  toDot,
  toMermaid,
  Variable,
  withDevice,
} from 'pullback'
import { operations, programs } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { subprograms } from '../../src/ir/walk.ts'
import { mutatedTexts, soundTexts } from './support/mutations.ts'

/** `PULLBACK_MUTATIONS=100000` tries more than CI does. */
const mutated = Number(process.env['PULLBACK_MUTATIONS'] ?? 2000)
const MOST_WORK = 20_000

/** Elements and steps that a program may take; loops without bound may never end. */
const workOf = (program: Program): number => {
  const sizes = (eqn: Equation): number => [...eqn.inputs, ...eqn.outputs].reduce((sum, { aval }) => sum + aval.size, 1)
  const times = (eqn: Equation): number => (eqn.op === 'while' ? Infinity : eqn.op === 'scan' ? eqn.params.length : 1)
  const ofEquation = (eqn: Equation): number =>
    sizes(eqn) + times(eqn) * subprograms(eqn).reduce((sum, [, inner]) => sum + workOf(inner), 1)
  const inputs = program.inAvals.reduce((sum, { size }) => sum + size, 0)
  return program.equations.reduce((sum, eqn) => sum + ofEquation(eqn), inputs)
}

/** Whether a program passes. Refusals are the library's own errors, foreseen ones: not wrapped around a TypeError. */
const passes = (program: unknown): boolean => {
  try {
    checkProgram(program as Program)
    return true
  } catch (error) {
    if (error instanceof PullbackError && error.cause === undefined) return false
    throw error
  }
}

const argumentsFor = (program: Program): NDArray[] =>
  program.inAvals.map(({ dtype, shape }) => np.ones(shape).astype(dtype))

/** Runs what has passed: the results have the types that were declared. Operations may refuse, by name. */
const run = (program: Program): void => {
  try {
    const results = evalProgram(program, argumentsFor(program))
    results.forEach((y, i) => {
      expect([y.dtype, y.shape, y.dataSync().length]).toEqual([
        program.outAvals[i]!.dtype,
        program.outAvals[i]!.shape,
        program.outAvals[i]!.size,
      ])
    })
  } catch (error) {
    if (!(error instanceof PullbackError)) throw error
  }
}

const use = (program: Program): void => {
  optimize(program)
  toMermaid(program)
  toDot(program)
  if (workOf(program) <= MOST_WORK)
    withDevice('interpreter', () => {
      run(program)
    })
}

describe(`${mutated} texts of programs with mistakes in them`, () => {
  const texts = soundTexts(1)

  it('are refused with the place, or parsed; checked; and run if they pass', () => {
    let [parsed, sound] = [0, 0]
    const seed = process.env['PULLBACK_SEED'] === 'random' ? Date.now() : Number(process.env['PULLBACK_SEED'] ?? 1)
    for (const text of mutatedTexts(texts, mutated, seed)) {
      try {
        const result = parseProgram(text)
        if (result._tag === 'Left') {
          const { message, line, column } = result.left
          expect([typeof message, line >= 1, column >= 1]).toEqual(['string', true, true])
          continue
        }
        parsed++
        const again = parseProgram(printProgram(result.right))
        expect(again._tag === 'Right' && equalPrograms(again.right, result.right)).toBe(true)
        if (!passes(result.right)) {
          expect(() => evalProgram(result.right, argumentsFor(result.right))).toThrow(PullbackError)
          continue
        }
        sound++
        use(result.right)
      } catch (error) {
        throw new Error(`seed ${seed}:\n${text}`, { cause: error })
      }
    }
    // All three ways are taken.
    expect(parsed).toBeGreaterThan(mutated / 20)
    expect(sound).toBeGreaterThan(mutated / 40)
    expect(parsed - sound).toBeGreaterThan(mutated / 100)
  }, 1_000_000)
})

const strange: readonly unknown[] = [
  undefined,
  null,
  NaN,
  -1,
  1.5,
  1e300,
  Infinity,
  10n,
  'x',
  '',
  true,
  Symbol('s'),
  () => 0,
  {},
  [],
  [[]],
  new Array(3),
  [undefined],
  Object.create(null),
  new Map(),
  new Float32Array(2),
  new Literal(1, 'float32'),
  new Literal(1.5, 'int32'),
  new Program({ inputs: [], equations: [], outputs: [] }),
  { equations: 5, outputs: [] },
]

const rebuilt = (parts: object): Program => new Program(parts as ConstructorParameters<typeof Program>[0])
const partsOf = ({ inputs, constants, equations, outputs }: Program): object => ({
  inputs,
  constants,
  equations,
  outputs,
})

/** Each list or object in a value, down to some depth, by what gives a copy of the whole with something else there. */
const places = (value: unknown, depth: number): ((put: unknown) => unknown)[] => {
  const here = (put: unknown): unknown => put
  if (depth === 0 || typeof value !== 'object' || value === null) return [here]
  const copyWith = (key: string, inner: unknown): unknown => {
    if (Array.isArray(value)) return value.with(Number(key), inner) as unknown
    if (value instanceof Program) return rebuilt({ ...partsOf(value), [key]: inner })
    const copy = Object.create(Object.getPrototypeOf(value) as object | null) as object
    return Object.assign(copy, value, { [key]: inner })
  }
  const below = Object.entries(value).flatMap(([key, inner]) =>
    places(inner, depth - 1).map((put) => (x: unknown) => copyWith(key, put(x))),
  )
  return [here, ...below]
}

describe('objects in the place of programs', () => {
  it.each(strange.map((x) => [typeof x, x] as const))('%s', (_, x) => {
    const isProgram = x instanceof Program
    expect(passes(x)).toBe(isProgram)
    if (!isProgram) expect(() => evalProgram(x as Program, [])).toThrow(PullbackError)
  })

  it('plain ones are none, whatever they hold', () => {
    const program = makeProgram((x: NDArray) => np.sin(x))(np.zeros([2]))
    expect(passes(partsOf(program))).toBe(false)
    expect(passes(Object.assign(Object.create(Program.prototype) as object, program))).toBe(false)
    expect(passes(JSON.parse(JSON.stringify(program)))).toBe(false)
  })

  it('with anything at any place of a program of any operation: a verdict, and no other error', () => {
    const plain = operations.filter((op) => op !== 'callback')
    for (const op of plain) {
      const samples = fc.sample(programs({ operations: [op], maxEquations: 1, maxSize: 60 }), { numRuns: 8, seed: 3 })
      const program = samples.map((p) => p.program).find((p) => p.equations.some((e) => e.op === op))
      const all = places(partsOf(program!), 5)
      const { length } = all
      // Some places of each, or all of them.
      all.forEach((put, i) => {
        if (mutated <= 2000 && i % Math.ceil(length / 16) !== 0) return
        for (const x of strange) {
          const parts = put(x)
          if (typeof parts !== 'object' || parts === null) continue
          const broken = rebuilt(parts)
          if (passes(broken)) use(broken)
        }
      })
    }
  }, 120_000)

  it('elements that do not fit their type', () => {
    const program = makeProgram((x: NDArray) => np.array([1, 2]).add(x))(np.zeros([2]))
    const { variable, value } = program.constants[0]!
    for (const data of [new Float32Array(3), new Float64Array(2), [1, 2], undefined]) {
      const broken = program.with({ constants: [{ variable, value: { ...value, data } as typeof value }] })
      expect(() => {
        checkProgram(broken)
      }).toThrow(/constant 0/)
    }
  })
})

/** A program that calls another one, that calls another one, ... */
const tower = (height: number, calls = 1): Program => {
  let program = makeProgram((x: NDArray) => np.sin(x))(np.zeros([2]))
  const { aval } = program.inputs[0]!
  for (let i = 0; i < height; i++) {
    const variables = Array.from({ length: calls + 1 }, () => new Variable(aval))
    const equations = variables.slice(1).map((v, k) => equation('call', { program, name: 'f' }, [variables[k]!], [v]))
    program = new Program({ inputs: [variables[0]!], equations, outputs: [variables[calls]!] })
  }
  return program
}

describe('programs in programs', () => {
  it('may be nested 256 deep, and run', () => {
    const program = tower(256)
    checkProgram(program)
    const parsed = parseProgram(printProgram(program))
    expect(parsed._tag === 'Right' && equalPrograms(parsed.right, program)).toBe(true)
    expect(evalProgram(program, [np.zeros([2])])[0]!.toArray()).toEqual([0, 0])
  })

  it('may be nested 1,000 deep to be printed, 20,000 deep to be checked', () => {
    expect(printProgram(tower(1000)).split('\n').length).toBe(3 * 1000 + 4)
    checkProgram(tower(20_000))
  })

  it('nested deeper are not parsed and not run', () => {
    const program = tower(300)
    expect(() => evalProgram(program, [np.zeros([2])])).toThrow(/300 deep.*256/)
    expect(parseProgram(printProgram(program))).toMatchObject({
      _tag: 'Left',
      left: { message: 'nested deeper than 256' },
    })
  })

  it('shared at every level are checked once', () => {
    checkProgram(tower(200, 2))
  })

  it('that hold themselves are refused', () => {
    const program = tower(2)
    const equations = [{ ...program.equations[0]!, params: { name: 'f', program } } as Equation]
    Object.assign(program, { equations })
    expect(passes(program)).toBe(false)
    expect(() => printProgram(program)).toThrow(/holds itself/)
  })
})

describe('texts without end', () => {
  const head = 'program(a: f32[2]) {\n'
  it.each([
    ['brackets', `${head}  b: f32[2] = reduceSum[axes=${'['.repeat(100_000)}`],
    ['programs', `${head}  b: f32[2] = call[program=`.repeat(50_000)],
    ['quotes', `${head}  b: f32[2] = checkpointName[name=${'"'.repeat(100_001)}`],
    ['backslashes', `${head}  b: f32[2] = checkpointName[name="${'\\'.repeat(100_001)}`],
    ['spaces', `${head}${' '.repeat(1_000_000)}`],
    ['axes', `program(a: f32[${'1,'.repeat(100_000)}1]) {\n  b: f32[] = reduceSum[axes=[0]] a\n  return b\n}`],
    ['digits', `${head}  b: f32[2] = integerPow[exponent=${'9'.repeat(100_000)}] a\n  return b\n}`],
    ['extents', `program(a: f32[9007199254740991,9007199254740991]) {\n  return a\n}`],
  ])('%s', (_, text) => {
    const start = performance.now()
    const parsed = parseProgram(text)
    if (parsed._tag === 'Right') expect(passes(parsed.right)).toBe(false)
    // Seconds, on any machine; quadratic in the length it would be minutes.
    expect(performance.now() - start).toBeLessThan(10_000)
  })
})

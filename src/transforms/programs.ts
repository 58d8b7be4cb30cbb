/**
 * Transforms from program to program: the value transforms, staged. Each result is cached on its source program. The value
 * transforms are exported here, closed over these, for all other code.
 */
import type { Aval } from '../core/aval.ts'
import { ProgramError } from '../core/errors.ts'
import type { Marks } from '../core/marks.ts'
import { countMarks, keyOf, marked, spread, unmarked } from '../core/marks.ts'
import type { Program } from '../ir/program.ts'
import { zerosOf } from '../ops/creation.ts'
import { addAxis, moveAxis } from '../ops/movement.ts'
import { inlineCalls } from '../ir/inline.ts'
import { hasEffect } from '../primitives/registry.ts'
import type { BatchAxis, Derived, ProgramTransforms, Tangent } from '../primitives/primitive.ts'
import type { NDArray } from '../trace/value.ts'
import { applyEquations, applyProgram, initialEnvironment, read } from './apply.ts'
import type { BatchResult } from './batch.ts'
import { batchValues } from './batch.ts'
import { depends, hasMixedEquation } from './depends.ts'
import { hoist } from './hoist.ts'
import type { JvpResult } from './jvp.ts'
import { jvpValues } from './jvp.ts'
import type { LinearMap } from './partial.ts'
import { linearizeValues, splitProgram } from './partial.ts'
import { stage } from './stage.ts'
import { backward, pullCotangents } from './transpose.ts'

type Values = readonly NDArray[]

const noMarks: Marks = []

/** Instantiates symbolic zeros where `forced`. */
const force = (tangents: readonly Tangent[], forced: Marks, avals: readonly Aval[]): Tangent[] =>
  tangents.map((t, i) => (t === null && forced[i] === true ? zerosOf(avals[i]!.strengthen()) : t))

/** Stages a function that returns outputs or nulls, and marks those that are present. */
const stagePresent = (f: (args: Values) => readonly Tangent[], avals: readonly Aval[]): Derived => {
  let out: readonly boolean[] = []
  const { program } = stage(
    'jit',
    (args) => {
      const results = f(args)
      out = results.map((r) => r !== null)
      return results.filter((r) => r !== null)
    },
    avals,
  )
  return { program, out }
}

const jvpProgram = (program: Program, nonzero: Marks, forced: Marks): Derived => {
  const { inAvals, outAvals } = program
  const count = inAvals.length
  let out: readonly boolean[] = []
  const { program: derived } = stagePresent(
    (args) => {
      const tangents = spread(args.slice(count), nonzero)
      const result = jvpValues(
        programTransforms,
        'jvp',
        (primals) => applyProgram(program, primals),
        args.slice(0, count),
        tangents,
      )
      const moved = force(result.tangents, forced, outAvals)
      out = moved.map((t) => t !== null)
      return [...result.outputs, ...moved]
    },
    [...inAvals, ...marked(inAvals, nonzero)],
  )
  return { program: derived, out }
}

/**
 * Cotangents of the inputs in `linear`. An equation that computes known values beside linear ones (the counter of a loop) is
 * split first: only what remains after computing all known values is linear.
 */
const pullCotangentsProgram = (
  program: Program,
  linear: Marks,
  known: Values,
  cotangents: readonly Tangent[],
): readonly Tangent[] => {
  if (hasMixedEquation(program, linear)) {
    const parts = programTransforms.split(program, linear)
    const values = applyProgram(parts.known, known)
    const knownInputs = spread(
      known,
      linear.map((l) => !l),
    )
    const residuals = [
      ...parts.residualInputs.map((i) => knownInputs[i]!),
      ...values.slice(parts.outUnknown.length - countMarks(parts.outUnknown)),
    ]
    return pullCotangentsLinear(parts.unknown, residuals, marked(cotangents, parts.outUnknown))
  }
  const inputs = [...unmarked(program.inputs, linear), ...marked(program.inputs, linear)]
  return pullCotangentsLinear(program.with({ inputs }), known, cotangents)
}

/** Pulls cotangents back through a program that is linear in all inputs but the first ones, which are known. */
const pullCotangentsLinear = (program: Program, known: Values, cotangents: readonly Tangent[]): readonly Tangent[] => {
  const env = initialEnvironment(program, known)
  const free = program.inputs.slice(known.length)
  free.forEach((v) => env.delete(v))
  return backward(programTransforms, program.equations, env, program.outputs, cotangents, free)
}

const transposeProgram = (program: Program, linear: Marks, nonzero: Marks, forced: Marks): Derived => {
  const { inAvals, outAvals } = program
  const knownCount = linear.filter((l) => !l).length
  return stagePresent(
    (args) => {
      const cotangents = spread(args.slice(knownCount), nonzero)
      const results = pullCotangentsProgram(program, linear, args.slice(0, knownCount), cotangents)
      return marked(force(spread(results, linear), forced, inAvals), linear)
    },
    [...unmarked(inAvals, linear), ...marked(outAvals, nonzero)],
  )
}

const batchProgram = (program: Program, size: number, mapped: Marks, forced: Marks | 'all'): Derived => {
  const avals = program.inAvals.map((a, i) => (mapped[i] === true ? a.withShape([size, ...a.shape]) : a))
  const axes = mapped.map((m): BatchAxis => (m ? 0 : null))
  let out: readonly boolean[] = []
  const { program: derived } = stage(
    'vmap',
    (args) => {
      const f = (xs: Values): Values => applyProgram(program, xs)
      const result = batchValues(programTransforms, 'vmap', f, args, axes, size)
      const isForced = (i: number): boolean => forced === 'all' || forced[i] === true
      out = result.axes.map((a, i) => isForced(i) || a !== null)
      return result.outputs.map((y, i) => {
        const axis = result.axes[i]!
        if (axis !== null) return moveAxis(y, axis, 0)
        return isForced(i) ? addAxis(y, 0, size) : y
      })
    },
    avals,
  )
  return { program: derived, out }
}

export const programTransforms: ProgramTransforms = {
  jvp: (program, nonzero, forced = noMarks) =>
    program.derive(`jvp ${keyOf(nonzero, forced)}`, () => jvpProgram(program, nonzero, forced)),
  transpose: (program, linear, nonzero, forced = noMarks) =>
    program.derive(`transpose ${keyOf(linear, nonzero, forced)}`, () =>
      transposeProgram(program, linear, nonzero, forced),
    ),
  batch: (program, size, mapped, forced = noMarks) =>
    program.derive(`batch ${size} ${keyOf(mapped)} ${forced === 'all' ? forced : keyOf(forced)}`, () =>
      batchProgram(program, size, mapped, forced),
    ),
  split: (program, unknown, forced = noMarks) =>
    program.derive(`split ${keyOf(unknown, forced)}`, () => splitProgram(programTransforms, program, unknown, forced)),
  hoist: (program, invariant) => program.derive(`hoist ${keyOf(invariant)}`, () => hoist(program, invariant)),
  depends,
  inlineCalls: (program) => program.derive('inlineCalls', () => inlineCalls(program)),
  hasEffect,
  stage: (f, avals) => {
    const { program, captured } = stage('jit', f, avals)
    if (captured.length > 0) throw new ProgramError('stage: a rule refers to a value that is not among its arguments.')
    return program
  },
}

type Fn = (args: Values) => Values

/** Outputs of `f`, and their tangents for the `tangents` of its arguments. `name` is for messages. */
export const jvp = (name: string, f: Fn, primals: Values, tangents: readonly Tangent[]): JvpResult =>
  jvpValues(programTransforms, name, f, primals, tangents)

/** Outputs of `f` at a point, and its derivative there as a linear program. */
export const linearize = (name: string, f: Fn, primals: Values): { outputs: Values; linear: LinearMap } =>
  linearizeValues(programTransforms, name, f, primals)

/** Cotangents of the arguments for cotangents of the outputs. */
export const pullback = (linear: LinearMap, cotangents: readonly Tangent[]): readonly Tangent[] =>
  pullCotangents(programTransforms, linear, cotangents)

/** Tangents of the outputs for tangents of the arguments. */
export const pushForward = (linear: LinearMap, tangents: Values): readonly Tangent[] => {
  const env = new Map(linear.captured.map((c) => [c.variable, c.value]))
  linear.inputs.forEach((v, i) => v !== null && env.set(v, tangents[i]!))
  applyEquations(linear.equations, env)
  return linear.outputs.map((atom) => (atom === null ? null : read(env, atom)))
}

/** Pulls cotangents back through a program that is linear in all its inputs but the captured ones. */
export const transposeApply = (
  program: Program,
  captured: Values,
  cotangents: readonly Tangent[],
): readonly Tangent[] => {
  const linear = program.inputs.map((_, i) => i >= captured.length)
  return pullCotangentsProgram(program, linear, captured, cotangents)
}

/** `f` over a batch: axis `axes[i]` of argument i, all of extent `size`. */
export const batch = (name: string, f: Fn, args: Values, axes: readonly BatchAxis[], size: number): BatchResult =>
  batchValues(programTransforms, name, f, args, axes, size)

/** Moves the batch axis of a value to a position; repeats the value if it has none. */
export const placeBatchAxis = (x: NDArray, from: BatchAxis, to: number, size: number): NDArray =>
  from === null ? addAxis(x, to, size) : moveAxis(x, from, to)

/** Repetition while a condition holds. */
import { Aval } from '../../core/aval.ts'
import { ProgramError } from '../../core/errors.ts'
import { countMarks, cut, interleave, marked, spread, union, unmarked } from '../../core/marks.ts'
import type { Marks } from '../../core/marks.ts'
import type { ScanParams, WhileParams } from '../../ir/op.ts'
import type { Program } from '../../ir/program.ts'
import { Variable } from '../../ir/program.ts'
import { call } from '../../ops/calls.ts'
import { cond, recompute, scan, whileLoop } from '../../ops/control.ts'
import { scalar } from '../../ops/creation.ts'
import { add, and, cast, lt, select } from '../../ops/elementwise.ts'
import { reduceOr } from '../../ops/reduction.ts'
import type { NDArray } from '../../trace/value.ts'
import { transposeApplication } from '../calls.ts'
import { instantiate, materialize } from '../kinds.ts'
import type { Batched, BatchAxis, Primitive, ProgramTransforms } from '../primitive.ts'
import { atFront, checkOperands, isMapped } from '../operands.ts'
import { fillIdleLanes, fixedPoint, rowMask } from './rules.ts'
import { scanP } from './scan.ts'

/** Operands by role. */
const rolesOf = <T>({ condConsts, bodyConsts }: WhileParams, xs: readonly T[]) => {
  const [condPart, bodyPart, carry] = cut(xs, condConsts, bodyConsts, xs.length)
  return { condPart: condPart!, bodyPart: bodyPart!, carry: carry! }
}

/** A program with further inputs, which it ignores. */
const ignoring = (program: Program, avals: readonly Aval[]): Program =>
  program.with({ inputs: [...program.inputs, ...avals.map((a) => new Variable(a))] })

const checkTypes = (params: WhileParams, operands: readonly Aval[]): readonly Aval[] => {
  const { condPart, bodyPart, carry } = rolesOf(params, operands)
  checkOperands("while's condition", params.cond.inAvals, [...condPart, ...carry])
  checkOperands("while's body", params.body.inAvals, [...bodyPart, ...carry])
  checkOperands("while's carry", carry, params.body.outAvals)
  const [predicate, ...more] = params.cond.outAvals
  if (predicate?.dtype !== 'bool' || predicate.rank !== 0 || more.length > 0) {
    throw new ProgramError(`while: the condition gives one bool scalar, got (${params.cond.outAvals.join(', ')}).`)
  }
  return params.body.outAvals
}

const jvpLoop: Primitive<'while'>['jvp'] = (params, primals, tangents, programs) => {
  const { cond: test, body } = params
  const primal = rolesOf(params, primals)
  const tangent = rolesOf(params, tangents)
  const constsMove = tangent.bodyPart.map((t) => t !== null)
  const carryMoves = fixedPoint(
    tangent.carry.map((t) => t !== null),
    (moves) => programs.jvp(body, [...constsMove, ...moves], moves).out,
  )
  const derived = programs.jvp(body, [...constsMove, ...carryMoves], carryMoves).program
  const [consts, carry, constTangents, carryTangents] = cut(
    derived.inputs,
    params.bodyConsts,
    primal.carry.length,
    constsMove.filter(Boolean).length,
    derived.inputs.length,
  )
  const next = derived.derive('while jvp', () =>
    derived.with({ inputs: [...consts!, ...constTangents!, ...carry!, ...carryTangents!] }),
  )
  const start = marked(tangent.carry, carryMoves).map((t, i) =>
    instantiate(t, marked(primal.carry, carryMoves)[i]!.aval),
  )
  const outs = whileLoop(
    {
      ...params,
      cond: ignoring(
        test,
        start.map((t) => t.aval),
      ),
      body: next,
      bodyConsts: params.bodyConsts + constTangents!.length,
    },
    [
      ...primal.condPart,
      ...primal.bodyPart,
      ...(marked(tangent.bodyPart, constsMove) as NDArray[]),
      ...primal.carry,
      ...start,
    ],
  )
  const n = primal.carry.length
  return { primals: outs.slice(0, n), tangents: spread(outs.slice(n), carryMoves) }
}

/** The same loop as scans of at most ⌈√maxSteps⌉ steps in as many blocks, which reverse mode can run backwards. */
const boundedScan = (params: WhileParams, operands: readonly NDArray[], programs: ProgramTransforms) => {
  const { cond: test, body, condConsts, bodyConsts, maxSteps } = params
  const steps = Math.max(1, Math.ceil(Math.sqrt(maxSteps)))
  const consts = condConsts + bodyConsts
  const count = new Aval('int32', [])
  const avals = [...operands.map((x) => x.aval), count]
  const shape = { reverse: false, consts, carry: avals.length - consts }

  const continues = (args: readonly NDArray[]): NDArray => {
    const { condPart, carry } = rolesOf(params, args.slice(0, -1))
    const holds = call(test, 'cond', [...condPart, ...carry])[0]!
    return cast(and(holds, lt(args.at(-1)!, scalar(maxSteps, 'int32'))), 'int32')
  }
  const stay = programs.stage((args) => args.slice(consts), avals)
  const move = programs.stage((args) => {
    const { bodyPart, carry } = rolesOf(params, args.slice(0, -1))
    return [...call(body, 'body', [...bodyPart, ...carry]), add(args.at(-1)!, scalar(1, 'int32'))]
  }, avals)
  const step = programs.stage((args) => cond([stay, move], continues(args), args), avals)
  const block = programs.stage((args) => scan({ ...shape, body: step, length: steps }, args), avals)
  const outer = programs.stage(
    (args) =>
      recompute(
        programs.stage((xs) => cond([stay, block], continues(xs), xs), avals),
        args,
      ),
    avals,
  )
  const scanParams: ScanParams = { ...shape, body: outer, length: Math.ceil(maxSteps / steps) }
  return { params: scanParams, operands: [...operands, scalar(0, 'int32')] }
}

const partialLoop: NonNullable<Primitive<'while'>['partial']> = (params, operands, unknown, defer, programs) => {
  const { cond: test, body, maxSteps } = params
  if (maxSteps !== Infinity) {
    const bounded = boundedScan(params, operands, programs)
    const outs = scanP.partial!(bounded.params, bounded.operands, [...unknown, false], defer, programs)
    return outs.slice(0, -1)
  }
  const roles = rolesOf(params, unknown)
  const carry = fixedPoint(
    roles.carry,
    (marks) => programs.split(body, [...roles.bodyPart, ...marks], marks).outUnknown,
  )
  const condMarks = [...roles.condPart, ...carry]
  const whole = defer('while', params, operands)
  if (programs.split(test, condMarks).outUnknown[0] === true) return whole
  const values = rolesOf(params, operands)
  const knownBody = programs.split(body, [...roles.bodyPart, ...carry], carry).known
  const known = whileLoop(
    {
      cond: programs.split(test, condMarks).known,
      body: knownBody.with({ outputs: knownBody.outputs.slice(0, carry.filter((c) => !c).length) }),
      condConsts: unmarked(values.condPart, roles.condPart).length,
      bodyConsts: unmarked(values.bodyPart, roles.bodyPart).length,
      maxSteps,
    },
    [
      ...unmarked(values.condPart, roles.condPart),
      ...unmarked(values.bodyPart, roles.bodyPart),
      ...unmarked(values.carry, carry),
    ],
  )
  return interleave(marked(whole, carry), known, carry)
}

/** All lanes step until the last one is done; the results of finished lanes stay unchanged. */
const batchByLane = (
  params: WhileParams,
  operands: readonly NDArray[],
  mapped: Marks,
  size: number,
  programs: ProgramTransforms,
): Batched => {
  const roles = rolesOf(params, mapped)
  const values = rolesOf(params, operands)
  const carry = values.carry.map((x, i) => materialize(x, roles.carry[i] === true ? 0 : null, 0, size))
  const all = carry.map(() => true)
  const test = programs.batch(params.cond, size, [...roles.condPart, ...all], 'all').program
  const body = programs.batch(params.body, size, [...roles.bodyPart, ...all], 'all').program
  const consts = [...values.condPart, ...values.bodyPart]
  const start = [...consts, ...carry]
  const live = (args: readonly NDArray[]): NDArray => {
    const parts = rolesOf(params, args)
    return call(test, 'cond', [...parts.condPart, ...parts.carry])[0]!
  }
  const avals = start.map((x) => x.aval)
  const bodyMarks = [...roles.bodyPart, ...all]
  const anyLive = programs.stage((args) => [reduceOr(live(args), [0])], avals)
  const step = programs.stage((args) => {
    const mask = live(args)
    const { bodyPart, carry: before } = rolesOf(params, args)
    const after = call(body, 'body', fillIdleLanes(mask, [...bodyPart, ...before], bodyMarks))
    return after.map((y, i) => select(rowMask(mask, y), y, before[i]!))
  }, avals)
  // Both programs take all constants.
  const shared = { condConsts: consts.length, bodyConsts: consts.length, maxSteps: params.maxSteps }
  const outputs = whileLoop({ cond: anyLive, body: step, ...shared }, [...consts, ...start])
  return { outputs, axes: outputs.map(() => 0) }
}

const batchTogether = (
  params: WhileParams,
  operands: readonly NDArray[],
  mapped: Marks,
  carry: Marks,
  size: number,
  programs: ProgramTransforms,
): Batched => {
  const roles = rolesOf(params, mapped)
  const values = rolesOf(params, operands)
  const outputs = whileLoop(
    {
      ...params,
      cond: programs.batch(params.cond, size, [...roles.condPart, ...carry]).program,
      body: programs.batch(params.body, size, [...roles.bodyPart, ...carry], carry).program,
    },
    [
      ...values.condPart,
      ...values.bodyPart,
      ...values.carry.map((x, i) => (carry[i] === true && roles.carry[i] !== true ? materialize(x, null, 0, size) : x)),
    ],
  )
  return { outputs, axes: carry.map((c): BatchAxis => (c ? 0 : null)) }
}

/** A carry stays if it is used after the loop, or if the condition or what stays reads it. */
const pruneLoop: NonNullable<Primitive<'while'>['prune']> = (params, used, programs) => {
  const { cond: test, body } = params
  const [testConsts, tested] = cut(programs.needs(test, [true]), params.condConsts, test.inputs.length)
  const needs = (marks: Marks) => cut(programs.needs(body, marks), params.bodyConsts, body.inputs.length)
  const carry = fixedPoint(union([used, tested!]), (marks) => needs(marks)[1]!)
  const [bodyConsts] = needs(carry)
  const pruned: WhileParams = {
    cond: programs.take(test, [...testConsts!, ...carry], [true]),
    body: programs.take(body, [...bodyConsts!, ...carry], carry),
    condConsts: countMarks(testConsts!),
    bodyConsts: countMarks(bodyConsts!),
    maxSteps: params.maxSteps,
  }
  return { params: pruned, operands: [...testConsts!, ...bodyConsts!, ...carry], results: carry }
}

const transposeLoop: NonNullable<Primitive<'while'>['transpose']> = (params, cotangents, operands, programs) => {
  if (params.maxSteps === Infinity) {
    throw new ProgramError(
      'whileLoop: reverse mode needs to know how many steps there can be at most. Give a bound with ' +
        'whileLoop(cond, body, init, { maxSteps }), use lax.scan or lax.foriLoop with numbers for bounds, use forward ' +
        'mode (jvp, jacfwd), or give the loop a rule of its own (customVjp, lax.customRoot).',
    )
  }
  const program = programs.stage(
    (args) => {
      const bounded = boundedScan(params, args, programs)
      return scan(bounded.params, bounded.operands).slice(0, -1)
    },
    operands.map((x) => x.aval),
  )
  return transposeApplication({ program, name: 'whileLoop' }, cotangents, operands, programs)
}

export const whileP: Primitive<'while'> = {
  type: checkTypes,
  evaluate: (params, data, _, __, run) => {
    const { condPart, bodyPart, carry: start } = rolesOf(params, data)
    let carry: typeof data = start
    for (let step = 0; step < params.maxSteps; step++) {
      if (run(params.cond, [...condPart, ...carry])[0]![0] === 0) break
      carry = run(params.body, [...bodyPart, ...carry])
    }
    return carry
  },
  jvp: jvpLoop,
  transpose: transposeLoop,
  partial: partialLoop,
  batch: (params, operands, axes, size, programs) => {
    const mapped = axes.map(isMapped)
    const roles = rolesOf(params, mapped)
    const carry = fixedPoint(
      roles.carry,
      (marks) => programs.batch(params.body, size, [...roles.bodyPart, ...marks], marks).out,
    )
    const fronts = atFront(operands, axes)
    const differs = programs.batch(params.cond, size, [...roles.condPart, ...carry]).out[0] === true
    if (differs) return batchByLane(params, fronts, mapped, size, programs)
    return batchTogether(params, fronts, mapped, carry, size, programs)
  },
  depends: (params, marks, depends) => {
    const { condPart, bodyPart, carry } = rolesOf(params, marks)
    const moving = fixedPoint(carry, (c) => depends(params.body, [...bodyPart, ...c]))
    return depends(params.cond, [...condPart, ...moving])[0] === true ? moving.map(() => true) : moving
  },
  prune: pruneLoop,
  facts: { higherOrder: true },
}

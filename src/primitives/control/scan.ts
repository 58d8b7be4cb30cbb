/** A fold over the first axis of arrays, which stacks the outputs of its steps. */
import type { Aval } from '../../core/aval.ts'
import type { TypedArray } from '../../core/dtype.ts'
import { allocate, isHalf } from '../../core/dtype.ts'
import { ProgramError } from '../../core/errors.ts'
import { countMarks, cut, interleave, marked, spread, unmarked } from '../../core/marks.ts'
import type { Marks } from '../../core/marks.ts'
import type { ScanParams } from '../../ir/op.ts'
import type { Program } from '../../ir/program.ts'
import { call } from '../../ops/calls.ts'
import { scan } from '../../ops/control.ts'
import { zerosOf } from '../../ops/creation.ts'
import { add, cast, inSingle } from '../../ops/elementwise.ts'
import { moveAxis } from '../../ops/movement.ts'
import type { NDArray } from '../../trace/value.ts'
import { instantiate, isLinear, materialize } from '../kinds.ts'
import type { BatchAxis, Primitive, RunProgram, Tangent } from '../primitive.ts'
import { checkOperands, isMapped } from '../operands.ts'
import { fixedPoint } from './rules.ts'

/** Operands, or inputs of the body, by role. */
const rolesOf = <T>(params: ScanParams, values: readonly T[]) => {
  const [consts, carry, xs] = cut(values, params.consts, params.carry, values.length)
  return { consts: consts!, carry: carry!, xs: xs! }
}

/** Outputs by role. */
const resultsOf = <T>(params: ScanParams, values: readonly T[]) => {
  const [carry, ys] = cut(values, params.carry, values.length)
  return { carry: carry!, ys: ys! }
}

const stacked = (aval: Aval, length: number): Aval => aval.withShape([length, ...aval.shape])
const element = (aval: Aval): Aval => aval.withShape(aval.shape.slice(1))

const checkTypes = (params: ScanParams, operands: readonly Aval[]): readonly Aval[] => {
  const { consts, carry, xs } = rolesOf(params, operands)
  const bad = xs.find((x) => x.rank === 0 || x.shape[0] !== params.length)
  if (bad !== undefined) throw new ProgramError(`scan: an array ${bad} does not have ${params.length} elements.`)
  checkOperands("scan's body", params.body.inAvals, [...consts, ...carry, ...xs.map(element)])
  const out = resultsOf(params, params.body.outAvals)
  checkOperands("scan's carry", carry, out.carry)
  return [...out.carry, ...out.ys.map((y) => stacked(y, params.length))]
}

/** Element `i` of an array whose elements have `size` numbers: a view. */
const elementAt = (data: TypedArray, i: number, size: number): TypedArray => data.subarray(i * size, (i + 1) * size)

const evaluateScan = (params: ScanParams, data: readonly TypedArray[], run: RunProgram): readonly TypedArray[] => {
  const { body, length, reverse } = params
  const { consts, carry: start, xs } = rolesOf(params, data)
  const xSizes = rolesOf(params, body.inAvals).xs.map((a) => a.size)
  const yAvals = resultsOf(params, body.outAvals).ys
  const ys = yAvals.map((a) => allocate(a.dtype, a.size * length))
  let carry: readonly TypedArray[] = start
  for (let step = 0; step < length; step++) {
    const i = reverse ? length - 1 - step : step
    const outs = run(body, [...consts, ...carry, ...xs.map((x, k) => elementAt(x, i, xSizes[k]!))])
    carry = outs.slice(0, params.carry)
    ys.forEach((y, k) => {
      y.set(outs[params.carry + k]! as never, i * yAvals[k]!.size)
    })
  }
  return [...carry, ...ys]
}

const jvpScan: Primitive<'scan'>['jvp'] = (params, primals, tangents, programs) => {
  const { body } = params
  const primal = rolesOf(params, primals)
  const tangent = rolesOf(params, tangents)
  const [constsMove, xsMove] = [tangent.consts.map((t) => t !== null), tangent.xs.map((t) => t !== null)]
  const marks = (carry: Marks): Marks => [...constsMove, ...carry, ...xsMove]
  const carryMoves = fixedPoint(
    tangent.carry.map((t) => t !== null),
    (carry) => resultsOf(params, programs.jvp(body, marks(carry), carry).out).carry,
  )
  const derived = programs.jvp(body, marks(carryMoves), carryMoves)
  const ysMove = resultsOf(params, derived.out).ys
  const [constCount, carryCount] = [countMarks(constsMove), countMarks(carryMoves)]
  const program = derived.program.derive('scan jvp', () => {
    const { inputs, outputs } = derived.program
    const [ins, inTangents] = cut(inputs, body.inputs.length, inputs.length)
    const [outs, outTangents] = cut(outputs, body.outputs.length, outputs.length)
    const given = rolesOf(params, ins!)
    const moves = cut(inTangents!, constCount, carryCount, inTangents!.length)
    const results = resultsOf(params, outs!)
    const [carryTangents, yTangents] = cut(outTangents!, carryCount, outTangents!.length)
    return derived.program.with({
      inputs: [...given.consts, ...moves[0]!, ...given.carry, ...moves[1]!, ...given.xs, ...moves[2]!],
      outputs: [...results.carry, ...carryTangents!, ...results.ys, ...yTangents!],
    })
  })
  const start = carryMoves.flatMap((m, i) => (m ? [instantiate(tangent.carry[i]!, primal.carry[i]!.aval)] : []))
  const outs = scan(
    { ...params, body: program, consts: params.consts + constCount, carry: params.carry + carryCount },
    [
      ...primal.consts,
      ...(marked(tangent.consts, constsMove) as NDArray[]),
      ...primal.carry,
      ...start,
      ...primal.xs,
      ...(marked(tangent.xs, xsMove) as NDArray[]),
    ],
  )
  const ySize = body.outputs.length - params.carry
  const [carry, carryT, ys, ysT] = cut(outs, params.carry, carryCount, ySize, outs.length)
  return { primals: [...carry!, ...ys!], tangents: [...spread(carryT!, carryMoves), ...spread(ysT!, ysMove)] }
}

/** The body, with everything that depends on its constants alone computed beforehand. */
const hoistInvariants = (params: ScanParams, operands: readonly NDArray[], unknown: Marks, hoist: Hoist) => {
  const marks = rolesOf(params, unknown)
  const invariant = [...marks.consts.map((u) => !u), ...marks.carry.map(() => false), ...marks.xs.map(() => false)]
  const { outer, inner } = hoist(params.body, invariant)
  const values = outer.outputs.length === 0 ? [] : call(outer, 'invariant', marked(operands, invariant))
  return {
    params: { ...params, body: inner, consts: params.consts + values.length },
    operands: [...values, ...operands],
    unknown: [...values.map(() => false), ...unknown],
  }
}
type Hoist = (program: Program, invariant: Marks) => { readonly outer: Program; readonly inner: Program }

const partialScan: NonNullable<Primitive<'scan'>['partial']> = (
  given,
  givenOperands,
  givenUnknown,
  defer,
  programs,
) => {
  const hoisted = hoistInvariants(given, givenOperands, givenUnknown, (p, marks) => programs.hoist(p, marks))
  const { params, operands, unknown } = hoisted
  const { body, length } = params
  const roles = rolesOf(params, unknown)
  const marks = (carry: Marks): Marks => [...roles.consts, ...carry, ...roles.xs]
  const carry = fixedPoint(roles.carry, (u) => resultsOf(params, programs.split(body, marks(u), u).outUnknown).carry)
  const parts = programs.split(body, marks(carry), carry)
  const values = rolesOf(params, operands)
  const out = resultsOf(params, parts.outUnknown)

  // The known loop also stacks the residuals that differ from step to step.
  const [carryEnd, constEnd] = [params.consts + params.carry, params.consts]
  const residualConsts = parts.residualInputs.filter((i) => i < constEnd)
  const residualCarry = parts.residualInputs.filter((i) => i >= constEnd && i < carryEnd)
  const residualXs = parts.residualInputs.filter((i) => i >= carryEnd)
  const knownInputs = unmarked(
    body.inputs.map((_, i) => i),
    marks(carry),
  )
  const carryResiduals = residualCarry.map((i) => parts.known.inputs[knownInputs.indexOf(i)]!)
  const knownCarry = unmarked(values.carry, carry)
  const known = scan(
    {
      ...params,
      body: parts.known.with({ outputs: [...parts.known.outputs, ...carryResiduals] }),
      consts: unmarked(values.consts, roles.consts).length,
      carry: knownCarry.length,
    },
    [...unmarked(values.consts, roles.consts), ...knownCarry, ...unmarked(values.xs, roles.xs)],
  )
  const ysKnown = out.ys.length - countMarks(out.ys)
  const extraCount = parts.known.outputs.length - knownCarry.length - ysKnown
  const [carryOuts, yOuts, extras, carries] = cut(known, knownCarry.length, ysKnown, extraCount, known.length)

  const { inputs } = parts.unknown
  const inputOf = new Map(parts.residualInputs.map((place, i) => [place, inputs[i]!]))
  const [, extraInputs, rest] = cut(inputs, parts.residualInputs.length, extraCount, inputs.length)
  const [constsIn, carryIn, xsIn] = cut(rest!, countMarks(roles.consts), countMarks(carry), rest!.length)
  const at = (places: readonly number[]) => places.map((i) => inputOf.get(i)!)
  const starts = values.carry.filter((_, i) => carry[i])
  const deferred = defer(
    'scan',
    {
      ...params,
      body: parts.unknown.with({
        inputs: [
          ...at(residualConsts),
          ...constsIn!,
          ...carryIn!,
          ...at(residualCarry),
          ...extraInputs!,
          ...at(residualXs),
          ...xsIn!,
        ],
      }),
      length,
      consts: residualConsts.length + constsIn!.length,
      carry: starts.length,
    },
    [
      ...residualConsts.map((i) => operands[i]!),
      ...marked(values.consts, roles.consts),
      ...starts,
      ...carries!,
      ...extras!,
      ...residualXs.map((i) => operands[i]!),
      ...marked(values.xs, roles.xs),
    ],
  )
  const later = cut(deferred, starts.length, deferred.length)
  return [...interleave(later[0]!, carryOuts!, carry), ...interleave(later[1]!, yOuts!, out.ys)]
}

/**
 * The scan run backwards. Its carry is the cotangents of the constants, added up over the steps, and those of the
 * carry; it reads cotangents of the stacked outputs and stacks those of the elements.
 */
const transposeScan: NonNullable<Primitive<'scan'>['transpose']> = (params, cotangents, operands, programs) => {
  const { body } = params
  const roles = rolesOf(params, operands)
  const avals = rolesOf(params, body.inAvals)
  const ct = resultsOf(params, cotangents)
  const [constLinear, xsLinear] = [roles.consts.map(isLinear), roles.xs.map(isLinear)]
  const all = avals.carry.map(() => true)
  const ysNonzero = ct.ys.map((c) => c !== null)
  const linear = [...constLinear, ...all, ...xsLinear]
  const forced = [...constLinear, ...all, ...xsLinear.map(() => false)]
  const pulled = programs.transpose(body, linear, [...all, ...ysNonzero], forced)
  const outMarks = cut(pulled.out, countMarks(constLinear) + all.length, pulled.out.length)[1]!
  const constAvals = marked(avals.consts, constLinear)
  // Sums over many steps are in float32 for 16-bit floats.
  const totals = constAvals.map((a) => (isHalf(a.dtype) ? a.withDType('float32') : a.strengthen()))
  const knownConsts = unmarked(roles.consts, constLinear) as NDArray[]
  const knownXs = unmarked(roles.xs, xsLinear) as NDArray[]
  const carryStart = ct.carry.map((c, i) => instantiate(c, avals.carry[i]!.strengthen()))
  const ysIn = marked(ct.ys, ysNonzero) as NDArray[]

  const step = programs.stage(
    (args) => {
      const [consts, sums, carry, xs, ys] = cut(
        args,
        knownConsts.length,
        totals.length,
        all.length,
        knownXs.length,
        args.length,
      )
      const cts = call(pulled.program, 'transpose', [...consts!, ...xs!, ...carry!, ...ys!])
      return [...sums!.map((s, i) => add(s, inSingle(cts[i]!))), ...cts.slice(sums!.length)]
    },
    [
      ...knownConsts.map((x) => x.aval),
      ...totals,
      ...carryStart.map((x) => x.aval),
      ...[...knownXs, ...ysIn].map((x) => element(x.aval)),
    ],
  )
  const outs = scan(
    {
      ...params,
      body: step,
      reverse: !params.reverse,
      consts: knownConsts.length,
      carry: totals.length + all.length,
    },
    [...knownConsts, ...totals.map(zerosOf), ...carryStart, ...knownXs, ...ysIn],
  )
  const [sums, carryCts, xCts] = cut(outs, totals.length, all.length, outs.length)
  const constCts = sums!.map((s, i) => cast(s, constAvals[i]!.dtype))
  return [
    ...spread<Tangent>(constCts, constLinear),
    ...carryCts!.map((c, i) => (isLinear(roles.carry[i]!) ? c : null)),
    ...spread(spread(xCts!, outMarks), xsLinear),
  ]
}

const batchScan: Primitive<'scan'>['batch'] = (params, operands, axes, size, programs) => {
  const mapped = rolesOf(params, axes.map(isMapped))
  const marks = (carry: Marks): Marks => [...mapped.consts, ...carry, ...mapped.xs]
  const carry = fixedPoint(
    mapped.carry,
    (c) => resultsOf(params, programs.batch(params.body, size, marks(c), c).out).carry,
  )
  const { program, out } = programs.batch(params.body, size, marks(carry), carry)
  const placed = operands.map((x, i) => {
    const axis = axes[i]!
    if (i >= params.consts + params.carry) return axis === null ? x : moveAxis(x, axis, 1)
    const batched = i < params.consts ? axis !== null : carry[i - params.consts]!
    return batched ? materialize(x, axis, 0, size) : x
  })
  const outputs = scan({ ...params, body: program }, placed)
  return { outputs, axes: out.map((o, i): BatchAxis => (o ? (i < params.carry ? 0 : 1) : null)) }
}

/** A carry stays if it is used after the loop, or if what stays in the body reads it. */
const pruneScan: NonNullable<Primitive<'scan'>['prune']> = (params, used, programs) => {
  const { carry: carryUsed, ys } = resultsOf(params, used)
  const needs = (carry: Marks) => rolesOf(params, programs.needs(params.body, [...carry, ...ys]))
  const carry = fixedPoint(carryUsed, (marks) => needs(marks).carry)
  const { consts, xs } = needs(carry)
  const [operands, results] = [
    [...consts, ...carry, ...xs],
    [...carry, ...ys],
  ]
  const body = programs.take(params.body, operands, results)
  return { params: { ...params, body, consts: countMarks(consts), carry: countMarks(carry) }, operands, results }
}

export const scanP: Primitive<'scan'> = {
  type: checkTypes,
  evaluate: (params, data, _, __, run) => evaluateScan(params, data, run),
  jvp: jvpScan,
  transpose: transposeScan,
  partial: partialScan,
  batch: batchScan,
  depends: (params, marks, depends) => {
    const { consts, carry, xs } = rolesOf(params, marks)
    const step = (moving: Marks): Marks => depends(params.body, [...consts, ...moving, ...xs])
    const moving = fixedPoint(carry, (c) => resultsOf(params, step(c)).carry)
    return [...moving, ...resultsOf(params, step(moving)).ys]
  },
  prune: pruneScan,
  facts: { higherOrder: true },
}

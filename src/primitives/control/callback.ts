/** User-defined functions that run on the host, as part of a program. */
import { ProgramError } from '../../core/errors.ts'
import { interleave, marked, unmarked } from '../../core/marks.ts'
import type { CallbackParams } from '../../ir/op.ts'
import { callback, scan } from '../../ops/control.ts'
import type { NDArray } from '../../trace/value.ts'
import { materialize } from '../kinds.ts'
import { atFront, isMapped } from '../operands.ts'
import type { Batched, BatchAxis, Primitive, ProgramTransforms } from '../primitive.ts'

/** One call for each element, in order. */
const oneByOne = (
  params: CallbackParams,
  operands: readonly NDArray[],
  axes: readonly BatchAxis[],
  size: number,
  programs: ProgramTransforms,
): Batched => {
  const mapped = axes.map(isMapped)
  const fronts = atFront(operands, axes)
  const [xs, consts] = [marked(fronts, mapped), unmarked(fronts, mapped)]
  const avals = operands.map((x, i) =>
    mapped[i] === true ? fronts[i]!.aval.withShape(fronts[i]!.aval.shape.slice(1)) : x.aval,
  )
  const body = programs.stage(
    (args) => callback(params, interleave(args.slice(consts.length), args.slice(0, consts.length), mapped)),
    [...unmarked(avals, mapped), ...marked(avals, mapped)],
  )
  const shape = { length: size, reverse: false, consts: consts.length, carry: 0 }
  const outputs = scan({ body, ...shape }, [...consts, ...xs])
  return { outputs, axes: outputs.map(() => 0) }
}

/** One call for all elements. */
const together = (
  params: CallbackParams,
  operands: readonly NDArray[],
  axes: readonly BatchAxis[],
  size: number,
): Batched => {
  const results = params.results.map((a) => a.withShape([size, ...a.shape]))
  const shared = params.vmapMethod === 'expandDims' ? 1 : size
  const batched = operands.map((x, i) => materialize(x, axes[i]!, 0, axes[i] === null ? shared : size))
  const outputs = callback({ ...params, results }, batched)
  return { outputs, axes: outputs.map(() => 0) }
}

export const callbackP: Primitive<'callback'> = {
  type: ({ results }) => results,
  evaluate: (params, data, operands) => params.callback.run(data, operands, params.results),
  jvp: (params, primals) => {
    if (!params.effect) {
      throw new ProgramError(
        `pureCallback: ${params.callback.name} has no derivative. Give it one with customJvp or customVjp around the callback.`,
      )
    }
    const outs = callback(params, primals)
    return { primals: outs, tangents: outs.map(() => null) }
  },
  batch: (params, operands, axes, size, programs) =>
    params.vmapMethod === 'sequential'
      ? oneByOne(params, operands, axes, size, programs)
      : together(params, operands, axes, size),
  hasEffect: ({ effect }) => effect,
  facts: { higherOrder: true, onHost: true },
}

import type { TypedArray } from '../core/dtype.ts'
import { TracerError } from '../core/errors.ts'
import { dropAxes } from '../core/shape.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { BatchAxis, ProgramTransforms } from '../primitives/primitive.ts'
import { primitives } from '../primitives/registry.ts'
import type { Interpreter } from '../trace/interpreter.ts'
import { currentInterpreter, withInterpreter } from '../trace/interpreter.ts'
import type { Body, Trace } from '../trace/body.ts'
import { NDArray } from '../trace/value.ts'

/** One element's view of a batch: the axis is hidden. */
class BatchBody implements Body {
  readonly trace: Trace
  readonly value: NDArray
  readonly axis: number

  constructor(trace: Trace, value: NDArray, axis: number) {
    this.trace = trace
    this.value = value
    this.axis = axis
  }

  host(operation: string): TypedArray {
    throw new TracerError(
      `${operation}: inside ${this.trace.name} the value differs from element to element of the batch ` +
        `(${this.value.aval}, batch axis ${this.axis}). Use np.where or lax.cond instead of branching on it.`,
    )
  }
}

/** Applies every operation to whole batches. */
class BatchInterpreter implements Interpreter, Trace {
  readonly name: string
  readonly parent: Interpreter
  readonly size: number
  readonly programs: ProgramTransforms
  live = true

  constructor(name: string, parent: Interpreter, size: number, programs: ProgramTransforms) {
    this.name = name
    this.programs = programs
    this.parent = parent
    this.size = size
  }

  lift(value: NDArray, axis: BatchAxis): NDArray {
    if (axis === null) return value
    const aval = value.aval.withShape(dropAxes(value.aval.shape, [axis]))
    return new NDArray(aval, new BatchBody(this, value, axis))
  }

  valueOf(x: NDArray): NDArray {
    return x.body.trace === this ? (x.body as BatchBody).value : x
  }

  axisOf(x: NDArray): BatchAxis {
    return x.body.trace === this ? (x.body as BatchBody).axis : null
  }

  bind<N extends OpName>(op: N, params: OpParams[N], operands: readonly NDArray[]): readonly NDArray[] {
    if (!operands.some((x) => x.body.trace === this)) return this.parent.bind(op, params, operands)
    const primitive = primitives[op]
    // Checked on the shapes that the user sees, so that messages name those.
    primitive.type(
      params,
      operands.map((x) => x.aval),
    )
    const values = operands.map((x) => this.valueOf(x))
    const axes = operands.map((x) => this.axisOf(x))
    const batched = withInterpreter(this.parent, () => primitive.batch(params, values, axes, this.size, this.programs))
    return batched.outputs.map((y, i) => this.lift(y, batched.axes[i]!))
  }
}

export interface BatchResult {
  readonly outputs: readonly NDArray[]
  readonly axes: readonly BatchAxis[]
}

/** A function applied to every element of a batch at once. */
export const batchValues = (
  programs: ProgramTransforms,
  name: string,
  f: (args: readonly NDArray[]) => readonly NDArray[],
  args: readonly NDArray[],
  axes: readonly BatchAxis[],
  size: number,
): BatchResult => {
  const interpreter = new BatchInterpreter(name, currentInterpreter(), size, programs)
  try {
    const lifted = args.map((x, i) => interpreter.lift(x, axes[i]!))
    const outs = withInterpreter(interpreter, () => f(lifted))
    return { outputs: outs.map((x) => interpreter.valueOf(x)), axes: outs.map((x) => interpreter.axisOf(x)) }
  } finally {
    interpreter.live = false
  }
}

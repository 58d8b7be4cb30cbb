import type { Aval } from '../core/aval.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Program } from '../ir/program.ts'
import { captureSource } from '../ir/source.ts'
import { primitives } from '../primitives/registry.ts'
import type { Interpreter } from '../trace/interpreter.ts'
import { currentOrigin, currentScope, swapInterpreter } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'
import type { Trace } from '../trace/body.ts'
import { ProgramBuilder } from './builder.ts'

/** Records every operation. */
class StageInterpreter implements Interpreter, Trace {
  readonly name: string
  live = true
  readonly builder: ProgramBuilder

  constructor(name: string) {
    this.name = name
    this.builder = new ProgramBuilder(this, true)
  }

  bind<N extends OpName>(op: N, params: OpParams[N], operands: readonly NDArray[]): readonly NDArray[] {
    const source = currentOrigin() ?? captureSource(currentScope())
    return this.builder.emit(op, params, operands, (avals) => primitives[op].type(params, avals), source)
  }
}

interface Staged {
  /** Inputs: the captured values, then the arguments. */
  readonly program: Program
  /** Values of enclosing transformations that the function uses. */
  readonly captured: readonly NDArray[]
}

/**
 * The program of a function on arrays of the given types. `name` is the transformation, for messages; `places` are those of
 * the arguments, for graphs.
 */
export const stage = (
  name: string,
  f: (args: readonly NDArray[]) => readonly NDArray[],
  avals: readonly Aval[],
  places: readonly string[] = [],
): Staged => {
  const interpreter = new StageInterpreter(name)
  const { builder } = interpreter
  const inputs = avals.map((aval, i) => builder.fresh(aval, places[i]))
  const saved = swapInterpreter(interpreter)
  let outputs: readonly NDArray[]
  try {
    outputs = f(inputs)
  } catch (error) {
    interpreter.live = false
    throw error
  } finally {
    swapInterpreter(saved)
  }
  const program = builder.finish(inputs, outputs, name)
  interpreter.live = false
  return { program, captured: builder.captured.map((c) => c.value) }
}

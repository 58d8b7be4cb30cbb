/** Equations without a kernel: the reference evaluates them within a compiled program. */
import { literalData } from '../../ir/literal.ts'
import type { Equation } from '../../ir/program.ts'
import { Literal } from '../../ir/program.ts'
import { primitives } from '../../primitives/registry.ts'
import type { OpName } from '../../ir/op.ts'
import type { Primitive } from '../../primitives/primitive.ts'
import { run } from '../reference/reference.ts'
import type { HostStep, Place } from './compiled.ts'
import type { Heap } from './heap.ts'

/** Evaluates on the operands in a frame, and writes the results there. */
export const evaluateHostStep = ({ equation, operands, results }: HostStep, heap: Heap, frame: number): void => {
  const addressOf = (place: Place): number =>
    place.kind === 'frame' ? frame + place.offset : heap.words[frame / 4 + place.slot]! + place.offset
  const { params, inputs, outputs }: Equation = equation
  const primitive: Primitive<OpName> = primitives[equation.op]
  // Copies: a callback may keep them, and the memory may move while it runs.
  const data = inputs.map((atom, i) =>
    atom instanceof Literal ? literalData(atom) : heap.read(atom.aval.dtype, addressOf(operands[i]!), atom.aval.size),
  )
  const avals = outputs.map((v) => v.aval)
  const values = primitive.evaluate(
    params,
    data,
    inputs.map((atom) => atom.aval),
    avals,
    run,
  )
  values.forEach((value, i) => {
    heap.write(avals[i]!.dtype, addressOf(results[i]!), value)
  })
}

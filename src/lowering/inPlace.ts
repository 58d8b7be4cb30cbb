/** Results that take the memory of an operand which nothing else needs any more: an update of one row does not copy the others. */
import type { Value } from './nodes.ts'
import { valuesOfKernel } from './plan.ts'
import type { Block, Step } from './steps.ts'

/** The arrays that a step, or what is inside of it, reads or writes. */
const valuesOf = (step: Step): readonly Value[] => {
  const inside = (b: Block): readonly Value[] => b.steps.flatMap(valuesOf)
  switch (step.kind) {
    case 'kernel': {
      const { reads, writes } = valuesOfKernel(step.kernel)
      return [...reads, ...writes]
    }
    case 'routine':
      return [...step.operands.map((o) => o.value), ...step.results]
    case 'host':
      return [...step.operands, ...step.results]
    case 'copy':
      return [step.from, step.to]
    case 'cond':
      return [step.index, ...step.branches.flatMap(inside)]
    case 'while':
      return [step.holds, ...step.carries.map((c) => c.initial), ...inside(step.condition), ...inside(step.body)]
    case 'scan':
      return [
        ...step.carries.map((c) => c.initial),
        ...[...step.inputs, ...step.outputs].map((s) => s.whole),
        ...inside(step.body),
      ]
  }
}

/**
 * Finds such results among a block's steps. `operandFor` says which operand a routine's first result may replace; `isOwn`,
 * whether the block decides where a value lives; `share(value, home)` is called with the operand and the result.
 */
export const shareMemory = (
  steps: readonly Step[],
  outputs: readonly Value[],
  operandFor: (step: Extract<Step, { readonly kind: 'routine' }>) => number | null,
  isOwn: (value: Value) => boolean,
  share: (value: Value, home: Value) => void,
): void => {
  const needed = new Set(outputs)
  for (const step of [...steps].reverse()) {
    const place = step.kind === 'routine' ? operandFor(step) : null
    if (step.kind === 'routine' && place !== null) {
      const operand = step.operands[place]!
      const isAlone = step.operands.filter((o) => o.value === operand.value).length === 1
      if (operand.view === null && isAlone && !needed.has(operand.value) && isOwn(operand.value)) {
        share(operand.value, step.results[0]!)
      }
    }
    for (const v of valuesOf(step)) needed.add(v)
  }
}

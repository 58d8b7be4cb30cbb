/**
 * Results that reuse the memory of an operand that nothing else needs any more: an update of one row does not copy the others,
 * a chain of kernels works on one array, and the carry of a loop is updated in place.
 */
import type { Kernel, Step } from './steps.ts'
import type { Node, Value } from './nodes.ts'
import { reachable } from './nodes.ts'

type RoutineStep = Extract<Step, { readonly kind: 'routine' }>

/** The operand whose memory a routine's first result may reuse; null for none. */
export type OperandFor = (step: RoutineStep) => number | null

/** The value whose memory a value shares. */
export type HomeOf = (value: Value) => Value

interface Accesses {
  readonly reads: readonly Value[]
  readonly writes: readonly Value[]
}

/** The accesses to arrays at one moment of a kernel's row: in a pass over it, or after the pass. */
interface Moment {
  readonly loads: readonly (Node & { readonly kind: 'load' })[]
  readonly stores: Kernel['stages'][number]['stores']
}

const loadsIn = (roots: readonly Node[]): Moment['loads'] => reachable(roots).filter((n) => n.kind === 'load')

const known = new WeakMap<Kernel, readonly Moment[]>()

const momentsOf = (kernel: Kernel): readonly Moment[] => {
  const found = known.get(kernel)
  if (found !== undefined) return found
  const moments = kernel.stages.flatMap(({ stores, reductions, rowStores }): Moment[] => [
    { loads: loadsIn([...stores, ...reductions].map((x) => x.node)), stores },
    { loads: loadsIn(rowStores.map((s) => s.node)), stores: rowStores },
  ])
  known.set(kernel, moments)
  return moments
}

/** The arrays that a step, including nested steps, reads and writes. */
const accessesOf = (step: Step): Accesses => {
  switch (step.kind) {
    case 'kernel': {
      const moments = momentsOf(step.kernel)
      return {
        reads: moments.flatMap((m) => m.loads.map((n) => n.value)),
        writes: moments.flatMap((m) => m.stores.map((s) => s.value)),
      }
    }
    case 'routine':
      return { reads: step.operands.map((o) => o.value), writes: step.results }
    case 'host':
      return { reads: step.operands, writes: step.results }
    case 'copy':
      return { reads: [step.from], writes: [step.to] }
    case 'cond':
    case 'while':
    case 'scan': {
      const values = valuesOf(step)
      return { reads: values, writes: values }
    }
  }
}

/** All arrays that a step with nested steps uses. */
const valuesOf = (step: Extract<Step, { readonly kind: 'cond' | 'while' | 'scan' }>): readonly Value[] => {
  const inside = (steps: readonly Step[]): readonly Value[] =>
    steps.flatMap((s) => {
      const { reads, writes } = accessesOf(s)
      return [...reads, ...writes]
    })
  if (step.kind === 'cond') return [step.index, ...step.branches.flatMap((b) => inside(b.steps))]
  const carried = step.carries.flatMap((c) => [c.initial, c.current, c.next])
  return step.kind === 'while'
    ? [step.holds, ...carried, ...inside(step.condition.steps), ...inside(step.body.steps)]
    : [...carried, ...[...step.inputs, ...step.outputs].map((s) => s.whole), ...inside(step.body.steps)]
}

const areAlike = (a: Value, b: Value): boolean => a.aval.size === b.aval.size && a.aval.dtype === b.aval.dtype

/** Whether a kernel reads an array only at the indices at which it writes another one, and not later. */
const kernelTakesOver = (kernel: Kernel, operand: Value, result: Value): boolean => {
  if (!areAlike(operand, result) || kernel.rowTemporaries.includes(result)) return false
  const moments = momentsOf(kernel)
  const written = moments.findIndex((m) => m.stores.some((s) => s.value === result))
  const place = moments[written]?.stores.find((s) => s.value === result)?.index.key
  return moments.every((m, at) => m.loads.every((n) => n.value !== operand || (n.index.key === place && at <= written)))
}

/** Whether a step may write a result into the memory of an array that it reads. */
const takesOver = (step: Step, operand: Value, result: Value, operandFor: OperandFor): boolean => {
  if (step.kind === 'kernel') return kernelTakesOver(step.kernel, operand, result)
  if (step.kind === 'copy') return step.from === operand
  if (step.kind !== 'routine' || step.results[0] !== result) return false
  const place = operandFor(step)
  const used = step.operands.filter((o) => o.value === operand)
  return place !== null && used.length === 1 && used[0] === step.operands[place] && used[0]!.view === null
}

/** Whether a step may still read an array while the next one, a kernel that follows it row by row, writes. */
const mayOverlap = (step: Step | undefined, next: Step, operand: Value): boolean =>
  step?.kind === 'routine' && next.kind === 'kernel' && step.operands.some((o) => o.value === operand)

/** When each array of a block is first written and last read, in steps. */
class Usage {
  readonly #steps: readonly Step[]
  readonly #home: HomeOf
  readonly #first = new Map<Value, number>()
  readonly #last = new Map<Value, number>()
  readonly #accesses: readonly Accesses[]

  constructor(steps: readonly Step[], outputs: readonly Value[], home: HomeOf) {
    this.#steps = steps
    this.#home = home
    this.#accesses = steps.map(accessesOf)
    this.#accesses.forEach(({ reads, writes }, i) => {
      for (const v of reads) this.#last.set(v, i)
      for (const v of writes) if (!this.#first.has(home(v))) this.#first.set(home(v), i)
    })
    for (const v of outputs) this.#last.set(v, Infinity)
  }

  lastRead(value: Value): number {
    return this.#last.get(value) ?? -1
  }

  firstWrite(value: Value): number {
    return this.#first.get(this.#home(value)) ?? Infinity
  }

  accesses(i: number): Accesses {
    return this.#accesses[i]!
  }

  /** Lets `value` share the memory of `home`. */
  join(value: Value, home: Value): void {
    const first = Math.min(this.firstWrite(value), this.firstWrite(home))
    this.#first.set(this.#home(home), first)
  }

  /** Whether `value` may share the memory of `operand`, which then must not be read once `value` is written. */
  mayReplace(operand: Value, value: Value, operandFor: OperandFor): boolean {
    const [first, last] = [this.firstWrite(value), this.lastRead(operand)]
    const step = this.#steps[first]
    if (step === undefined || last > first || mayOverlap(this.#steps[first - 1], step, operand)) return false
    if (last < first) return true
    const written = this.accesses(first).writes.filter((v) => this.#home(v) === this.#home(value))
    return written.length === 1 && takesOver(step, operand, written[0]!, operandFor)
  }
}

/**
 * Finds such results among a block's steps. `isOwn` tells whether the block determines the memory of a value;
 * `share(value, home)` is called with the operand and the result.
 */
export const shareMemory = (
  steps: readonly Step[],
  outputs: readonly Value[],
  operandFor: OperandFor,
  home: HomeOf,
  isOwn: (value: Value) => boolean,
  share: (value: Value, home: Value) => void,
): void => {
  const usage = new Usage(steps, outputs, home)
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i]!
    if (step.kind !== 'kernel' && step.kind !== 'routine') continue
    const { reads, writes } = usage.accesses(i)
    for (const result of writes) {
      if (usage.firstWrite(result) !== i) continue
      const fits = (v: Value): boolean => usage.lastRead(v) === i && isOwn(v) && usage.mayReplace(v, result, operandFor)
      const operand = reads.find(fits)
      if (operand === undefined) continue
      usage.join(operand, result)
      share(operand, result)
    }
  }
}

/** The most inputs that a result can choose from: enough for an optimizer's state beside gradients and parameters. */
const mostCandidates = 8

const sizeKey = ({ aval }: Value): string => `${aval.dtype} ${aval.size}`

/** The inputs whose memory each result may reuse, where the caller donates them; those that it is computed from come first. */
export const replacements = (
  steps: readonly Step[],
  inputs: readonly Value[],
  outputs: readonly Value[],
  operandFor: OperandFor,
  home: HomeOf,
): ReadonlyMap<Value, readonly number[]> => {
  const usage = new Usage(steps, outputs, home)
  const places = new Map(inputs.map((v, i) => [v, i]))
  const bySize = new Map<string, Value[]>()
  for (const v of inputs) {
    const alike = bySize.get(sizeKey(v)) ?? []
    if (alike.length < mostCandidates) bySize.set(sizeKey(v), [...alike, v])
  }
  return new Map(
    outputs.map((result) => {
      const first = usage.firstWrite(result)
      const read = first < steps.length ? usage.accesses(first).reads.filter((v) => places.has(v)) : []
      const others = bySize.get(sizeKey(result)) ?? []
      const fitting = [...new Set([...read, ...others])].filter((v) => usage.mayReplace(v, result, operandFor))
      return [result, fitting.slice(0, mostCandidates).map((v) => places.get(v)!)]
    }),
  )
}

/** Whether a result may be written into the memory of an input, which the block's steps no longer read at that point. */
export const canReplace = (
  steps: readonly Step[],
  input: Value,
  output: Value,
  operandFor: OperandFor,
  home: HomeOf,
): boolean => areAlike(input, output) && new Usage(steps, [], home).mayReplace(input, output, operandFor)

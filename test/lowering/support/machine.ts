/**
 * Runs lowered programs step by step, element by element, with the interpreter's own functions: what lowering makes of a program means
 * what the program means bit for bit, whatever a back end would do with it. The machine is strict: memory holds rubbish until it is
 * written, and nothing is read or written out of bounds.
 */
import { Aval } from '../../../src/core/aval.ts'
import { encodeElement } from '../../../src/core/convert.ts'
import type { DType, TypedArray } from '../../../src/core/dtype.ts'
import { allocate } from '../../../src/core/dtype.ts'
import { range } from '../../../src/core/shape.ts'
import { run as interpret } from '../../../src/backends/reference/reference.ts'
import type { OpName } from '../../../src/ir/op.ts'
import type { Equation } from '../../../src/ir/program.ts'
import type { Index, LoopVar } from '../../../src/lowering/indices.ts'
import type { Node, Reduction, Value } from '../../../src/lowering/nodes.ts'
import type { Block, Carry, Kernel, Lowered, Operand, Sliced, Step, Store } from '../../../src/lowering/steps.ts'
import type { FoldName } from '../../../src/primitives/folds.ts'
import type { Primitive } from '../../../src/primitives/primitive.ts'
import { primitives } from '../../../src/primitives/all.ts'
import { valueOfIndex } from './indices.ts'

type Element = number | bigint
type Environment = Map<LoopVar, number>

const foldOps: { readonly [F in FoldName]: OpName } = {
  sum: 'reduceSum',
  prod: 'reduceProd',
  max: 'reduceMax',
  min: 'reduceMin',
  and: 'reduceAnd',
  or: 'reduceOr',
}

const primitiveOf = (op: OpName): Primitive<OpName> => primitives[op]

const holding = (dtype: DType, elements: readonly Element[]): TypedArray => {
  const data = allocate(dtype, elements.length)
  elements.forEach((x, i) => (data[i] = x))
  return data
}

const folded = (fold: FoldName, dtype: DType, elements: readonly Element[]): Element => {
  const avals = [new Aval(dtype, [elements.length]), new Aval(dtype, [])] as const
  const params = { axes: [0] } as never
  return primitiveOf(foldOps[fold]).evaluate(
    params,
    [holding(dtype, elements)],
    [avals[0]],
    [avals[1]],
    interpret,
  )[0]![0]!
}

const operated = (n: Node & { readonly kind: 'op' }, operands: readonly Element[]): Element => {
  const avals = n.operands.map((o) => new Aval(o.dtype, []))
  const data = n.operands.map((o, i) => holding(o.dtype, [operands[i]!]))
  const { type, evaluate } = primitiveOf(n.op)
  return evaluate(n.params, data, avals, type(n.params, avals), interpret)[n.result]![0]!
}

/** Sets loop variables to all their values in turn, the last of them fastest. */
const each = (vars: readonly LoopVar[], env: Environment, body: () => void): void => {
  const [first, ...rest] = vars
  if (first === undefined) body()
  else {
    for (let i = 0; i < first.extent; i++) {
      env.set(first, i)
      each(rest, env, body)
    }
  }
}

/** An operand's elements in order, as a view says where they are. */
const throughStrides = (
  data: TypedArray,
  { offset, strides }: NonNullable<Operand['view']>,
  aval: Aval,
): TypedArray => {
  const out = allocate(aval.dtype, aval.size)
  const place = (i: number): number => {
    let [rest, at] = [i, offset]
    for (let axis = aval.rank - 1; axis >= 0; axis--) {
      at += (rest % aval.shape[axis]!) * strides[axis]!
      rest = Math.floor(rest / aval.shape[axis]!)
    }
    return at
  }
  for (let i = 0; i < aval.size; i++) out[i] = data[place(i)]!
  return out
}

/** How often each element of an array has been written. */
type Writes = ReadonlyMap<Value, readonly number[]>

class Machine {
  readonly writes = new Map<Value, number[]>()
  readonly #memory = new Map<Value, TypedArray>()
  readonly #home: Lowered['home']

  constructor(home: Lowered['home']) {
    this.#home = home
  }

  /** The array's memory; of an array that has none yet, full of rubbish. */
  data(value: Value): TypedArray {
    const home = this.#home(value)
    const known = this.#memory.get(home)
    if (known !== undefined) return known
    const data = allocate(home.aval.dtype, home.aval.size)
    this.#memory.set(home, data)
    this.#spoil(home)
    return data
  }

  place(value: Value, data: TypedArray): void {
    this.#memory.set(this.#home(value), data)
  }

  steps(steps: readonly Step[]): void {
    for (const step of steps) this.#step(step)
  }

  #spoil(value: Value): void {
    const { buffer, byteOffset, byteLength } = this.data(value)
    new Uint8Array(buffer, byteOffset, byteLength).fill(0xa5)
  }

  #write(value: Value, data: TypedArray): void {
    this.data(value).set(data as never)
  }

  #step(step: Step): void {
    switch (step.kind) {
      case 'kernel':
        this.#kernel(step.kernel)
        break
      case 'routine':
        this.#equation(step.equation, step.operands.map((o, i) => this.#operand(o, step.equation.inputs[i]!.aval)), step.results) // prettier-ignore
        break
      case 'host':
        this.#equation(step.equation, step.operands.map((v) => this.data(v)), step.results) // prettier-ignore
        break
      case 'copy':
        this.#write(step.to, this.data(step.from).slice())
        break
      case 'cond': {
        const index = Math.max(0, Math.min(step.branches.length - 1, Number(this.data(step.index)[0])))
        this.steps(step.branches[index]!.steps)
        break
      }
      case 'while':
        this.#while(step)
        break
      case 'scan':
        this.#scan(step)
        break
    }
  }

  #operand({ value, view }: Operand, aval: Aval): TypedArray {
    return view === null ? this.data(value) : throughStrides(this.data(value), view, aval)
  }

  #equation(eqn: Equation, operands: readonly TypedArray[], results: readonly Value[]): void {
    const avals = eqn.inputs.map((a) => a.aval)
    const outputs = eqn.outputs.map((v) => v.aval)
    const copies = operands.map((data) => data.slice())
    const made = primitiveOf(eqn.op).evaluate(eqn.params, copies, avals, outputs, interpret)
    results.forEach((v, i) => {
      this.#write(v, made[i]!)
    })
  }

  // Loops over elements

  #kernel({ outer, inner, stages, rowTemporaries }: Kernel): void {
    const env: Environment = new Map()
    each(outer, env, () => {
      rowTemporaries.forEach((v) => {
        this.#spoil(v)
      })
      const rows = new Map<Reduction, Element>()
      for (const { stores, reductions, rowStores } of stages) {
        const gathered = reductions.map((): Element[] => [])
        each(inner, env, () => {
          // All of an element is computed before any of it is written.
          const element = this.#evaluator(env, rows)
          const terms = reductions.map((r) => element(r.node))
          this.#store(stores, env, element)
          terms.forEach((x, i) => gathered[i]!.push(x))
        })
        reductions.forEach((r, i) => rows.set(r, folded(r.fold, r.dtype, gathered[i]!)))
        this.#store(rowStores, env, this.#evaluator(env, rows))
      }
    })
  }

  #store(stores: readonly Store[], env: Environment, element: (n: Node) => Element): void {
    const elements = stores.map((s) => element(s.node))
    stores.forEach(({ value, index }, i) => {
      const place = this.#placeOf(value, index, env)
      this.data(value)[place] = elements[i]!
      const counts = this.writes.get(value) ?? range(value.aval.size).map(() => 0)
      counts[place]!++
      this.writes.set(value, counts)
    })
  }

  #placeOf(value: Value, index: Index, env: Environment): number {
    const place = valueOfIndex(index, env)
    if (place < 0 || place >= value.aval.size) throw new RangeError(`${place} is no place in ${value.aval}`)
    return place
  }

  #evaluator(env: Environment, rows: ReadonlyMap<Reduction, Element>): (n: Node) => Element {
    const known = new Map<Node, Element>()
    const make = (n: Node): Element => {
      switch (n.kind) {
        case 'load':
          return this.data(n.value)[this.#placeOf(n.value, n.index, env)]!
        case 'literal':
          return encodeElement(n.dtype, n.value)[0]!
        case 'index':
          return encodeElement(n.dtype, valueOfIndex(n.index, env))[0]!
        case 'op':
          return operated(n, n.operands.map(element))
        case 'fold': {
          const elements: Element[] = []
          each(n.vars, env, () => elements.push(this.#evaluator(env, rows)(n.body)))
          return folded(n.fold, n.dtype, elements)
        }
        case 'row':
          return rows.get(n.reduction)!
      }
    }
    const element = (n: Node): Element => {
      const x = known.get(n) ?? make(n)
      known.set(n, x)
      return x
    }
    return element
  }

  // Loops over steps

  #begin(carries: readonly Carry[]): void {
    const initial = carries.map((c) => this.data(c.initial).slice())
    carries.forEach((c, i) => {
      this.#write(c.current, initial[i]!)
    })
  }

  #exchange(carries: readonly Carry[]): void {
    for (const { current, next, inPlace } of carries) {
      if (inPlace) continue
      const [now, then] = [this.data(current), this.data(next)]
      this.place(current, then)
      this.place(next, now)
    }
  }

  #while({ condition, holds, body, carries, maxSteps }: Extract<Step, { readonly kind: 'while' }>): void {
    this.#begin(carries)
    for (let i = 0; i < maxSteps; i++) {
      this.steps(condition.steps)
      if (this.data(holds)[0] === 0) return
      this.#turn(body, carries)
    }
  }

  #turn(body: Block, carries: readonly Carry[]): void {
    this.steps(body.steps)
    this.#exchange(carries)
  }

  #scan({ body, length, reverse, carries, inputs, outputs }: Extract<Step, { readonly kind: 'scan' }>): void {
    this.#begin(carries)
    const order = reverse ? range(length).reverse() : range(length)
    const part = ({ whole, slice }: Sliced, i: number): TypedArray =>
      this.data(whole).subarray(i * slice.aval.size, (i + 1) * slice.aval.size)
    for (const i of order) {
      for (const s of [...inputs, ...outputs]) this.place(s.slice, part(s, i))
      this.#turn(body, carries)
    }
  }
}

/** What a run gave, and what it wrote. */
export interface Run {
  readonly outputs: readonly TypedArray[]
  readonly writes: Writes
}

/**
 * Runs a lowered program. With `donate`, each output is written over the first input that it may take, and that none has taken;
 * without, inputs and constants have to be what they were.
 */
export const runLowered = (lowered: Lowered, inputs: readonly TypedArray[], donate = false): Run => {
  const machine = new Machine(lowered.home)
  const given = [...lowered.inputs, ...lowered.constants.map((c) => c.value)]
  const elements = [...inputs, ...lowered.constants.map((c) => c.data.data)]
  given.forEach((v, i) => {
    machine.place(v, elements[i]!.slice())
  })
  const taken = new Set<number>()
  for (const v of donate ? lowered.outputs : []) {
    const input = lowered.replacements.get(v)?.find((i) => !taken.has(i))
    if (input === undefined) continue
    taken.add(input)
    machine.place(v, machine.data(lowered.inputs[input]!))
  }
  machine.steps(lowered.steps)
  const outputs = lowered.outputs.map((v) => machine.data(v).slice())
  given.forEach((v, i) => {
    if (taken.has(i)) return
    const [is, was] = [machine.data(v), elements[i]!]
    if (is.some((x, k) => !Object.is(x, was[k]))) throw new Error(`the array given at place ${i} was written to`)
  })
  return { outputs, writes: machine.writes }
}

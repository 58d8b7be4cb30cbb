/**
 * Programs to steps: equations are gathered into kernels in one walk. An elementwise value that is not stored is computed
 * where it is used; what is stored joins the newest kernel of the same domain whose values it reads at its own place, or
 * begins a kernel.
 */
import type { Aval } from '../core/aval.ts'
import { sameShape, sizeOf, stridesOf } from '../core/shape.ts'
import type { HostArray } from '../core/host.ts'
import type { OpName } from '../ir/op.ts'
import type { Atom, Equation, Program, Variable } from '../ir/program.ts'
import { Literal } from '../ir/program.ts'
import type { Analysis, Capabilities } from './analyse.ts'
import { analyse, stridedView, viewOf } from './analyse.ts'
import type { Enclosing, LoweredBlock } from './control.ts'
import { lowerControl } from './control.ts'
import { flatten } from './flatten.ts'
import type { LoopVar } from './indices.ts'
import { Index, linearize } from './indices.ts'
import type { Member } from './kernels.ts'
import { OpenKernel } from './kernels.ts'
import type { HomeOf, OperandFor } from './inPlace.ts'
import { replacements, shareMemory } from './inPlace.ts'
import { finishKernel } from './loops.ts'
import type { FoldName, Node, Reduction } from './nodes.ts'
import { Value } from './nodes.ts'
import type { Block, Lowered, Operand, Step } from './steps.ts'
import { keepsOrder, throughView } from './views.ts'

/** What all blocks of one program share. */
class Context {
  readonly can: Capabilities
  readonly constants: { readonly value: Value; readonly data: HostArray }[] = []
  readonly same = new Map<Value, Value>()
  #values = 0

  constructor(can: Capabilities) {
    this.can = can
  }

  /** Says that a value lives where another one does. */
  readonly unify = (value: Value, home: Value): void => {
    this.same.set(value, home)
  }

  readonly home: HomeOf = (value) => {
    let root = value
    for (let next = this.same.get(root); next !== undefined; next = this.same.get(root)) root = next
    return root
  }

  readonly operandFor: OperandFor = (step) => this.can.inPlace(step.equation)

  value(aval: Aval): Value {
    return new Value(aval, this.#values++)
  }
}

/** The value is not computed at the place where a kernel would need it. */
class Misplaced extends Error {}

type Leaf = (value: Value, index: Index) => Node

const sameCoordinates = (a: readonly Index[], b: readonly Index[]): boolean =>
  a === b || a.every((c, i) => c.key === b[i]!.key)

const folds: { readonly [N in OpName]?: FoldName } = {
  reduceSum: 'sum',
  reduceProd: 'prod',
  reduceMax: 'max',
  reduceMin: 'min',
  reduceAnd: 'and',
  reduceOr: 'or',
}

// Rows shorter than this are reduced many at once, one in each lane.
const shortRow = 8

/** What the last axis that counts says: whether a reduction runs along rows, or down columns. */
const runsAlongRows = (shape: readonly number[], axes: readonly number[]): boolean => {
  if (axes.length === 0) return false
  const last = shape.findLastIndex((n) => n !== 1)
  if (last < 0) return true
  const kept = sizeOf(shape.filter((_, i) => !axes.includes(i)))
  if (kept === 1) return true
  return axes.includes(last) && sizeOf(axes.map((a) => shape[a]!)) >= shortRow
}

/** Lowers the equations of one program, on values that the enclosing one provides. */
class BlockBuilder implements Enclosing {
  readonly context: Context
  readonly #steps: (Step | OpenKernel)[] = []
  readonly #program: Program
  readonly #analysis: Analysis
  readonly #values = new Map<Variable, Value>()
  /** The step that gives a value; those from outside have none. */
  readonly #positions = new Map<Value, number>()
  readonly #newest = new Map<string, OpenKernel>()
  readonly #usedElsewhere = new Set<Value>()
  /** Values whose place a loop decides. */
  readonly #pinned = new Set<Value>()

  constructor(context: Context, program: Program, inputs: readonly Value[]) {
    this.context = context
    this.#program = program
    program.inputs.forEach((v, i) => this.#values.set(v, inputs[i]!))
    for (const { variable, value } of program.constants) {
      const constant = context.value(variable.aval)
      context.constants.push({ value: constant, data: value })
      this.#values.set(variable, constant)
    }
    this.#analysis = analyse(program, context.can)
  }

  /** Whether a step of this block gives the value, and nothing else lives in its place. */
  isOwn(value: Value): boolean {
    return this.#positions.has(value) && !this.context.same.has(value) && !this.#pinned.has(value)
  }

  /** The steps, and the values of the program's outputs. */
  run(): { readonly block: Block; readonly outputs: readonly Value[] } {
    for (const eqn of this.#program.equations) this.#lower(eqn)
    const outputs = this.#program.outputs.map((a) => this.valueOf(a))
    for (const v of outputs) this.#usedElsewhere.add(v)
    const steps = this.#steps.map((s): Step => {
      if (!(s instanceof OpenKernel)) return s
      return { kind: 'kernel', kernel: finishKernel(s, this.#usedElsewhere), sources: s.sources }
    })
    const { operandFor, home, unify } = this.context
    shareMemory(steps, outputs, operandFor, home, (v) => this.isOwn(v), unify)
    return { block: { steps }, outputs }
  }

  #lower(eqn: Equation): void {
    const c = this.#analysis.classes.get(eqn)!
    if (c === 'map' || c === 'view') {
      eqn.outputs.forEach((v, i) => {
        if (this.#analysis.stored.has(v)) this.#store(eqn, v, i)
      })
    } else if (c === 'fold') this.#fold(eqn)
    else if (c === 'pieces') this.#pieces(eqn)
    else if (c === 'control') lowerControl(this, eqn)
    else if (c === 'routine') this.#routine(eqn)
    else
      this.push({
        kind: 'host',
        equation: eqn,
        operands: eqn.inputs.map((a) => this.valueOf(a)),
        results: this.results(eqn),
      })
  }

  // Values

  results(eqn: Equation): readonly Value[] {
    return eqn.outputs.map((v) => this.#define(v))
  }

  #define(v: Variable): Value {
    const value = this.context.value(v.aval)
    this.#values.set(v, value)
    return value
  }

  alias(v: Variable, value: Value, pinned: boolean): void {
    this.#values.set(v, value)
    if (pinned) this.#pinned.add(value)
  }

  inner(program: Program, inputs: readonly Value[]): LoweredBlock {
    return lowerBlock(this.context, program, inputs)
  }

  /** The value of an atom that is in memory; literals are put there. */
  valueOf(a: Atom): Value {
    if (!(a instanceof Literal)) {
      const value = this.#values.get(a)!
      this.#usedElsewhere.add(value)
      return value
    }
    const value = this.context.value(a.aval)
    const kernel = this.#open([])
    this.#add(kernel, value, 'element', 0, kernel.nodes.literal(a.value, a.aval.dtype))
    this.#usedElsewhere.add(value)
    return value
  }

  /** Appends a step that gives some values. */
  push(step: Step, results: readonly Value[] = 'results' in step ? step.results : []): void {
    this.#steps.push(step)
    for (const v of results) this.#positions.set(v, this.#steps.length - 1)
  }

  // Expressions

  /** The node of an atom's element at some coordinates. */
  #demand(kernel: OpenKernel, a: Atom, coordinates: readonly Index[], leaf: Leaf): Node {
    const known = new Map<Variable, { readonly at: readonly Index[]; readonly node: Node }[]>()
    const visit = (atom: Atom, at: readonly Index[]): Node => {
      if (atom instanceof Literal) return kernel.nodes.literal(atom.value, atom.aval.dtype)
      const value = this.#values.get(atom)
      if (value !== undefined) return leaf(value, kernel.indexOf(at, atom.aval.shape))
      const eqn = this.#analysis.definitions.get(atom)!
      if (eqn.op === 'iota') return kernel.nodes.index(at[eqn.params.axis]!, eqn.params.dtype)
      if (viewOf(eqn, this.#analysis.classes) !== undefined) return visit(eqn.inputs[0]!, throughView(eqn, at))
      const found = known.get(atom)?.find((k) => sameCoordinates(k.at, at))
      if (found !== undefined) return found.node
      const operands = eqn.inputs.map((x) => visit(x, at))
      const node = kernel.nodes.op(eqn.op, eqn.params, operands, atom.aval.dtype, eqn.outputs.indexOf(atom))
      const list = known.get(atom)
      if (list === undefined) known.set(atom, [{ at, node }])
      else list.push({ at, node })
      return node
    }
    return visit(a, coordinates)
  }

  /** The arrays that elements of some atoms are computed from. */
  #sources(atoms: readonly Atom[]): ReadonlySet<Value> {
    const sources = new Set<Value>()
    const seen = new Set<Atom>()
    const visit = (atom: Atom): void => {
      if (atom instanceof Literal || seen.has(atom)) return
      seen.add(atom)
      const value = this.#values.get(atom)
      if (value === undefined) this.#analysis.definitions.get(atom)!.inputs.forEach(visit)
      else sources.add(value)
    }
    atoms.forEach(visit)
    return sources
  }

  // Kernels

  #open(shape: readonly number[]): OpenKernel {
    const kernel = new OpenKernel(this.#steps.length, shape)
    this.#steps.push(kernel)
    this.#newest.set(shape.join(), kernel)
    return kernel
  }

  #add(kernel: OpenKernel, value: Value, level: Member['level'], stage: number, node: Node, index?: Index): void {
    const place = index ?? kernel.elementIndex
    kernel.members.set(value, { value, level, stage, node, index: place })
    this.#positions.set(value, kernel.position)
  }

  /** Kernels that a value could join: the one that gives the last of what it reads, and the newest of its domain. */
  #candidates(sources: ReadonlySet<Value>, domain: readonly number[]): readonly OpenKernel[] {
    let last = -1
    for (const v of sources) last = Math.max(last, this.#positions.get(v) ?? -1)
    const step = this.#steps[last]
    const found = step instanceof OpenKernel ? [step] : []
    const newest = this.#newest.get(domain.join())
    if (newest !== undefined && newest !== step && newest.position >= last) found.push(newest)
    return found.filter((k) => !k.isFull)
  }

  /** A kernel's own value, where it is read at the place where it is computed; null for what others give. */
  #memberAt(kernel: OpenKernel, level: Member['level'], value: Value, index: Index): Member | null {
    const member = kernel.members.get(value)
    if (member === undefined) {
      if ((this.#positions.get(value) ?? -1) >= kernel.position) throw new Misplaced()
      return null
    }
    if (member.index.key !== index.key || (member.level === 'element' && level === 'row')) throw new Misplaced()
    return member
  }

  /** The pass over the row in which something can be computed. */
  #stageOf(kernel: OpenKernel, level: Member['level'], build: (leaf: Leaf) => Node): number {
    if (kernel.reductions.length === 0) return 0
    let stage = 0
    build((value, index) => {
      const member = this.#memberAt(kernel, level, value, index)
      if (member !== null) {
        stage = Math.max(stage, member.level === 'row' && level === 'element' ? member.stage + 1 : member.stage)
      }
      return kernel.nodes.load(value, index)
    })
    return stage
  }

  /** Tries to compute a value in a kernel, at some coordinates of the kernel's domain. */
  #join(kernel: OpenKernel, level: Member['level'], build: (leaf: Leaf) => Node): { stage: number; node: Node } | null {
    try {
      const stage = this.#stageOf(kernel, level, build)
      const node = build((value, index) => {
        const member = this.#memberAt(kernel, level, value, index)
        if (member === null) return kernel.nodes.load(value, index)
        if (member.level === 'row' || member.stage === stage) return member.node
        kernel.reread.add(value)
        return kernel.nodes.load(value, index)
      })
      return { stage, node }
    } catch (error) {
      if (error instanceof Misplaced) return null
      throw error
    }
  }

  /** Gives a map's or view's value memory. */
  #store(eqn: Equation, v: Variable, result: number): void {
    const view = viewOf(eqn, this.#analysis.classes)
    const [source] = eqn.inputs
    if (view !== undefined && keepsOrder(eqn) && !(source instanceof Literal)) {
      const value = this.#values.get(source!)
      if (value !== undefined) {
        this.#usedElsewhere.add(value)
        this.#values.set(v, value)
        return
      }
    }
    const build =
      (kernel: OpenKernel, at: readonly Index[]) =>
      (leaf: Leaf): Node => {
        if (view !== undefined) return this.#demand(kernel, source!, throughView(eqn, at), leaf)
        if (eqn.op === 'iota') return kernel.nodes.index(at[eqn.params.axis]!, eqn.params.dtype)
        const operands = eqn.inputs.map((a) => this.#demand(kernel, a, at, leaf))
        return kernel.nodes.op(eqn.op, eqn.params, operands, v.aval.dtype, result)
      }
    this.#place(eqn, v, build)
  }

  /** Puts a value into a kernel, or into a new one of its own shape. */
  #place(eqn: Equation, v: Variable, build: (kernel: OpenKernel, at: readonly Index[]) => (leaf: Leaf) => Node): void {
    const { shape } = v.aval
    const sources = this.#sources(eqn.inputs)
    const value = this.context.value(v.aval)
    for (const kernel of this.#candidates(sources, shape)) {
      if (sameShape(kernel.shape, shape)) {
        const joined = this.#join(kernel, 'element', build(kernel, kernel.coordinates))
        if (joined !== null) {
          this.#finish(eqn, v, value, kernel, 'element', joined, kernel.elementIndex, sources)
          return
        }
      }
      const at = kernel.rowCoordinates(shape)
      const joined = at === null ? null : this.#join(kernel, 'row', build(kernel, at))
      if (joined !== null) {
        this.#finish(eqn, v, value, kernel, 'row', joined, linearize(at!, stridesOf(shape)), sources)
        return
      }
    }
    const kernel = this.#open(shape)
    const joined = this.#join(kernel, 'element', build(kernel, kernel.coordinates))!
    this.#finish(eqn, v, value, kernel, 'element', joined, kernel.elementIndex, sources)
  }

  #finish(
    eqn: Equation,
    v: Variable,
    value: Value,
    kernel: OpenKernel,
    level: Member['level'],
    { stage, node }: { stage: number; node: Node },
    index: Index,
    sources: ReadonlySet<Value>,
  ): void {
    for (const source of sources) if (!kernel.members.has(source)) this.#usedElsewhere.add(source)
    this.#add(kernel, value, level, stage, node, index)
    kernel.sources.push(eqn)
    this.#values.set(v, value)
  }

  // Reductions

  #fold(eqn: Equation): void {
    const [x] = eqn.inputs
    const { shape } = x!.aval
    const { axes } = eqn.params as { readonly axes: readonly number[] }
    if (runsAlongRows(shape, axes))
      this.#foldRows(
        eqn,
        [...axes].sort((a, b) => a - b),
      )
    else this.#foldColumns(eqn, axes)
  }

  #foldRows(eqn: Equation, axes: readonly number[]): void {
    const [x] = eqn.inputs
    const { shape } = x!.aval
    const v = eqn.outputs[0]!
    const build = (kernel: OpenKernel) => (leaf: Leaf) => this.#demand(kernel, x!, kernel.coordinates, leaf)
    const sources = this.#sources(eqn.inputs)
    const fits = (k: OpenKernel): boolean =>
      sameShape(k.shape, shape) && (k.reduced === null || k.reduced.join() === axes.join()) && k.pieces.length === 0
    for (const kernel of this.#candidates(sources, shape)) {
      if (!fits(kernel)) continue
      const joined = this.#join(kernel, 'element', build(kernel))
      if (joined === null) continue
      this.#reduce(eqn, v, kernel, axes, joined, sources)
      return
    }
    const kernel = this.#open(shape)
    this.#reduce(eqn, v, kernel, axes, this.#join(kernel, 'element', build(kernel))!, sources)
  }

  #reduce(
    eqn: Equation,
    v: Variable,
    kernel: OpenKernel,
    axes: readonly number[],
    { stage, node }: { stage: number; node: Node },
    sources: ReadonlySet<Value>,
  ): void {
    kernel.reduced = axes
    const reduction: Reduction = { fold: folds[eqn.op]!, node, dtype: v.aval.dtype }
    kernel.reductions.push({ stage, reduction })
    const index = linearize(kernel.rowCoordinates(v.aval.shape)!, stridesOf(v.aval.shape))
    this.#finish(
      eqn,
      v,
      this.context.value(v.aval),
      kernel,
      'row',
      { stage, node: kernel.nodes.row(reduction) },
      index,
      sources,
    )
  }

  #foldColumns(eqn: Equation, axes: readonly number[]): void {
    const [x] = eqn.inputs
    const { shape } = x!.aval
    const vars = new Map<OpenKernel, readonly LoopVar[]>()
    this.#place(eqn, eqn.outputs[0]!, (kernel, at) => (leaf) => {
      let inner = vars.get(kernel)
      if (inner === undefined) vars.set(kernel, (inner = kernel.inner(axes.map((a) => shape[a]!))))
      let kept = 0
      const coordinates = shape.map((_, i) => {
        const place = axes.indexOf(i)
        return place < 0 ? at[kept++]! : Index.variable(inner[place]!)
      })
      return kernel.nodes.fold(folds[eqn.op]!, inner, this.#demand(kernel, x!, coordinates, leaf))
    })
  }

  // Pieces

  #pieces(eqn: Equation): void {
    const v = eqn.outputs[0]!
    const value = this.context.value(v.aval)
    const strides = stridesOf(v.aval.shape)
    if (eqn.op === 'concatenate') {
      let offset = 0
      for (const x of eqn.inputs) {
        const start = offset
        this.#piece(
          eqn,
          value,
          x,
          x.aval.shape,
          (at) => at,
          (at) =>
            linearize(
              at.map((c, i) => (i === eqn.params.axis ? c.plus(start) : c)),
              strides,
            ),
        )
        offset += x.aval.shape[eqn.params.axis]!
      }
    } else if (eqn.op === 'pad') {
      const [x, filling] = eqn.inputs
      const { low, interior } = eqn.params
      this.#piece(
        eqn,
        value,
        filling!,
        v.aval.shape,
        () => [],
        (at) => linearize(at, strides),
      )
      // Of operand axis i, elements from `first` on, `count` of them, lie inside of the result.
      const first = low.map((l, i) => Math.max(0, Math.ceil(-l / (interior[i]! + 1))))
      const count = low.map((l, i) => {
        const last = Math.floor((v.aval.shape[i]! - 1 - l) / (interior[i]! + 1))
        return Math.max(0, Math.min(x!.aval.shape[i]! - 1, last) - first[i]! + 1)
      })
      this.#piece(
        eqn,
        value,
        x!,
        count,
        (at) => at.map((c, i) => c.plus(first[i]!)),
        (at) =>
          linearize(
            at.map((c, i) =>
              c
                .plus(first[i]!)
                .times(interior[i]! + 1)
                .plus(low[i]!),
            ),
            strides,
          ),
      )
    }
    this.#values.set(v, value)
  }

  /** Writes part of an array: elements of an atom, in a kernel of its own. */
  #piece(
    eqn: Equation,
    value: Value,
    source: Atom,
    shape: readonly number[],
    from: (at: readonly Index[]) => readonly Index[],
    to: (at: readonly Index[]) => Index,
  ): void {
    if (sizeOf(shape) === 0) return
    const kernel = new OpenKernel(this.#steps.length, shape)
    this.#steps.push(kernel)
    const at = kernel.coordinates
    const node = this.#demand(kernel, source, from(at), (v, index) => {
      this.#usedElsewhere.add(v)
      return kernel.nodes.load(v, index)
    })
    kernel.pieces.push({ value, index: to(at), node })
    kernel.sources.push(eqn)
    this.#positions.set(value, kernel.position)
  }

  // Routines

  #routine(eqn: Equation): void {
    const operands = eqn.inputs.map((a) =>
      this.context.can.takesViews(eqn) ? this.#operand(a) : { value: this.valueOf(a), view: null },
    )
    this.push({ kind: 'routine', equation: eqn, operands, results: this.results(eqn) })
  }

  #operand(a: Atom): Operand {
    const known = a instanceof Literal ? undefined : this.#values.get(a)
    if (a instanceof Literal || known !== undefined) return { value: this.valueOf(a), view: null }
    const view = (v: Variable): Equation | undefined =>
      viewOf(this.#analysis.definitions.get(v), this.#analysis.classes)
    // Of the nearest array in memory; or of the one that the analysis wants, where only all views together are strided.
    const { source, offset, strides } =
      stridedView(a, (v) => (this.#values.has(v) ? undefined : view(v))) ?? stridedView(a, view)!
    return { value: this.valueOf(source), view: { offset, strides } }
  }
}

const lowerBlock = (context: Context, program: Program, inputs: readonly Value[]): LoweredBlock => {
  const builder = new BlockBuilder(context, flatten(program), inputs)
  return { ...builder.run(), isOwn: (v) => builder.isOwn(v) }
}

/** Lowers a program for a back end. */
export const lower = (program: Program, can: Capabilities): Lowered => {
  const context = new Context(can)
  const inputs = program.inputs.map((v) => context.value(v.aval))
  const { block, outputs, isOwn } = lowerBlock(context, program, inputs)
  const given = new Set([...inputs, ...context.constants.map((c) => c.value)])
  // What a loop has in a place of its own, or what is an output twice, is copied.
  const copies: Step[] = []
  const taken = new Set<Value>()
  const results = outputs.map((from) => {
    if (given.has(from) || (isOwn(from) && !taken.has(from))) {
      taken.add(from)
      return from
    }
    const to = context.value(from.aval)
    copies.push({ kind: 'copy', from, to })
    return to
  })
  const steps = [...block.steps, ...copies]
  const { constants, operandFor, home } = context
  return {
    steps,
    inputs,
    constants,
    outputs: results,
    replacements: replacements(steps, inputs, results, operandFor, home),
    home,
  }
}

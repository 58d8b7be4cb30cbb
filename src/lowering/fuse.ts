/**
 * Lowers programs to steps: fuses equations into kernels in one walk. An elementwise value that is not stored is computed where
 * it is used. A stored value joins the newest kernel of the same domain whose values it reads at its own index, or begins a
 * kernel.
 */
import { sameShape, sizeOf, stridesOf } from '../core/shape.ts'
import type { Atom, Equation, Program, Variable } from '../ir/program.ts'
import { Literal } from '../ir/program.ts'
import type { Analysis, Capabilities } from './analyse.ts'
import { analyse, isLazy, stridedView, viewOf } from './analyse.ts'
import { Context } from './context.ts'
import type { Enclosing, LoweredBlock } from './control.ts'
import { lowerControl } from './control.ts'
import { replacements, shareMemory } from './inPlace.ts'
import type { LoopVar } from './indices.ts'
import { Index, linearize } from './indices.ts'
import type { Member } from './kernels.ts'
import { OpenKernel } from './kernels.ts'
import { finishKernel } from './loops.ts'
import type { FoldName } from '../primitives/folds.ts'
import { primitiveOf } from '../primitives/registry.ts'
import type { Node, Reduction, Value } from './nodes.ts'
import type { Build, Joined, Leaf } from './openSteps.ts'
import { OpenSteps } from './openSteps.ts'
import type { Piece } from './pieces.ts'
import { piecesOf } from './pieces.ts'
import type { Block, Lowered, Operand, Step } from './steps.ts'
import { countedAxis, keepsOrder, throughView } from './views.ts'

const sameCoordinates = (a: readonly Index[], b: readonly Index[]): boolean =>
  a === b || a.every((c, i) => c.key === b[i]!.key)

/** The fold of an equation that is classified as a reduction. */
const foldOf = (eqn: Equation): FoldName => primitiveOf(eqn.op).facts.fold!

// Rows shorter than this are reduced several at a time, one in each lane.
const shortRow = 8

/** Whether a reduction runs along rows or down columns, by the last axis with an extent above 1. */
const runsAlongRows = (shape: readonly number[], axes: readonly number[]): boolean => {
  if (axes.length === 0) return false
  const last = shape.findLastIndex((n) => n !== 1)
  if (last < 0) return true
  const kept = sizeOf(shape.filter((_, i) => !axes.includes(i)))
  if (kept === 1) return true
  return axes.includes(last) && sizeOf(axes.map((a) => shape[a]!)) >= shortRow
}

/** Lowers the equations of one program, on values of the enclosing one. */
class BlockBuilder implements Enclosing {
  readonly context: Context
  readonly #steps = new OpenSteps()
  readonly #program: Program
  readonly #analysis: Analysis
  readonly #values = new Map<Variable, Value>()
  readonly #usedElsewhere = new Set<Value>()
  /** Values whose memory a loop determines. */
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

  /** Whether a step of this block computes the value, and nothing else shares its memory. */
  isOwn(value: Value): boolean {
    return this.#steps.has(value) && !this.context.isUnified(value) && !this.#pinned.has(value)
  }

  /** The steps, and the values of the program's outputs. */
  run(): { readonly block: Block; readonly outputs: readonly Value[] } {
    for (const eqn of this.#program.equations) this.#lower(eqn)
    const outputs = this.#program.outputs.map((a) => this.valueOf(a))
    for (const v of outputs) this.#usedElsewhere.add(v)
    const steps = this.#steps.all.map((s): Step => {
      if (!(s instanceof OpenKernel)) return s
      return { kind: 'kernel', kernel: finishKernel(s, this.#usedElsewhere), sources: s.sources }
    })
    const { operandFor, home, unify } = this.context
    shareMemory(steps, outputs, operandFor, home, (v) => this.isOwn(v), unify)
    return { block: { steps }, outputs }
  }

  #lower(eqn: Equation): void {
    const c = this.#analysis.classes.get(eqn)!
    if (isLazy(c)) {
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

  /** The value of an atom in memory; literals are stored. */
  valueOf(a: Atom): Value {
    if (!(a instanceof Literal)) {
      const value = this.#values.get(a)!
      this.#usedElsewhere.add(value)
      return value
    }
    const value = this.context.value(a.aval)
    const kernel = this.#steps.open([])
    this.#steps.add(kernel, value, 'element', { stage: 0, node: kernel.nodes.literal(a.value, a.aval.dtype) })
    this.#usedElsewhere.add(value)
    return value
  }

  /** Appends a step that computes these values. */
  push(step: Step, results: readonly Value[] = 'results' in step ? step.results : []): void {
    this.#steps.push(step, results)
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
      const axis = countedAxis(eqn)
      if (axis !== null) return kernel.nodes.index(at[axis]!, atom.aval.dtype)
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

  /** The arrays that the elements of these atoms are computed from. */
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

  /** Stores the value of a map or view. */
  #store(eqn: Equation, v: Variable, result: number): void {
    const view = viewOf(eqn, this.#analysis.classes)
    const axis = countedAxis(eqn)
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
      (kernel: OpenKernel, at: readonly Index[]): Build =>
      (leaf) => {
        if (view !== undefined) return this.#demand(kernel, source!, throughView(eqn, at), leaf)
        if (axis !== null) return kernel.nodes.index(at[axis]!, v.aval.dtype)
        const operands = eqn.inputs.map((a) => this.#demand(kernel, a, at, leaf))
        return kernel.nodes.op(eqn.op, eqn.params, operands, v.aval.dtype, result)
      }
    this.#place(eqn, v, build)
  }

  /** Puts a value into a kernel, or into a new one of its own shape. */
  #place(eqn: Equation, v: Variable, build: (kernel: OpenKernel, at: readonly Index[]) => Build): void {
    const { shape } = v.aval
    const sources = this.#sources(eqn.inputs)
    const value = this.context.value(v.aval)
    for (const kernel of this.#steps.candidates(sources, shape)) {
      if (sameShape(kernel.shape, shape)) {
        const joined = this.#steps.join(kernel, 'element', build(kernel, kernel.coordinates))
        if (joined !== null) {
          this.#finish(eqn, v, value, kernel, 'element', joined, kernel.elementIndex, sources)
          return
        }
      }
      const at = kernel.rowCoordinates(shape)
      const joined = at === null ? null : this.#steps.join(kernel, 'row', build(kernel, at))
      if (joined !== null) {
        this.#finish(eqn, v, value, kernel, 'row', joined, linearize(at!, stridesOf(shape)), sources)
        return
      }
    }
    const kernel = this.#steps.open(shape)
    const joined = this.#steps.join(kernel, 'element', build(kernel, kernel.coordinates))!
    this.#finish(eqn, v, value, kernel, 'element', joined, kernel.elementIndex, sources)
  }

  #finish(
    eqn: Equation,
    v: Variable,
    value: Value,
    kernel: OpenKernel,
    level: Member['level'],
    joined: Joined,
    index: Index,
    sources: ReadonlySet<Value>,
  ): void {
    for (const source of sources) if (!kernel.members.has(source)) this.#usedElsewhere.add(source)
    this.#steps.add(kernel, value, level, joined, index)
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
    for (const kernel of this.#steps.candidates(sources, shape)) {
      if (!fits(kernel)) continue
      const joined = this.#steps.join(kernel, 'element', build(kernel))
      if (joined === null) continue
      this.#reduce(eqn, v, kernel, axes, joined, sources)
      return
    }
    const kernel = this.#steps.open(shape)
    this.#reduce(eqn, v, kernel, axes, this.#steps.join(kernel, 'element', build(kernel))!, sources)
  }

  #reduce(
    eqn: Equation,
    v: Variable,
    kernel: OpenKernel,
    axes: readonly number[],
    { stage, node }: Joined,
    sources: ReadonlySet<Value>,
  ): void {
    kernel.reduced = axes
    const reduction: Reduction = { fold: foldOf(eqn), node, dtype: v.aval.dtype }
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
      return kernel.nodes.fold(foldOf(eqn), inner, this.#demand(kernel, x!, coordinates, leaf))
    })
  }

  // Pieces

  #pieces(eqn: Equation): void {
    const v = eqn.outputs[0]!
    const value = this.context.value(v.aval)
    for (const piece of piecesOf(eqn)) this.#piece(eqn, value, piece)
    this.#values.set(v, value)
  }

  /** Writes part of an array, in a kernel of its own. */
  #piece(eqn: Equation, value: Value, { source, shape, from, to }: Piece): void {
    if (sizeOf(shape) === 0) return
    const kernel = this.#steps.openAlone(shape)
    const at = kernel.coordinates
    const node = this.#demand(kernel, source, from(at), (v, index) => {
      this.#usedElsewhere.add(v)
      return kernel.nodes.load(v, index)
    })
    this.#steps.addPiece(kernel, value, to(at), node)
    kernel.sources.push(eqn)
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
    // A view of the nearest array in memory; or, where only all views together are strided, of the one that the analysis
    // stored.
    const { source, offset, strides } =
      stridedView(a, (v) => (this.#values.has(v) ? undefined : view(v))) ?? stridedView(a, view)!
    return { value: this.valueOf(source), view: { offset, strides } }
  }
}

const lowerBlock = (context: Context, program: Program, inputs: readonly Value[]): LoweredBlock => {
  const builder = new BlockBuilder(context, context.can.legalise(program), inputs)
  return { ...builder.run(), isOwn: (v) => builder.isOwn(v) }
}

/** Lowers a program for a back end. */
export const lower = (program: Program, can: Capabilities): Lowered => {
  const context = new Context(can)
  const inputs = program.inputs.map((v) => context.value(v.aval))
  const { block, outputs, isOwn } = lowerBlock(context, program, inputs)
  const given = new Set([...inputs, ...context.constants.map((c) => c.value)])
  // Values in a loop's own memory, and repeated outputs, are copied.
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

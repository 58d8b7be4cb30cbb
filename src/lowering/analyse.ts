/** Decides which values of a program get memory of their own, and which are recomputed where they are used. */
import type { OpName } from '../ir/op.ts'
import type { Atom, Equation, Program, Variable } from '../ir/program.ts'
import { Literal } from '../ir/program.ts'
import { stridesOf } from '../core/shape.ts'
import { primitiveOf } from '../primitives/registry.ts'
import { isControl } from './control.ts'
import { Index, LoopVar, linearize } from './indices.ts'
import { hasPieces } from './pieces.ts'
import { countedAxis, isView, keepsOrder, repeatsRows, throughView } from './views.ts'

/** How an equation is lowered. */
export type Class =
  /** A loop over elements, which may be fused into a larger one. */
  | 'map'
  | 'view'
  /** Its elements are computed from their indices: nothing is read. */
  | 'index'
  | 'fold'
  /** Written piece by piece. */
  | 'pieces'
  | 'control'
  /** A kernel of its own. */
  | 'routine'
  /** Evaluated by the reference. */
  | 'host'

/** The capabilities of a back end. */
export interface Capabilities {
  /** Rewrites a program, or one that it holds, to operations that the back end supports, without calls. */
  legalise(program: Program): Program
  /** Whether an elementwise equation can be part of a loop. */
  canLoop(eqn: Equation): boolean
  canFold(eqn: Equation): boolean
  hasRoutine(eqn: Equation): boolean
  /** The operands that the equation's routine reads through strides, so that views need no copies. */
  takesViews(eqn: Equation): boolean
  /** The operand whose memory the first result of the equation's routine may reuse; null for none. */
  inPlace(eqn: Equation): number | null
}

export const classify = (eqn: Equation, can: Capabilities): Class => {
  if (isView(eqn)) return 'view'
  if (countedAxis(eqn) !== null) return 'index'
  if (hasPieces(eqn)) return 'pieces'
  if (isControl(eqn)) return 'control'
  const { facts } = primitiveOf(eqn.op)
  if (facts.elementwise === true && can.canLoop(eqn)) return 'map'
  if (facts.reduces === true && can.canFold(eqn)) return 'fold'
  return can.hasRoutine(eqn) ? 'routine' : 'host'
}

/** Classes of values that may be computed where they are used, without memory of their own. */
export const isLazy = (c: Class | undefined): boolean => c === 'map' || c === 'view' || c === 'index'

/** The approximate number of simple instructions of an operation. */
export const costOf = (op: OpName): number => primitiveOf(op).facts.cost ?? 1

// A value of more than this many nodes ends a fused expression.
const largestExpression = 48
// The largest cost of an expression that is computed twice instead of stored.
const cheap = 6

interface Weight {
  /** The nodes of the expression, down to values in memory. */
  readonly nodes: number
  readonly cost: number
}

export interface Analysis {
  readonly classes: ReadonlyMap<Equation, Class>
  /** Values of maps and views that are stored in memory. Results of all other equations always are. */
  readonly stored: ReadonlySet<Variable>
  readonly definitions: ReadonlyMap<Variable, Equation>
}

const isVariable = (a: Atom): a is Variable => !(a instanceof Literal)

/** The equation, if it is a view of its operand. */
export const viewOf = (eqn: Equation | undefined, classes: ReadonlyMap<Equation, Class>): Equation | undefined =>
  eqn !== undefined && classes.get(eqn) === 'view' ? eqn : undefined

/** A view of an array, as offset and strides in its elements. */
interface StridedView {
  readonly source: Variable
  readonly offset: number
  readonly strides: readonly number[]
}

/**
 * The array that a variable is a view of, if one stride for each axis describes it; else null. `view` returns its view
 * equation, if any.
 */
export const stridedView = (v: Variable, view: (v: Variable) => Equation | undefined): StridedView | null => {
  const vars = v.aval.shape.map((n, i) => new LoopVar(n, `a${i}`))
  let coordinates: readonly Index[] = vars.map((x) => Index.variable(x))
  let source = v
  for (let eqn = view(v); eqn !== undefined; eqn = view(source)) {
    const [operand] = eqn.inputs
    if (!isVariable(operand!)) return null
    coordinates = throughView(eqn, coordinates)
    source = operand
  }
  const index = linearize(coordinates, stridesOf(source.aval.shape))
  if (index.divisions().length > 0) return null
  return { source, offset: index.constant, strides: vars.map((x) => (x.extent === 1 ? 0 : index.stride(x)!)) }
}

export const analyse = (program: Program, can: Capabilities): Analysis => {
  const classes = new Map<Equation, Class>()
  const definitions = new Map<Variable, Equation>()
  const uses = new Map<Variable, number>()
  const wanted = new Set<Variable>()
  for (const eqn of program.equations) {
    classes.set(eqn, classify(eqn, can))
    for (const v of eqn.outputs) definitions.set(v, eqn)
    for (const a of eqn.inputs) if (isVariable(a)) uses.set(a, (uses.get(a) ?? 0) + 1)
  }
  const mayStay = (v: Variable): boolean => {
    const eqn = definitions.get(v)
    return eqn !== undefined && isLazy(classes.get(eqn))
  }

  // Marks values that must be in memory for their readers. Views that keep the order of elements share memory.
  const want = (a: Atom): void => {
    let v = a
    while (isVariable(v)) {
      wanted.add(v)
      const eqn = definitions.get(v)
      if (eqn === undefined || classes.get(eqn) !== 'view' || !keepsOrder(eqn)) return
      v = eqn.inputs[0]!
    }
  }
  const wantView = (a: Atom): void => {
    const source = isVariable(a) ? stridedView(a, (v) => viewOf(definitions.get(v), classes)) : null
    want(source === null ? a : source.source)
  }
  for (const a of program.outputs) want(a)
  for (const eqn of program.equations) {
    const c = classes.get(eqn)!
    if (c === 'routine' && can.takesViews(eqn)) eqn.inputs.forEach(wantView)
    else if (c === 'routine' || c === 'host' || c === 'control') eqn.inputs.forEach(want)
  }

  const stored = new Set<Variable>()
  const weights = new Map<Variable, Weight>()
  const weightOf = (a: Atom): Weight => {
    if (!isVariable(a) || !mayStay(a) || stored.has(a)) return { nodes: 1, cost: 0 }
    return weights.get(a)!
  }
  const store = (a: Atom): void => {
    if (isVariable(a) && mayStay(a)) stored.add(a)
  }
  for (const eqn of program.equations) {
    const c = classes.get(eqn)!
    if (!isLazy(c)) continue
    const parts = eqn.inputs.map(weightOf)
    if (repeatsRows(eqn) && parts[0]!.cost > cheap) store(eqn.inputs[0]!)
    const own = c === 'map' ? costOf(eqn.op) : 0
    const total = eqn.inputs.map(weightOf)
    const nodes = total.reduce((n, w) => n + w.nodes, c === 'map' ? 1 : 0)
    const cost = total.reduce((n, w) => n + w.cost, own)
    for (const v of eqn.outputs) {
      weights.set(v, { nodes, cost })
      const isHeavy = c === 'map' && (uses.get(v) ?? 0) > 1 && (cost > cheap || nodes > 6)
      if (wanted.has(v) || isHeavy || nodes > largestExpression) stored.add(v)
    }
  }
  return { classes, stored, definitions }
}

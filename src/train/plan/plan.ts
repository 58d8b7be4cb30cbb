/** What a training step will train, keep and compute, before anything runs. */
import { savedResiduals } from '../../api/checkpoint.ts'
import type { PartOf } from '../../api/tree.ts'
import type { Arrays } from '../../api/types.ts'
import { explain } from '../../api/explain.ts'
import { valueAndGrad } from '../../api/grad.ts'
import { jit } from '../../api/jit.ts'
import { evalShape, makeProgram } from '../../api/program.ts'
import { Aval } from '../../core/aval.ts'
import type { DType } from '../../core/dtype.ts'
import { bitsOf } from '../../core/dtype.ts'
import { ArgumentError } from '../../core/errors.ts'
import type { Shape } from '../../core/shape.ts'
import { sizeOf } from '../../core/shape.ts'
import type { OpaqueBrand } from '../../core/leafTypes.ts'
import { flatten, unflatten } from '../../core/tree.ts'
import type { GradientTransformation } from '../../optim/transformation.ts'
import { aTransformation, applyUpdates } from '../../optim/transformation.ts'
import { optimize } from '../../passes/pipeline.ts'
import { chosenBackend } from '../../runtime/backend.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import { standIn } from '../../trace/value.ts'
import { Adapter } from '../adapter.ts'
import type { AdapterConfig } from '../adapter.ts'
import { isDecayed } from '../decay.ts'
import type { NamedTree, ParamLeaf } from '../leaves.ts'
import { nameLeaves, typeOf, withLeaves } from '../leaves.ts'
import type { Tuned } from '../methods/settings.ts'
import type { Selection } from '../select.ts'
import { aSelection, checkTrained, chosenLeaves, combine } from '../select.ts'
import type { Flops } from './flops.ts'
import { countFlops } from './flops.ts'

/** What a plan is made of in any case. Arrays may be `ShapeDtypeStruct`s: nothing is computed. */
interface CommonOptions<P, B> {
  readonly params: P
  /** A batch, or its types. */
  readonly batch: B
  readonly optimizer: GradientTransformation<unknown>
  /** Which trained leaves are decayed; by default those that `decayMask` says. It is for the table only. */
  readonly decay?: (name: string) => boolean
  /** Floating-point operations of matrix products that the machine does in a second, for the estimated time: see `matmulRate`. */
  readonly flopsPerSecond?: number
  /** Whether the step is compiled, for the peak of its memory; true by default. */
  readonly compile?: boolean
}

/** A plan where leaves are trained as they are. */
export interface SelectionPlan<P, B> extends CommonOptions<P, B> {
  readonly selection: Selection
  readonly loss: (params: Arrays<P>, batch: Arrays<B>) => NDArray
}

/** A plan where a method's adapter is trained. */
export interface AdapterPlan<P, B, C extends AdapterConfig> extends CommonOptions<P, B> {
  readonly method: { readonly apply: (params: P, adapter: Adapter<C>) => unknown }
  readonly adapter: Adapter<C>
  readonly loss: (params: Tuned<P>, batch: Arrays<B>) => NDArray
}

/** What becomes of one leaf. */
export interface PlannedLeaf {
  readonly name: string
  readonly shape: Shape
  /** The dtype, or the kind of blocks of a quantised matrix. */
  readonly dtype: string
  /** How many numbers it has. */
  readonly count: number
  readonly bytes: number
  readonly trained: boolean
  readonly decayed: boolean
}

/** Bytes of a step's memory. */
export interface PlannedMemory {
  /** Of all parameters, and of the adapter beside them. */
  readonly weights: number
  readonly gradients: number
  /** What the optimizer keeps between steps. */
  readonly slots: number
  /** What is kept of the forward pass for the backward one, before it is compiled: see `savedResiduals`. */
  readonly activations: number
  /** The most that is in use at once in a compiled step, with parameters, batch, and the state before and after; null if it was not asked, or the device does not say. */
  readonly peak: number | null
}

/** What a training step will do. */
export interface Plan {
  readonly leaves: readonly PlannedLeaf[]
  readonly trained: number
  readonly frozen: number
  readonly decayed: number
  readonly memory: PlannedMemory
  readonly forward: Flops
  /** Of loss and gradients together. */
  readonly step: Flops
  readonly flopsPerSecond: number | null
}

const bytesOf = ({ dtype, shape }: { readonly dtype: DType; readonly shape: Shape }): number =>
  sizeOf(shape) * Math.ceil(bitsOf(dtype) / 8)

/** Arrays of a tree, those inside of quantised matrices too. */
const bytesOfTree = (tree: unknown): number =>
  flatten(tree).leaves.reduce<number>((sum, x) => {
    return isTyped(x) ? sum + bytesOf(x) : sum
  }, 0)

const isTyped = (x: unknown): x is { readonly dtype: DType; readonly shape: Shape } =>
  typeof x === 'object' && x !== null && 'dtype' in x && 'shape' in x

/** The tree with arrays that have types and no elements. */
const types = <T>(tree: T): T => {
  const { leaves, treedef } = flatten(tree)
  return unflatten(
    treedef,
    leaves.map((x) => (isTyped(x) ? standIn(new Aval(x.dtype, x.shape)) : x)),
  ) as T
}

const plannedLeaf = (name: string, leaf: ParamLeaf, trained: boolean, decayed: boolean): PlannedLeaf => {
  const { shape } = typeOf(leaf)
  const dtype = 'kind' in leaf ? leaf.kind : typeOf(leaf).dtype
  return { name, shape, dtype, count: sizeOf(shape), bytes: bytesOfTree(leaf), trained, decayed: trained && decayed }
}

/** A tree of arrays, whatever is in it. */
type Tree = object & OpaqueBrand

/** A step in parts: what is trained, what is not, and the loss of both. */
interface Parts {
  readonly leaves: readonly PlannedLeaf[]
  readonly trained: Tree
  readonly frozen: Tree
  readonly loss: (trained: Tree, frozen: Tree, batch: Tree) => NDArray
}

type Decayed = (name: string) => boolean

const partsOfSelection = <P, B>({ params, selection, loss }: SelectionPlan<P, B>, decay: Decayed): Parts => {
  const tree = nameLeaves('plan', params)
  const chosen = chosenLeaves('plan', tree, selection)
  checkTrained('plan', tree, chosen)
  const part = (kind: boolean): Tree =>
    withLeaves<Tree>(
      tree,
      tree.leaves.map((leaf, i) => (chosen[i] === kind ? leaf : null)),
    )
  return {
    leaves: tree.leaves.map((leaf, i) => plannedLeaf(tree.names[i]!, leaf, chosen[i]!, decay(tree.names[i]!))),
    trained: part(true),
    frozen: part(false),
    loss: (trained, frozen, batch) =>
      loss(combine(trained as PartOf<Arrays<P>>, frozen as PartOf<Arrays<P>>), batch as Arrays<B>),
  }
}

/** The leaves of an adapter, under the names that they have beside the model's. */
const adapterLeaves = ({ weights, saved }: Adapter): NamedTree => {
  const own = nameLeaves('plan', weights)
  const besides = nameLeaves('plan', saved)
  return { ...own, names: [...own.names, ...besides.names], leaves: [...own.leaves, ...besides.leaves] }
}

const partsOfAdapter = <P, B, C extends AdapterConfig>(
  { params, method, adapter, loss }: AdapterPlan<P, B, C>,
  decay: Decayed,
): Parts => {
  const base = nameLeaves('plan', params)
  const own = adapterLeaves(adapter)
  const frozen = base.names.flatMap((name, i) =>
    Object.hasOwn(adapter.saved, name) ? [] : [plannedLeaf(name, base.leaves[i]!, false, false)],
  )
  const trained = own.names.map((name, i) => plannedLeaf(name, own.leaves[i]!, true, decay(name)))
  return {
    leaves: [...frozen, ...trained],
    trained: adapter,
    frozen: params as Tree,
    loss: (a, p, batch) => loss(method.apply(p as P, a as Adapter<C>) as Tuned<P>, batch as Arrays<B>),
  }
}

const common = {
  params: must.required(must.anything),
  batch: must.required(must.anything),
  optimizer: must.required(aTransformation),
  loss: must.required(must.func),
  decay: must.func,
  flopsPerSecond: must.positive,
  compile: must.boolean,
  selection: aSelection,
  method: must.kind('a method, with apply', (x) => typeof x === 'object' && x !== null && 'apply' in x),
  adapter: must.instance('an adapter', Adapter),
}

const planDoor = must.door('plan', { options: must.required(must.optionsOf(common)) })

/** Saved between the two passes, leaving out arguments and what stands beside them, which are counted as weights and batch. */
const activationsOf = ({ loss }: Parts, trained: Tree, frozen: Tree, batch: Tree): number => {
  let bytes = 0
  // Traced, so that what is frozen has a type and no elements here.
  makeProgram((t: Tree, f: Tree, b: Tree) => {
    const saved = savedResiduals((x: Tree) => loss(x, f, b), t)
    bytes = saved.reduce((sum, { aval, origin }) => {
      const isGiven = origin.startsWith('argument') || origin.startsWith('a value that') || origin === 'a constant'
      return isGiven ? sum : sum + bytesOf(aval)
    }, 0)
    return []
  })(trained, frozen, batch)
  return bytes
}

/**
 * What a step will train, keep and compute. Nothing runs, and arrays may be `ShapeDtypeStruct`s. `describe` prints the plan.
 *
 * @throws ArgumentError where both a selection and an adapter are given, or neither; what tracing the loss throws.
 * @example
 * ```ts
 * import { np, optim, ShapeDtypeStruct } from 'pullback'
 * import { plan } from 'pullback/train'
 * const params = { body: { weight: np.ones([4, 4]) }, head: { weight: np.ones([2, 4]), bias: np.zeros([2]) } }
 * const { trained, frozen, decayed, memory } = plan({
 *   params,
 *   selection: 'head.**',
 *   batch: new ShapeDtypeStruct([8, 4], 'float32'),
 *   loss: ({ body, head }, x) => {
 *     const inner = np.tanh(np.matmul(x, body.weight))
 *     return np.sum(np.add(np.matmul(inner, head.weight.T), head.bias))
 *   },
 *   optimizer: optim.adamw(1e-3),
 * })
 * trained // => 10
 * frozen // => 16
 * decayed // => 8
 * memory.gradients // => 40
 * ```
 */
export function plan<P, B>(options: SelectionPlan<P, B>): Plan
export function plan<P, B, C extends AdapterConfig>(options: AdapterPlan<P, B, C>): Plan
export function plan<P, B, C extends AdapterConfig>(options: SelectionPlan<P, B> | AdapterPlan<P, B, C>): Plan {
  planDoor(options)
  const { optimizer, flopsPerSecond = null, compile = true, decay = isDecayed } = options
  const isOfAdapter = 'method' in options && 'adapter' in options
  if (isOfAdapter === 'selection' in options) {
    throw new ArgumentError(
      'plan: say what is trained, either by a selection of leaves, { selection }, or by a method and its adapter, { method, adapter }.',
    )
  }
  const parts = isOfAdapter ? partsOfAdapter(options, decay) : partsOfSelection(options, decay)
  const { loss } = parts
  const [trained, frozen, batch] = [types(parts.trained), types(parts.frozen), types(options.batch as Tree)]
  const gradients = (t: Tree, f: Tree, b: Tree) => valueAndGrad((x: Tree) => loss(x, f, b))(t)
  const state = evalShape((t: Tree) => optimizer.init(t) as Tree, trained)
  const whole = (t: Tree, s: Tree, f: Tree, b: Tree) => {
    const [value, grads] = gradients(t, f, b)
    const [updates, next] = optimizer.update(grads, s, t)
    return [value, applyUpdates(t, updates), next as Tree] as const
  }
  const count = (which: (leaf: PlannedLeaf) => boolean): number =>
    parts.leaves.reduce((sum, leaf) => (which(leaf) ? sum + leaf.count : sum), 0)
  return {
    leaves: parts.leaves,
    trained: count((leaf) => leaf.trained),
    frozen: count((leaf) => !leaf.trained),
    decayed: count((leaf) => leaf.decayed),
    memory: {
      weights: bytesOfTree(trained) + bytesOfTree(frozen),
      gradients: bytesOfTree(trained),
      slots: bytesOfTree(state),
      activations: activationsOf(parts, trained, frozen, batch),
      peak:
        compile && chosenBackend().explain !== undefined
          ? explain(jit(whole), trained, types(state), frozen, batch).plannedPeak
          : null,
    },
    forward: countFlops(optimize(makeProgram(loss)(trained, frozen, batch))),
    step: countFlops(optimize(makeProgram(gradients)(trained, frozen, batch))),
    flopsPerSecond,
  }
}

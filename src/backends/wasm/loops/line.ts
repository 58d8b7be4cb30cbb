/** The code along the vector axis, for a vector or an element at a time. */
import { costOf } from '../../../lowering/analyse.ts'
import type { Index, LoopVar } from '../../../lowering/indices.ts'
import type { Node, Reduction, Value } from '../../../lowering/nodes.ts'
import { operandsOf, reachable } from '../../../lowering/nodes.ts'
import type { Stage, Store } from '../../../lowering/steps.ts'
import type { Code, Expr } from '../asm/index.ts'
import { i32, lane, op } from '../asm/index.ts'
import { rootsOf } from './extent.ts'
import { Accumulator } from './folds.ts'
import type { LanePlace, Lanes, Vector } from './lanes.ts'
import { bytesOf, loadFull, loadGather, loadSplat, splatLiteral, storeFull, storeLane } from './lanes.ts'
import type { FloatMath } from './operations.ts'
import { fromIndices, indexVector, operate } from './operations.ts'
import type { Bindings } from './places.ts'
import { indexValue, sum, times } from './places.ts'
import { threefryRounds } from './threefry.ts'

/** The deepest nesting of operations in one expression; only one with more than `cheap` instructions. */
const deepest = 24
const cheap = 4

/** The step along the vector axis: a vector, or one element. */
type Mode = 'full' | 'single'

/** Where an element is, with the vector axis at 0; and how far its neighbour along that axis is, in bytes. */
interface Access {
  readonly base: Expr<'i32'>
  readonly offset: number
  readonly step: number | null
}

/** What a line needs from the kernel around it. */
export interface Surroundings {
  /** The loops' settings; of the axis that the line goes along, too. */
  readonly bindings: Bindings
  bind(v: LoopVar, value: Expr<'i32'>): void
  unbind(v: LoopVar): void
  /** The result of an earlier stage's reduction of the row. */
  row(reduction: Reduction): Vector
  readonly math: FloatMath
  /** The address of an element of an array, and an offset from it that is known. */
  address(value: Value, index: Index): { readonly base: Expr<'i32'>; readonly offset: number }
}

/** The values computed at one index. */
class Known {
  readonly nodes = new Map<Node, Vector>()
  /** Both words of Threefry's blocks, by their operands. */
  readonly blocks = new Map<string, readonly Vector[]>()
}

/** Emits the code for one index along the vector axis. */
export class LineWriter {
  readonly #kernel: Surroundings
  readonly #code: Code
  readonly #lanes: Lanes
  readonly #axis: LoopVar | null
  readonly #stage: Stage
  readonly #accesses = new Map<object, Access>()
  readonly #hoisted = new Map<Node, Vector>()
  readonly #uses = new Map<Node, number>()
  readonly #varying = new Map<Node, boolean>()
  readonly #nodes: readonly Node[]
  /** Operations since a value was last kept in a local. */
  #unkept = 0

  constructor(kernel: Surroundings, code: Code, lanes: Lanes, axis: LoopVar | null, stage: Stage) {
    this.#kernel = kernel
    this.#code = code
    this.#lanes = lanes
    this.#axis = axis
    this.#stage = stage
    this.#nodes = reachable(rootsOf(stage))
  }

  /** Emits what is invariant along the axis; returns the body of the loop. `j` is the index. */
  prepare(j: Expr<'i32'>): (mode: Mode, accumulators: readonly Accumulator[], vectors: number) => void {
    const roots = rootsOf(this.#stage)
    const nodes = this.#nodes
    for (const n of [...roots, ...nodes.flatMap(operandsOf)]) this.#uses.set(n, (this.#uses.get(n) ?? 0) + 1)
    const inFolds = new Set(nodes.flatMap((n) => (n.kind === 'fold' ? reachable([n.body]) : [])))
    const axis = this.#axis
    if (axis !== null) this.#kernel.unbind(axis)
    for (const n of nodes)
      if (n.kind === 'load' && !inFolds.has(n)) this.#accesses.set(n, this.#access(n.value, n.index))
    for (const s of this.#stage.stores) this.#accesses.set(s, this.#access(s.value, s.index))
    // The largest invariant expressions: operands of varying ones, and roots.
    const fixed = new Known()
    for (const n of nodes) {
      if (inFolds.has(n) || n.kind === 'literal' || this.#varies(n)) continue
      const isUsedInside = roots.includes(n) || nodes.some((m) => this.#varies(m) && operandsOf(m).includes(n))
      if (isUsedInside || n.kind === 'load') this.#hoisted.set(n, this.#code.let(this.#emit(n, 'single', fixed, j)))
    }
    if (axis !== null) this.#kernel.bind(axis, j)
    return (mode, accumulators, vectors) => {
      const places = Array.from({ length: vectors }, (_, u) => (u === 0 ? j : sum(j, i32(u * this.#lanes))))
      const known = places.map(() => new Known())
      for (const n of nodes) {
        if (n.kind === 'fold' && !this.#hoisted.has(n)) this.#foldLoops(n, mode, places, known)
      }
      places.forEach((place, u) => {
        if (axis !== null) this.#kernel.bind(axis, place)
        this.#element(mode, accumulators, known[u]!, place)
      })
    }
  }

  get hasFolds(): boolean {
    return this.#nodes.some((n) => n.kind === 'fold')
  }

  /** Stores and accumulates at one index. */
  #element(mode: Mode, accumulators: readonly Accumulator[], known: Known, j: Expr<'i32'>): void {
    // All reads come before all writes, which may be in place.
    const values = this.#stage.stores.map((s) => this.#emit(s.node, mode, known, j))
    const reduced = this.#stage.reductions.map((r) => this.#emit(r.node, mode, known, j))
    this.#stage.stores.forEach((s, i) => {
      this.#store(s, values[i]!, mode, j)
    })
    accumulators.forEach((a, i) => {
      a.add(reduced[i]!)
    })
  }

  /** Whether a node's value changes along the axis. */
  #varies(n: Node): boolean {
    const known = this.#varying.get(n)
    if (known !== undefined) return known
    const axis = this.#axis
    const varies =
      axis !== null &&
      (n.kind === 'load' || n.kind === 'index' ? n.index.dependsOn(axis) : operandsOf(n).some((m) => this.#varies(m)))
    this.#varying.set(n, varies)
    return varies
  }

  #access(value: Value, index: Index): Access {
    const axis = this.#axis
    const stride = axis === null ? 0 : index.stride(axis)
    if (stride === null) return { base: i32(0), offset: 0, step: null }
    const at = axis === null ? undefined : this.#kernel.bindings.get(axis)
    if (axis !== null) this.#kernel.unbind(axis)
    const { base, offset } = this.#kernel.address(value, index)
    if (axis !== null && at !== undefined) this.#kernel.bind(axis, at)
    return { base: this.#code.let(base), offset, step: stride * bytesOf(value.aval.dtype) }
  }

  // Memory

  /** Addresses of the elements in all lanes. */
  #lanePlaces(value: Value, index: Index, access: Access, j: Expr<'i32'>): readonly LanePlace[] {
    const { base, offset, step } = access
    if (step !== null) {
      const here = this.#code.let(sum(base, this.#scaled(j, step)))
      if (step > 0) return lanes(this.#lanes, (i) => ({ address: here, offset: offset + i * step }))
      const last = this.#code.let(sum(here, i32((this.#lanes - 1) * step)))
      return lanes(this.#lanes, (i) => ({ address: last, offset: offset - (this.#lanes - 1 - i) * step }))
    }
    return lanes(this.#lanes, (i) => {
      this.#kernel.bind(this.#axis!, i === 0 ? j : sum(j, i32(i)))
      const place = this.#kernel.address(value, index)
      this.#kernel.bind(this.#axis!, j)
      return { address: place.base, offset: place.offset }
    })
  }

  #scaled(j: Expr<'i32'>, step: number): Expr<'i32'> {
    return step > 0 ? times(j, step) : op('i32.mul', j, i32(step))
  }

  /** The address of the element at `j`. */
  #here(value: Value, index: Index, access: Access, j: Expr<'i32'>): LanePlace {
    if (access.step === null) {
      this.#kernel.bind(this.#axis!, j)
      const { base, offset } = this.#kernel.address(value, index)
      return { address: base, offset }
    }
    const address = access.step === 0 ? access.base : sum(access.base, this.#scaled(j, access.step))
    return { address, offset: access.offset }
  }

  #load(n: Node & { readonly kind: 'load' }, access: Access, mode: Mode, j: Expr<'i32'>): Vector {
    const { value, index } = n
    if (mode === 'single' || access.step === 0) {
      const { address, offset } = this.#here(value, index, access, j)
      return loadSplat(n.dtype, address, offset)
    }
    if (access.step === bytesOf(n.dtype)) {
      const { address, offset } = this.#here(value, index, access, j)
      return loadFull(n.dtype, this.#lanes, address, offset)
    }
    return loadGather(n.dtype, this.#lanePlaces(value, index, access, j))
  }

  #store(s: Store, vector: Vector, mode: Mode, j: Expr<'i32'>): void {
    const { dtype } = s.value.aval
    const access = this.#accesses.get(s)!
    if (mode === 'single') {
      const { address, offset } = this.#here(s.value, s.index, access, j)
      storeLane(this.#code, dtype, 0, address, vector, offset)
    } else if (access.step === bytesOf(dtype)) {
      const { address, offset } = this.#here(s.value, s.index, access, j)
      storeFull(this.#code, dtype, this.#lanes, address, vector, offset)
    } else {
      const kept = this.#code.let(vector)
      this.#lanePlaces(s.value, s.index, access, j).forEach(({ address, offset }, i) => {
        storeLane(this.#code, dtype, i, address, kept, offset)
      })
    }
  }

  // Values

  #emit(n: Node, mode: Mode, known: Known, j: Expr<'i32'>): Vector {
    const found = this.#hoisted.get(n) ?? known.nodes.get(n)
    if (found !== undefined) return found
    if (n.kind === 'literal') return splatLiteral(n.value, n.dtype)
    const made = this.#make(n, mode, known, j)
    const kept = this.#isKept(n) ? this.#code.let(made) : made
    known.nodes.set(n, kept)
    return kept
  }

  /** Whether a value gets a local: if it is used again, and at times to limit the depth of expressions. */
  #isKept(n: Node): boolean {
    const isLong = n.kind === 'op' && costOf(n.op) > cheap
    this.#unkept = isLong ? deepest : this.#unkept + 1
    const keeps = n.kind === 'load' || (this.#uses.get(n) ?? 0) > 1 || this.#unkept >= deepest
    if (keeps) this.#unkept = 0
    return keeps
  }

  #make(n: Exclude<Node, { readonly kind: 'literal' }>, mode: Mode, known: Known, j: Expr<'i32'>): Vector {
    switch (n.kind) {
      case 'load':
        return this.#load(n, this.#accesses.get(n) ?? this.#access(n.value, n.index), mode, j)
      case 'index':
        return this.#index(n, mode, j)
      case 'row':
        return this.#kernel.row(n.reduction)
      case 'fold':
        this.#foldLoops(n, mode, [j], [known])
        return known.nodes.get(n)!
      case 'op':
        return this.#operation(n, mode, known, j)
    }
  }

  #index(n: Node & { readonly kind: 'index' }, mode: Mode, j: Expr<'i32'>): Vector {
    const stride = this.#axis === null ? 0 : n.index.stride(this.#axis)
    const at = (place: Expr<'i32'>): Expr<'i32'> => {
      if (this.#axis !== null) this.#kernel.bind(this.#axis, place)
      const value = indexValue(n.index, this.#kernel.bindings)
      if (this.#axis !== null) this.#kernel.bind(this.#axis, j)
      return value
    }
    if (mode === 'single' || stride === 0) return fromIndices(n.dtype, op('i32x4.splat', at(j)))
    if (stride !== null) return indexVector(n.dtype, at(j), stride, this.#lanes)
    const places = lanes(this.#lanes, (i) => at(i === 0 ? j : sum(j, i32(i))))
    return fromIndices(n.dtype, packIndices(places))
  }

  #operation(n: Node & { readonly kind: 'op' }, mode: Mode, known: Known, j: Expr<'i32'>): Vector {
    const vectors = n.operands.map((m) => this.#emit(m, mode, known, j))
    if (n.op === 'threefry2x32') {
      const key = n.operands.map((m) => m.id).join()
      const words = known.blocks.get(key) ?? threefryRounds(this.#code, vectors)
      known.blocks.set(key, words)
      return words[n.result]!
    }
    const [, second] = n.operands
    const distance = second?.kind === 'literal' ? Number(second.value) : null
    const operands = vectors.map((vector, i) => ({ vector, dtype: n.operands[i]!.dtype }))
    return operate(this.#kernel.math, n.op, n.params, operands, n.dtype, distance)
  }

  /** The loops of reductions that belong to one element each: of those in the lanes of some neighbouring vectors. */
  #foldLoops(
    n: Node & { readonly kind: 'fold' },
    mode: Mode,
    places: readonly Expr<'i32'>[],
    known: readonly Known[],
  ): void {
    const code = this.#code
    const totals = places.map(() => new Accumulator(code, n.fold, n.dtype, this.#lanes))
    const visit = (vars: readonly LoopVar[]): void => {
      const [v, ...others] = vars
      if (v === undefined) {
        places.forEach((place, u) => {
          if (this.#axis !== null) this.#kernel.bind(this.#axis, place)
          totals[u]!.add(this.#emit(n.body, mode, new Known(), place))
        })
        return
      }
      code.for(i32(0), i32(v.extent), 1, (i) => {
        this.#kernel.bind(v, i)
        visit(others)
        this.#kernel.unbind(v)
      })
    }
    visit(n.vars)
    totals.forEach((t, u) => known[u]!.nodes.set(n, code.let(t.lanes())))
  }
}

const lanes = <T>(count: Lanes, make: (i: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, i) => make(i))

const packIndices = (places: readonly Expr<'i32'>[]): Vector => {
  const [first, ...others] = places
  let v: Vector = op('i32x4.splat', first!)
  others.forEach((p, i) => (v = lane('i32x4.replace_lane', i + 1, v, p)))
  return v
}

/** Loop nests as functions `(frame, lo, hi)`: the outer loops' settings from `lo` up to, but without, `hi`. */
import type { Index } from '../../../lowering/indices.ts'
import type { LoopVar } from '../../../lowering/indices.ts'
import type { Node, Reduction, Value } from '../../../lowering/nodes.ts'
import { ShapeError } from '../../../core/errors.ts'
import { costOf } from '../../../lowering/analyse.ts'
import { operandsOf, reachable } from '../../../lowering/nodes.ts'
import type { Location } from '../../../lowering/plan.ts'
import type { Kernel, Stage, Store } from '../../../lowering/steps.ts'
import type { Code, Expr, Func, ModuleBuilder } from '../asm/index.ts'
import { i32, lane, load, op, result, select } from '../asm/index.ts'
import { Accumulator } from './folds.ts'
import type { LanePlace, Lanes, Vector } from './lanes.ts'
import { bytesOf, isWide, loadFull, loadGather, loadSplat, splatLiteral, storeFull, storeLane } from './lanes.ts'
import type { FloatMath } from './operations.ts'
import { fromIndices, indexVector, operate } from './operations.ts'
import { threefryRounds } from './threefry.ts'

/** What kernels of one program share. */
export interface KernelEnvironment {
  readonly locationOf: (value: Value) => Location
  readonly math: FloatMath
  /** Gives the thread's own scratch memory. */
  readonly threadScratch: Func
}

/** Elements of a line that make one unit of the range, where a kernel has no outer loops. */
const elementUnit = 1024
/** The same, where each element is a reduction. */
const foldUnit = 16
/** How many vectors of reductions are taken side by side, so that whole cache lines are read. */
const foldVectors = 4
/** Along so many elements all rows go, before they go along the next, where neighbours are far apart in memory. */
const stripLength = 64

/** Kernels that are one line of elements, each on its own, are cut anywhere along it. */
export const isLine = (k: Kernel): boolean =>
  k.outer.length === 0 && k.inner.length === 1 && k.stages.every((s) => s.reductions.length === 0)

const nodesOf = (k: Kernel): readonly Node[] =>
  reachable(k.stages.flatMap((s) => [...rootsOf(s), ...s.rowStores.map((x) => x.node)]))

/** Elements of a line that make one unit of its range. */
export const lineUnit = (k: Kernel): number => (nodesOf(k).some((n) => n.kind === 'fold') ? foldUnit : elementUnit)

/** How many units a kernel's range has. */
export const kernelCount = (k: Kernel): number =>
  isLine(k) ? Math.ceil(k.inner[0]!.extent / lineUnit(k)) : k.outer.reduce((n, v) => n * v.extent, 1)

/** How many elements a unit is. */
export const unitSize = (k: Kernel): number =>
  isLine(k) ? Math.min(lineUnit(k), k.inner[0]!.extent) : k.inner.reduce((n, v) => n * v.extent, 1)

/** Whether some array's elements along the vector axis are in different cache lines. */
const isScattered = (k: Kernel): boolean => {
  const line = k.inner.at(-1)!
  if (k.outer.length === 0 || k.inner.length !== 1 || line.extent <= stripLength) return false
  const isFar = (n: Node): boolean => {
    if (n.kind !== 'load') return false
    const stride = n.index.stride(line)
    return stride === null || Math.abs(stride) * bytesOf(n.dtype) >= 64
  }
  return k.stages.every((s) => s.reductions.length === 0) && nodesOf(k).some(isFar)
}

const rootsOf = (stage: Stage): readonly Node[] => [
  ...stage.stores.map((s) => s.node),
  ...stage.reductions.map((r) => r.node),
]

const lanesOf = (k: Kernel): Lanes => (nodesOf(k).some((n) => isWide(n.dtype)) ? 2 : 4)

const sum = (x: Expr<'i32'>, y: Expr<'i32'>): Expr<'i32'> => op('i32.add', x, y)
const times = (x: Expr<'i32'>, n: number): Expr<'i32'> =>
  n === 1 ? x : Math.log2(n) % 1 === 0 ? op('i32.shl', x, i32(Math.log2(n))) : op('i32.mul', x, i32(n))

type Bindings = ReadonlyMap<LoopVar, Expr<'i32'>>

/** An index for these settings of the loops; variables without one count as 0. */
const indexValue = (index: Index, bindings: Bindings): Expr<'i32'> => {
  let total: Expr<'i32'> | null = null
  for (const { factor, times: scale } of index.terms) {
    let part: Expr<'i32'> | undefined
    if ('extent' in factor) part = bindings.get(factor)
    else {
      const of = indexValue(factor.of, bindings)
      part = op(factor.kind === 'quotient' ? 'i32.div_u' : 'i32.rem_u', of, i32(factor.by))
    }
    if (part === undefined) continue
    const scaled = scale > 0 ? times(part, scale) : op('i32.mul', part, i32(scale))
    total = total === null ? scaled : sum(total, scaled)
  }
  if (total === null) return i32(index.constant)
  return index.constant === 0 ? total : sum(total, i32(index.constant))
}

/** How many operations one expression may have, one in the other; of more than `cheap` instructions, one. */
const deepest = 24
const cheap = 4

/** How the vector axis is gone along: a vector at a time, or one element. */
type Mode = 'full' | 'single'

/** Where an element is, with the vector axis at 0; and how far its neighbour along that axis is, in bytes. */
interface Access {
  readonly base: Expr<'i32'>
  readonly offset: number
  readonly step: number | null
}

class KernelWriter {
  readonly #code: Code
  readonly #kernel: Kernel
  readonly #environment: KernelEnvironment
  readonly #lanes: Lanes
  readonly #frame: Expr<'i32'>
  readonly #rows = new Map<Reduction, Vector>()
  readonly #pointers = new Map<Value, Expr<'i32'>>()
  #bindings = new Map<LoopVar, Expr<'i32'>>()

  constructor(code: Code, kernel: Kernel, environment: KernelEnvironment) {
    this.#code = code
    this.#kernel = kernel
    this.#environment = environment
    this.#lanes = lanesOf(kernel)
    this.#frame = code.param<'i32'>(0)
  }

  write(): void {
    const { outer, inner, stages } = this.#kernel
    const code = this.#code
    const [lo, hi] = [code.param<'i32'>(1), code.param<'i32'>(2)]
    this.#findPointers()
    if (isLine(this.#kernel)) {
      const n = inner[0]!.extent
      const unit = lineUnit(this.#kernel)
      const end = code.let(times(hi, unit))
      const last = code.let(select(op('i32.lt_s', end, i32(n)), end, i32(n)))
      this.#line(stages[0]!, inner[0]!, times(lo, unit), last, n % this.#lanes !== 0, [], [])
      return
    }
    if (isScattered(this.#kernel)) {
      this.#strips(lo, hi)
      return
    }
    code.for(lo, hi, 1, (row) => {
      this.#bindOuter(outer, row)
      for (const stage of stages) this.#stage(stage)
    })
  }

  /** Strip by strip, all rows along each. */
  #strips(lo: Expr<'i32'>, hi: Expr<'i32'>): void {
    const { outer, inner, stages } = this.#kernel
    const code = this.#code
    const line = inner[0]!
    code.for(i32(0), i32(line.extent), stripLength, (start) => {
      const end = code.let(sum(start, i32(stripLength)))
      const last = code.let(select(op('i32.lt_s', end, i32(line.extent)), end, i32(line.extent)))
      code.for(lo, hi, 1, (row) => {
        this.#bindOuter(outer, row)
        this.#line(stages[0]!, line, start, last, line.extent % this.#lanes !== 0, [], [])
      })
    })
  }

  /** Addresses of all arrays, once for the whole range. */
  #findPointers(): void {
    const values = new Set<Value>()
    for (const stage of this.#kernel.stages) {
      for (const s of [...stage.stores, ...stage.rowStores]) values.add(s.value)
      const roots = [...rootsOf(stage), ...stage.rowStores.map((s) => s.node)]
      for (const n of reachable(roots)) if (n.kind === 'load') values.add(n.value)
    }
    let scratch: Expr<'i32'> | undefined
    for (const v of values) {
      const place = this.#environment.locationOf(v)
      if (place.kind === 'pointer') this.#pointers.set(v, this.#code.let(load('i32.load', this.#frame, 4 * place.slot)))
      else if (place.kind === 'frame') this.#pointers.set(v, this.#frame)
      else {
        scratch ??= this.#code.let(result<'i32'>(this.#environment.threadScratch))
        this.#pointers.set(v, scratch)
      }
    }
  }

  #bindOuter(outer: readonly LoopVar[], row: Expr<'i32'>): void {
    let rest = row
    for (let i = outer.length - 1; i >= 0; i--) {
      const v = outer[i]!
      if (i === 0) this.#bindings.set(v, rest)
      else {
        this.#bindings.set(v, this.#code.let(op('i32.rem_u', rest, i32(v.extent))))
        rest = this.#code.let(op('i32.div_u', rest, i32(v.extent)))
      }
    }
  }

  // Stages

  #stage(stage: Stage): void {
    const { inner } = this.#kernel
    const line = inner.at(-1)!
    const hasRest = line.extent % this.#lanes !== 0
    const whole = stage.reductions.map((r) => new Accumulator(this.#code, r.fold, r.dtype, this.#lanes))
    const rest = stage.reductions.map((r) => (hasRest ? new Accumulator(this.#code, r.fold, r.dtype, 2) : null))
    if (rootsOf(stage).length > 0) {
      this.#nest(inner.slice(0, -1), () => {
        this.#line(stage, line, i32(0), i32(line.extent), hasRest, whole, rest)
      })
    }
    stage.reductions.forEach((r, i) => this.#rows.set(r, this.#code.let(whole[i]!.total(rest[i]!))))
    if (stage.rowStores.length > 0) this.#rowStores(stage.rowStores)
  }

  #nest(vars: readonly LoopVar[], body: () => void): void {
    const [v, ...others] = vars
    if (v === undefined) {
      body()
      return
    }
    this.#code.for(i32(0), i32(v.extent), 1, (i) => {
      this.#bindings.set(v, i)
      this.#nest(others, body)
    })
  }

  /** One pass along the vector axis: by vectors, then what is left, element by element. */
  #line(
    stage: Stage,
    v: LoopVar,
    from: Expr<'i32'>,
    to: Expr<'i32'>,
    hasRest: boolean,
    whole: readonly Accumulator[],
    rest: readonly (Accumulator | null)[],
  ): void {
    const code = this.#code
    const body = new LineWriter(this, code, this.#lanes, v, stage)
    const j = code.variable(from)
    const full = body.prepare(j.get)
    const along = (vectors: number): void => {
      const step = vectors * this.#lanes
      if (v.extent < step) return
      const end = hasRest || vectors > 1 ? code.let(op('i32.sub', to, i32(step - 1))) : to
      code.while(j, end, step, () => {
        full('full', whole, vectors)
      })
    }
    if (body.hasFolds) along(foldVectors)
    along(1)
    if (hasRest) {
      code.while(j, to, 1, () => {
        full('single', rest as readonly Accumulator[], 1)
      })
    }
  }

  #rowStores(stores: readonly Store[]): void {
    const writer = new LineWriter(this, this.#code, this.#lanes, null, {
      stores,
      reductions: [],
      rowStores: [],
    })
    writer.prepare(i32(0))('single', [], 1)
  }

  // What lines ask for

  get bindings(): Bindings {
    return this.#bindings
  }

  bind(v: LoopVar, value: Expr<'i32'>): void {
    this.#bindings.set(v, value)
  }

  unbind(v: LoopVar): void {
    this.#bindings.delete(v)
  }

  row(reduction: Reduction): Vector {
    return this.#rows.get(reduction)!
  }

  get math(): FloatMath {
    return this.#environment.math
  }

  /** The address of an element of an array, and an offset from it that is known. */
  address(value: Value, index: Index): { readonly base: Expr<'i32'>; readonly offset: number } {
    const bytes = bytesOf(value.aval.dtype)
    const place = this.#environment.locationOf(value)
    const pointer = this.#pointers.get(value)!
    // An instruction's own offset is added without wrapping: what it is added to must not lie before the array.
    const known = index.min >= index.constant ? Math.max(0, index.constant) : 0
    const start = place.offset + known * bytes
    const moving = index.plus(-known)
    const isFixed = moving.terms.every(({ factor }) => 'extent' in factor && !this.#bindings.has(factor))
    const base =
      isFixed && moving.constant === 0 ? pointer : sum(pointer, times(indexValue(moving, this.#bindings), bytes))
    return { base, offset: start }
  }
}

/** What has been computed at one place. */
class Known {
  readonly nodes = new Map<Node, Vector>()
  /** Both words of Threefry's blocks, by their operands. */
  readonly blocks = new Map<string, readonly Vector[]>()
}

/** Writes what is done at one place along the vector axis. */
class LineWriter {
  readonly #kernel: KernelWriter
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

  constructor(kernel: KernelWriter, code: Code, lanes: Lanes, axis: LoopVar | null, stage: Stage) {
    this.#kernel = kernel
    this.#code = code
    this.#lanes = lanes
    this.#axis = axis
    this.#stage = stage
    this.#nodes = reachable(rootsOf(stage))
  }

  /** Writes what does not change along the axis; gives the body of the loop. `j` is the place. */
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
    // The largest expressions that stay the same: operands of varying ones, and roots.
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

  /** What is stored and accumulated at one place. */
  #element(mode: Mode, accumulators: readonly Accumulator[], known: Known, j: Expr<'i32'>): void {
    // All is read before anything is written, which may be where something was read.
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

  /** Whether a value gets a local: if it is used again, and now and then, so that expressions do not grow deep. */
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

/** What counters of 32 bits with a sign can count, and what can be divided without one. */
const mostCounted = 2 ** 31 - 1
const mostDivided = 2 ** 32

/** Throws where places in a kernel's loops have no numbers of 32 bits: of domains that are never in memory as a whole. */
const checkCounts = (k: Kernel): void => {
  const nodes = nodesOf(k)
  const folds = nodes.flatMap((n) => (n.kind === 'fold' ? n.vars : []))
  const stores = k.stages.flatMap((s) => [...s.stores, ...s.rowStores])
  const numbers = nodes.flatMap((n) => (n.kind === 'index' ? [n.index] : []))
  const indices = [...stores, ...nodes.flatMap((n) => (n.kind === 'load' ? [n] : []))].map((n) => n.index)
  const divided = [...numbers, ...indices].flatMap((index) => index.divisions().map(({ of }) => of.max + 1))
  const counted = [...k.outer, ...k.inner, ...folds].map((v) => v.extent)
  const most = Math.max(kernelCount(k), ...counted, ...numbers.map((index) => index.max + 1))
  if (most <= mostCounted && divided.every((n) => n <= mostDivided)) return
  throw new ShapeError(
    `jit: a loop over ${Math.max(most, ...divided)} elements at once is too long; compiled loops count to ${mostCounted}. ` +
      'Work on smaller pieces, with lax.map or lax.scan over one of the axes.',
  )
}

/** Writes a kernel as a function of a program's module. Throws a `ShapeError` where a loop would be too long to count. */
export const writeKernel = (builder: ModuleBuilder, kernel: Kernel, environment: KernelEnvironment): Func => {
  checkCounts(kernel)
  return builder.function(['i32', 'i32', 'i32'], null, (code) => {
    new KernelWriter(code, kernel, environment).write()
  })
}

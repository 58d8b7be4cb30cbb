/** Loop nests as functions `(frame, lo, hi)`: the outer loops' iterations from `lo` up to, but not including, `hi`. */
import type { Index, LoopVar } from '../../../lowering/indices.ts'
import type { Reduction, Value } from '../../../lowering/nodes.ts'
import { reachable } from '../../../lowering/nodes.ts'
import type { Kernel, Stage, Store } from '../../../lowering/steps.ts'
import type { Code, Expr, Func, ModuleBuilder } from '../asm/index.ts'
import { i32, load, op, result, select } from '../asm/index.ts'
import type { Location } from '../plan.ts'
import { checkCounts, isLine, isScattered, lanesOf, lineUnit, rootsOf, stripLength } from './extent.ts'
import { Accumulator } from './folds.ts'
import type { Lanes, Vector } from './lanes.ts'
import { bytesOf } from './lanes.ts'
import type { Surroundings } from './line.ts'
import { LineWriter } from './line.ts'
import type { FloatMath } from './operations.ts'
import type { Bindings } from './places.ts'
import { indexValue, sum, times } from './places.ts'

/** The shared state of a program's kernels. */
export interface KernelEnvironment {
  readonly locationOf: (value: Value) => Location
  readonly math: FloatMath
  /** Returns the thread's own scratch memory. */
  readonly threadScratch: Func
}

/** The number of vectors of reductions side by side, so that whole cache lines are read. */
const foldVectors = 4
class KernelWriter implements Surroundings {
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

  /** One pass along the vector axis: by vectors, then the remaining elements one by one. */
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
    // An instruction's own offset is added without wrapping: the base must not be before the array.
    const known = index.min >= index.constant ? Math.max(0, index.constant) : 0
    const start = place.offset + known * bytes
    const moving = index.plus(-known)
    const isFixed = moving.terms.every(({ factor }) => 'extent' in factor && !this.#bindings.has(factor))
    const base =
      isFixed && moving.constant === 0 ? pointer : sum(pointer, times(indexValue(moving, this.#bindings), bytes))
    return { base, offset: start }
  }
}

/** Writes a kernel as a function of a program's module. Throws a `ShapeError` where a loop would be too long to count. */
export const writeKernel = (builder: ModuleBuilder, kernel: Kernel, environment: KernelEnvironment): Func => {
  checkCounts(kernel)
  return builder.function(['i32', 'i32', 'i32'], null, (code) => {
    new KernelWriter(code, kernel, environment).write()
  })
}

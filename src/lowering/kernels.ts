/** Kernels under construction: values of one domain that can be computed in one sweep. */
import { dropAxes, sameShape, stridesOf, withoutOnes } from '../core/shape.ts'
import type { Shape } from '../core/shape.ts'
import type { Equation } from '../ir/program.ts'
import { Index, LoopVar, linearize } from './indices.ts'
import type { Node, Reduction } from './nodes.ts'
import { NodeTable } from './nodes.ts'
import type { Value } from './nodes.ts'

/** A value that a kernel computes: an element of the domain, or one for each row. */
export interface Member {
  readonly value: Value
  readonly level: 'element' | 'row'
  /** The pass in which it is computed; for a row's value, the pass after which it is known. */
  readonly stage: number
  readonly node: Node
  readonly index: Index
}

// Longer kernels would have many more live values than there are registers.
const largestKernel = 400

/** One kernel under construction. */
export class OpenKernel {
  /** Its index among the steps. */
  readonly position: number
  readonly shape: Shape
  readonly vars: readonly LoopVar[]
  /** Coordinates of an element of the domain. */
  readonly coordinates: readonly Index[]
  /** The index of an element in an array of the domain's shape. */
  readonly elementIndex: Index
  readonly nodes = new NodeTable()
  readonly members = new Map<Value, Member>()
  readonly reductions: { readonly stage: number; readonly reduction: Reduction }[] = []
  /** Values of elements that a later pass over the row reads. */
  readonly reread = new Set<Value>()
  readonly sources: Equation[] = []
  /** The reduced axes; null while there are none. */
  reduced: readonly number[] | null = null
  /** The indices where elements are written, if not in their own order: pieces of a larger array. */
  readonly pieces: { readonly value: Value; readonly index: Index; readonly node: Node }[] = []
  #vars = 0

  constructor(position: number, shape: Shape) {
    this.position = position
    this.shape = shape
    this.vars = this.inner(shape)
    this.coordinates = this.vars.map((v) => Index.variable(v))
    this.elementIndex = linearize(this.coordinates, stridesOf(shape))
  }

  get isFull(): boolean {
    return this.nodes.size > largestKernel
  }

  /** The index of an element with these coordinates in an array of a shape. */
  indexOf(at: readonly Index[], shape: Shape): Index {
    return at === this.coordinates && sameShape(shape, this.shape) ? this.elementIndex : linearize(at, stridesOf(shape))
  }

  /** Coordinates in an array with one element for each row, which may also have axes of extent 1; null for other shapes. */
  rowCoordinates(shape: Shape): readonly Index[] | null {
    if (this.reduced === null) return null
    const outer = this.vars.filter((_, i) => !this.reduced!.includes(i))
    const extents = dropAxes(this.shape, this.reduced)
    if (withoutOnes(extents).join() !== withoutOnes(shape).join()) return null
    const long = outer.filter((v) => v.extent !== 1)
    let next = 0
    return shape.map((n) => (n === 1 ? Index.constant(0) : Index.variable(long[next++]!)))
  }

  /** New loop variables, for a reduction inside one element. */
  inner(extents: readonly number[]): readonly LoopVar[] {
    return extents.map((n) => new LoopVar(n, `i${this.#vars++}`))
  }
}

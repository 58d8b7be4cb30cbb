/** The steps of a block under construction, with kernels that are still open for values of their domain. */
import type { Index } from './indices.ts'
import type { Member } from './kernels.ts'
import { OpenKernel } from './kernels.ts'
import type { Node, Value } from './nodes.ts'
import type { Step } from './steps.ts'

/** Makes the node of an array's element. */
export type Leaf = (value: Value, index: Index) => Node

/** Makes the expression of a value for a kernel, with the kernel's leaves. */
export type Build = (leaf: Leaf) => Node

/** Where in a kernel something is computed, and how. */
export interface Joined {
  readonly stage: number
  readonly node: Node
}

/** The value is not computed at the index where a kernel needs it. */
class Misplaced extends Error {}

export class OpenSteps {
  readonly all: (Step | OpenKernel)[] = []
  /** The step that computes a value; values from outside have none. */
  readonly #positions = new Map<Value, number>()
  readonly #newest = new Map<string, OpenKernel>()

  has(value: Value): boolean {
    return this.#positions.has(value)
  }

  /** Appends a step that gives some values. */
  push(step: Step, results: readonly Value[]): void {
    this.all.push(step)
    for (const v of results) this.#positions.set(v, this.all.length - 1)
  }

  /** A new kernel, which other values of its domain may join. */
  open(shape: readonly number[]): OpenKernel {
    const kernel = this.openAlone(shape)
    this.#newest.set(shape.join(), kernel)
    return kernel
  }

  openAlone(shape: readonly number[]): OpenKernel {
    const kernel = new OpenKernel(this.all.length, shape)
    this.all.push(kernel)
    return kernel
  }

  /** Adds a value to a kernel, at `index`, or each element at its own index. */
  add(kernel: OpenKernel, value: Value, level: Member['level'], { stage, node }: Joined, index?: Index): void {
    kernel.members.set(value, { value, level, stage, node, index: index ?? kernel.elementIndex })
    this.#positions.set(value, kernel.position)
  }

  /** Adds part of an array that several kernels write. */
  addPiece(kernel: OpenKernel, value: Value, index: Index, node: Node): void {
    kernel.pieces.push({ value, index, node })
    this.#positions.set(value, kernel.position)
  }

  /** Kernels that a value could join: the last one that computes a value it reads, and the newest of its domain. */
  candidates(sources: ReadonlySet<Value>, domain: readonly number[]): readonly OpenKernel[] {
    let last = -1
    for (const v of sources) last = Math.max(last, this.#positions.get(v) ?? -1)
    const step = this.all[last]
    const found = step instanceof OpenKernel ? [step] : []
    const newest = this.#newest.get(domain.join())
    if (newest !== undefined && newest !== step && newest.position >= last) found.push(newest)
    return found.filter((k) => !k.isFull)
  }

  /** Tries to compute a value in a kernel. */
  join(kernel: OpenKernel, level: Member['level'], build: Build): Joined | null {
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

  /** A kernel's own value, where it is read at the index where it is computed; null for values of other steps. */
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
  #stageOf(kernel: OpenKernel, level: Member['level'], build: Build): number {
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
}

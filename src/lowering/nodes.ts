/** The expressions of a kernel for one element, over loads; equal ones are shared. */
import type { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { FoldName } from '../primitives/folds.ts'
import type { Index, LoopVar } from './indices.ts'

/** An array with its own memory while a program runs. */
export class Value {
  readonly aval: Aval
  readonly id: number

  constructor(aval: Aval, id: number) {
    this.aval = aval
    this.id = id
  }
}

/** A reduction along the inner loops of a kernel, with one value for each row. */
export interface Reduction {
  readonly fold: FoldName
  readonly node: Node
  readonly dtype: DType
}

interface Common {
  readonly id: number
  readonly dtype: DType
}

export type Node =
  /** An element of an array in memory; `index` counts elements in row-major order. */
  | (Common & { readonly kind: 'load'; readonly value: Value; readonly index: Index })
  | (Common & { readonly kind: 'literal'; readonly value: number | bigint })
  /** A coordinate, as an element of the dtype. */
  | (Common & { readonly kind: 'index'; readonly index: Index })
  /** An elementwise operation; `result` is the number of its output. */
  | (Common & {
      readonly kind: 'op'
      readonly op: OpName
      readonly params: OpParams[OpName]
      readonly operands: readonly Node[]
      readonly result: number
    })
  /** A reduction over loops of its own, all of whose elements belong to one element of the kernel. */
  | (Common & {
      readonly kind: 'fold'
      readonly fold: FoldName
      readonly vars: readonly LoopVar[]
      readonly body: Node
    })
  /** The result of an earlier stage's reduction of the row. */
  | (Common & { readonly kind: 'row'; readonly reduction: Reduction })

type Fresh = Node extends infer N ? (N extends Node ? Omit<N, 'id'> : never) : never

/** Makes nodes, and shares equal ones. */
export class NodeTable {
  readonly #known = new Map<string, Node>()
  readonly #reductions = new Map<Reduction, number>()

  get size(): number {
    return this.#known.size
  }

  #make(key: string, node: Fresh): Node {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const made: Node = { ...node, id: this.#known.size }
    this.#known.set(key, made)
    return made
  }

  load(value: Value, index: Index): Node {
    return this.#make(`l${value.id}@${index.key}`, { kind: 'load', dtype: value.aval.dtype, value, index })
  }

  literal(value: number | bigint, dtype: DType): Node {
    return this.#make(`c${dtype}${Object.is(value, -0) ? '-0' : value}`, { kind: 'literal', dtype, value })
  }

  index(index: Index, dtype: DType): Node {
    return this.#make(`i${dtype}@${index.key}`, { kind: 'index', dtype, index })
  }

  op(op: OpName, params: OpParams[OpName], operands: readonly Node[], dtype: DType, result = 0): Node {
    const key = `${op}${JSON.stringify(params)}(${operands.map((n) => n.id).join()})${result}`
    return this.#make(key, { kind: 'op', dtype, op, params, operands, result })
  }

  fold(fold: FoldName, vars: readonly LoopVar[], body: Node): Node {
    const key = `f${fold}[${vars.map((v) => v.name).join()}](${body.id})`
    return this.#make(key, { kind: 'fold', dtype: body.dtype, fold, vars, body })
  }

  row(reduction: Reduction): Node {
    let number = this.#reductions.get(reduction)
    if (number === undefined) this.#reductions.set(reduction, (number = this.#reductions.size))
    return this.#make(`r${number}`, { kind: 'row', dtype: reduction.dtype, reduction })
  }
}

/** The direct operands of a node. */
export const operandsOf = (node: Node): readonly Node[] => {
  if (node.kind === 'op') return node.operands
  return node.kind === 'fold' ? [node.body] : []
}

/** All nodes reachable from these, operands first. */
export const reachable = (roots: readonly Node[]): readonly Node[] => {
  const seen = new Set<Node>()
  const order: Node[] = []
  const visit = (node: Node): void => {
    if (seen.has(node)) return
    seen.add(node)
    operandsOf(node).forEach(visit)
    order.push(node)
  }
  roots.forEach(visit)
  return order
}

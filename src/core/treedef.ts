/** Structures of trees: flat lists of nodes, so that neither depth nor width overflows the stack. */
import * as must from './arguments.ts'
import { identifier } from './path.ts'
import type { Path, PathKey } from './path.ts'
import type { Registration } from './registration.ts'
import { uncloneable } from './uncloneable.ts'
import { valueKey } from './valueKey.ts'

export type Node =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'null' | 'undefined' | 'none' }
  | { readonly kind: 'array'; readonly arity: number }
  | { readonly kind: 'some' }
  | { readonly kind: 'object'; readonly keys: readonly string[] }
  | { readonly kind: 'custom'; readonly type: Registration; readonly aux: unknown; readonly keys: Path }

export const leafNode: Node = { kind: 'leaf' }

export const arityOf = (node: Node): number => {
  if (node.kind === 'array') return node.arity
  if (node.kind === 'some') return 1
  return node.kind === 'object' || node.kind === 'custom' ? node.keys.length : 0
}

export const keyAt = (node: Node, i: number): PathKey => {
  if (node.kind === 'some') return 'value'
  return node.kind === 'object' || node.kind === 'custom' ? node.keys[i]! : i
}

export const nodeKey = (node: Node): string => {
  switch (node.kind) {
    case 'leaf':
      return '*'
    case 'null':
      return '0'
    case 'undefined':
      return 'u'
    case 'none':
      return 'N'
    case 'some':
      return 'S'
    case 'array':
      return `[${node.arity}`
    case 'object':
      return `{${node.keys.map((k) => JSON.stringify(k)).join(',')}}`
    case 'custom':
      return `<${node.type.id}:${node.keys.length}:${valueKey(node.aux)}>`
  }
}

/** The structure of a tree of type `T`: the tree without its leaves. Compared by `key`. */
export class TreeDef<out T = unknown> {
  /** Only in types. */
  declare readonly tree?: T
  /** @internal Makes cloning throw: a clone would not work. */
  readonly uncloneable: symbol = uncloneable
  /** @internal */
  readonly nodes: readonly Node[]
  readonly numLeaves: number
  #key: string | undefined

  /** @internal */
  constructor(nodes: readonly Node[], numLeaves: number) {
    this.nodes = nodes
    this.numLeaves = numLeaves
  }

  /** Equal for equal structures. */
  get key(): string {
    return (this.#key ??= this.nodes.map(nodeKey).join(' '))
  }

  /** Whether the structures are the same: nodes, keys and places of leaves. */
  equals(other: TreeDef): boolean {
    if (this === other) return true
    equalsDoor(other)
    return this.key === other.key
  }

  /** The structure with `*` for leaves: `{a: *, b: [*, null]}`. */
  toString(): string {
    return build(this, (node, children: readonly string[]) => {
      switch (node.kind) {
        case 'leaf':
          return '*'
        case 'null':
        case 'undefined':
        case 'none':
          return node.kind
        case 'some':
          return `some(${children[0]!})`
        case 'array':
          return `[${children.join(', ')}]`
        case 'object':
          return `{${children.map((c, i) => `${identifier.test(node.keys[i]!) ? node.keys[i]! : JSON.stringify(node.keys[i])}: ${c}`).join(', ')}}`
        case 'custom':
          return `${node.type.name}(${children.join(', ')})`
      }
    })
  }
}

/** Checks a structure. */
export const aTreeDef = must.instance('a structure, as tree.structure gives it', TreeDef)
const equalsDoor = must.door('tree.structure', { other: aTreeDef })

/** Folds a structure from its leaves up; the flat list is read backwards, so children are ready before parents. */
export const build = <T>(treedef: TreeDef, make: (node: Node, children: readonly T[]) => T): T => {
  const stack: T[] = []
  const { nodes } = treedef
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!
    const children: T[] = []
    for (let arity = arityOf(node); arity > 0; arity--) children.push(stack.pop()!)
    stack.push(make(node, children))
  }
  return stack[0]!
}

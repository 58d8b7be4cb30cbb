/**
 * Pytrees: nested arrays, tuples, plain objects, fp-ts Options, registered classes; null and undefined are empty.
 * Everything else is a leaf. Neither depth nor width overflows the stack.
 */
import { TreeError } from './errors.ts'
import { keystr } from './path.ts'
import type { Path } from './path.ts'
import { registrationOf } from './registration.ts'
import type { PytreeClass, Registration } from './registration.ts'
import { arityOf, build, keyAt, leafNode, nodeKey, TreeDef } from './treedef.ts'
import type { Node } from './treedef.ts'
import { isPlainObject } from './valueKey.ts'

const nullNode: Node = { kind: 'null' }
const undefinedNode: Node = { kind: 'undefined' }
const noneNode: Node = { kind: 'none' }
const someNode: Node = { kind: 'some' }

const sortedKeys = (x: object): string[] => Object.keys(x).sort()

const optionNode = (x: Readonly<Record<string, unknown>>, keys: readonly string[]): Node | null => {
  if (x['_tag'] === 'None' && keys.length === 1) return noneNode
  return x['_tag'] === 'Some' && keys.length === 2 && keys[1] === 'value' ? someNode : null
}

interface Opened {
  readonly node: Node
  readonly children: readonly unknown[]
}

const noChildren: readonly unknown[] = []
const leafOpened: Opened = { node: leafNode, children: noChildren }

const openCustom = (type: Registration, x: unknown): Opened => {
  const { children, keys, aux } = type.flatten(x as never)
  return { node: { kind: 'custom', type, aux, keys: keys ?? children.map((_, i) => i) }, children }
}

/** One level of a tree: its node and its subtrees. */
const open = (x: unknown): Opened => {
  if (x === null) return { node: nullNode, children: noChildren }
  if (x === undefined) return { node: undefinedNode, children: noChildren }
  if (typeof x !== 'object') return leafOpened
  if (Array.isArray(x)) return { node: { kind: 'array', arity: x.length }, children: x }
  if (isPlainObject(x)) {
    const keys = sortedKeys(x)
    const option = optionNode(x, keys)
    if (option !== null) return { node: option, children: option === someNode ? [x['value']] : noChildren }
    return { node: { kind: 'object', keys }, children: keys.map((k) => x[k]) }
  }
  const type = registrationOf(x.constructor as PytreeClass)
  return type === undefined ? leafOpened : openCustom(type, x)
}

/** Whether to treat a subtree as a leaf. */
export type IsLeaf = (x: unknown) => boolean

/** A list with more entries is not a real tree: it was given a length without elements. */
const WIDEST = 2 ** 26

const openNarrow = (x: unknown): Opened => {
  const opened = open(x)
  const { length } = opened.children
  if (length <= WIDEST) return opened
  throw new TreeError(`tree: a list of ${length} entries is more than a tree may have; np.array makes one leaf of it.`)
}

/**
 * Whether a container contains itself. Each container is opened once, however often it occurs; one without children cannot
 * contain anything.
 */
const containsItself = (tree: unknown, isLeaf: IsLeaf | undefined): boolean => {
  const states = new Map<unknown, 'above' | 'done'>()
  const stack: (readonly [x: unknown, left: boolean])[] = [[tree, false]]
  while (stack.length > 0) {
    const [x, left] = stack.pop()!
    if (left) {
      states.set(x, 'done')
      continue
    }
    const state = states.get(x)
    if (state === 'above') return true
    if (state === 'done' || isLeaf?.(x) === true) continue
    const { children } = openNarrow(x)
    if (children.length === 0) continue
    states.set(x, 'above')
    stack.push([x, true])
    for (const child of children) if (typeof child === 'object' && child !== null) stack.push([child, false])
  }
  return false
}

/** A tree of this many nodes is checked once for cycles. */
const SUSPICIOUS = 2 ** 12

/** Calls `visit` on every node in preorder. */
const walk = (tree: unknown, isLeaf: IsLeaf | undefined, visit: (node: Node, subtree: unknown) => void): void => {
  const stack: unknown[] = [tree]
  for (let count = 0; stack.length > 0; count++) {
    if (count === SUSPICIOUS && containsItself(tree, isLeaf)) {
      throw new TreeError(
        'tree: an object or array contains itself, so that it is not a tree. Leave out links to parents.',
      )
    }
    const x = stack.pop()
    const { node, children } = isLeaf?.(x) === true ? leafOpened : openNarrow(x)
    visit(node, x)
    for (let i = children.length - 1; i >= 0; i--) stack.push(children[i])
  }
}

interface Flattened {
  readonly leaves: readonly unknown[]
  readonly treedef: TreeDef
}

const singleLeaf = new TreeDef([leafNode], 1)

/** Leaves in order, and the structure. */
export const flatten = (tree: unknown, isLeaf?: IsLeaf): Flattened => {
  const nodes: Node[] = []
  const leaves: unknown[] = []
  walk(tree, isLeaf, (node, x) => {
    nodes.push(node)
    if (node === leafNode) leaves.push(x)
  })
  return nodes.length === 1 && nodes[0] === leafNode
    ? { leaves, treedef: singleLeaf }
    : { leaves, treedef: new TreeDef(nodes, leaves.length) }
}

/** The subtrees of a plain object that has these keys and no others; null for anything else. */
const valuesAt = (x: unknown, keys: readonly string[]): readonly unknown[] | null => {
  if (typeof x !== 'object' || x === null || !isPlainObject(x)) return null
  const own = Object.keys(x)
  if (own.length !== keys.length) return null
  const values = new Array<unknown>(keys.length)
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    if (own[i] !== key && !Object.hasOwn(x, key)) return null
    values[i] = x[key]
  }
  return values
}

/** The subtrees of `x` if its uppermost node is `node`, else null. */
const childrenAt = (node: Node, x: unknown): readonly unknown[] | null => {
  if (node.kind === 'array') return Array.isArray(x) && x.length === node.arity ? x : null
  // An object with this key may be an Option.
  if (node.kind === 'object' && node.keys[0] !== '_tag') return valuesAt(x, node.keys)
  const opened = open(x)
  return opened.node === node || nodeKey(opened.node) === nodeKey(node) ? opened.children : null
}

/**
 * The leaves of a tree that has exactly this structure; null for any other tree. The same as those of `flatten`, but several
 * times faster. `isLeaf` must be false for containers.
 */
export const leavesOf = (treedef: TreeDef, tree: unknown, isLeaf: IsLeaf): unknown[] | null => {
  const leaves: unknown[] = []
  const stack: unknown[] = [tree]
  for (const node of treedef.nodes) {
    const x = stack.pop()
    if (node.kind === 'leaf') {
      if (!isLeaf(x)) return null
      leaves.push(x)
      continue
    }
    const children = childrenAt(node, x)
    if (children === null) return null
    for (let i = children.length - 1; i >= 0; i--) stack.push(children[i])
  }
  return leaves
}

/** Own properties, whatever their names: `__proto__` is a key like any other. */
export const makeObject = (keys: readonly string[], values: readonly unknown[]): Record<string, unknown> => {
  const out: Record<string, unknown> = {}
  keys.forEach((key, i) => {
    if (key === '__proto__') {
      Object.defineProperty(out, key, { value: values[i], enumerable: true, writable: true, configurable: true })
    } else {
      out[key] = values[i]
    }
  })
  return out
}

const close = (node: Node, children: readonly unknown[]): unknown => {
  switch (node.kind) {
    case 'null':
      return null
    case 'none':
      return { _tag: 'None' }
    case 'some':
      return { _tag: 'Some', value: children[0] }
    case 'array':
      return children
    case 'object':
      return makeObject(node.keys, children)
    case 'custom':
      return node.type.unflatten(node.aux, children)
    default:
      return undefined
  }
}

/**
 * The tree of a structure and its leaves in order.
 *
 * @throws TreeError if the number of leaves is not that of the structure.
 */
export const unflatten = (treedef: TreeDef, leaves: readonly unknown[]): unknown => {
  if (leaves.length !== treedef.numLeaves) {
    throw new TreeError(`unflatten: ${treedef.toString()} has ${treedef.numLeaves} leaves, got ${leaves.length}.`)
  }
  let next = leaves.length
  return build<unknown>(treedef, (node, children) => (node === leafNode ? leaves[--next] : close(node, children)))
}

/** Paths of all leaves, in order. */
export const leafPaths = (treedef: TreeDef): readonly Path[] => {
  const paths: Path[] = []
  const stack: Path[] = [[]]
  for (const node of treedef.nodes) {
    const path = stack.pop()!
    if (node === leafNode) paths.push(path)
    for (let i = arityOf(node) - 1; i >= 0; i--) stack.push([...path, keyAt(node, i)])
  }
  return paths
}

/** A leaf of the tree that has no derivative: the reason that its class gives, and its path; null if there is none. */
export const frozenLeaf = (treedef: TreeDef): { readonly path: Path; readonly why: string } | null => {
  // Runs before every derivative, so the common case comes first.
  if (!treedef.nodes.some((node) => node.kind === 'custom' && node.type.frozen !== undefined)) return null
  const stack: { readonly path: Path; readonly why: string | undefined }[] = [{ path: [], why: undefined }]
  for (const node of treedef.nodes) {
    const { path, why } = stack.pop()!
    if (node === leafNode && why !== undefined) return { path, why }
    const inside = (node.kind === 'custom' ? node.type.frozen : undefined) ?? why
    for (let i = arityOf(node) - 1; i >= 0; i--) {
      stack.push({ path: inside === undefined ? [...path, keyAt(node, i)] : path, why: inside })
    }
  }
  return null
}

const describe = (x: unknown): string => {
  const { node } = open(x)
  if (node.kind !== 'leaf') return new TreeDef([node], 0).nodes.map(summary).join('')
  return typeof x === 'object' && x !== null && 'aval' in x ? String(x.aval) : `a ${typeof x}`
}

const summary = (node: Node): string => {
  switch (node.kind) {
    case 'array':
      return `an array of ${node.arity}`
    case 'object':
      return `an object with keys ${node.keys.length === 0 ? '(none)' : node.keys.join(', ')}`
    case 'custom':
      return `a ${node.type.name}`
    case 'some':
      return 'some(...)'
    default:
      return node.kind
  }
}

const isEmpty = (node: Node): boolean => node.kind === 'null' || node.kind === 'undefined' || node.kind === 'none'

const fits = (node: Node, other: Node): boolean =>
  node === other || (isEmpty(node) && isEmpty(other)) || nodeKey(node) === nodeKey(other)

/**
 * The subtrees of `tree` at the leaves of the structure: `tree` may extend below them.
 *
 * @throws TreeError naming the path where the two differ.
 */
export const flattenUpTo = (operation: string, treedef: TreeDef, tree: unknown): readonly unknown[] => {
  const subtrees: unknown[] = []
  const stack: { readonly x: unknown; readonly path: Path }[] = [{ x: tree, path: [] }]
  for (const node of treedef.nodes) {
    const { x, path } = stack.pop()!
    if (node === leafNode) {
      subtrees.push(x)
      continue
    }
    const opened = open(x)
    if (!fits(node, opened.node)) {
      const place = path.length === 0 ? 'at the root' : `at ${keystr(path)}`
      throw new TreeError(`${operation}: the trees part ${place}: one has ${summary(node)}, the other ${describe(x)}.`)
    }
    for (let i = opened.children.length - 1; i >= 0; i--) {
      stack.push({ x: opened.children[i], path: [...path, keyAt(node, i)] })
    }
  }
  return subtrees
}

/**
 * A prefix broadcast to a full tree: each of its leaves is repeated for all leaves below it. `null` counts as a leaf of the
 * prefix if `isLeaf` says so.
 */
export const broadcastPrefix = (
  operation: string,
  prefix: unknown,
  full: TreeDef,
  isLeaf?: IsLeaf,
): readonly unknown[] => {
  const { leaves, treedef } = flatten(prefix, isLeaf)
  const marks = unflatten(
    full,
    Array.from({ length: full.numLeaves }, () => 0),
  )
  return flattenUpTo(operation, treedef, marks).flatMap((subtree, i) => flatten(subtree).leaves.map(() => leaves[i]))
}

/**
 * Pytrees: nested arrays, tuples, plain objects, fp-ts Options, registered classes; null and undefined are empty.
 * Everything else is a leaf. Structures are flat lists of nodes, so that neither depth nor width overflows the stack.
 */
import * as must from './arguments.ts'
import { TreeError } from './errors.ts'
import { uncloneable } from './uncloneable.ts'

/** Only a type: marks classes whose instances are leaves. */
export declare const leafBrand: unique symbol
export interface LeafBrand {
  readonly [leafBrand]: true
}

/** Only a type: marks trees of arrays whose insides are nobody's business; mapped types leave them as they are. */
export declare const opaqueBrand: unique symbol
export interface OpaqueBrand {
  readonly [opaqueBrand]?: true
}

/** Only a type: marks nested lists that stand for one array, as in the arguments of `np.sin`. */
export declare const arrayLikeBrand: unique symbol
export interface ArrayLikeBrand {
  readonly [arrayLikeBrand]?: true
}

type Scalar = string | number | bigint | boolean | symbol
type Bytes =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Int16Array
  | Int8Array
  | BigInt64Array
  | BigUint64Array

/** Types whose values are leaves wherever they stand. */
export type LeafType = LeafBrand | Scalar | Bytes | ((...args: never[]) => unknown)

/** The tree `T` with every leaf replaced by an `R`: tuples stay tuples, objects keep their keys. */
export type MapLeaves<T, R> = T extends LeafType
  ? R
  : T extends null | undefined
    ? T
    : T extends { readonly _tag: 'None' }
      ? T
      : T extends { readonly _tag: 'Some'; readonly value: infer A }
        ? { readonly _tag: 'Some'; readonly value: MapLeaves<A, R> }
        : typeof opaqueBrand extends keyof T
          ? T
          : typeof arrayLikeBrand extends keyof T
            ? R
            : { [K in keyof T]: MapLeaves<T[K], R> }

type FreshEach<T, R> = { -readonly [K in keyof T]: FreshLeaves<T[K], R> }

/** `MapLeaves`, with arrays and tuples that may be written to: what the library builds anew. */
export type FreshLeaves<T, R> = T extends LeafType
  ? R
  : T extends null | undefined
    ? T
    : T extends { readonly _tag: 'None' }
      ? T
      : T extends { readonly _tag: 'Some'; readonly value: infer A }
        ? { readonly _tag: 'Some'; readonly value: FreshLeaves<A, R> }
        : typeof opaqueBrand extends keyof T
          ? T
          : typeof arrayLikeBrand extends keyof T
            ? R
            : T extends readonly unknown[]
              ? FreshEach<T, R>
              : { [K in keyof T]: FreshLeaves<T[K], R> }

/** `MapLeaves`, with nothing that may be written to: what the library only reads. */
export type ReadonlyLeaves<T, R> = T extends LeafType
  ? R
  : T extends null | undefined
    ? T
    : T extends { readonly _tag: 'None' }
      ? T
      : T extends { readonly _tag: 'Some'; readonly value: infer A }
        ? { readonly _tag: 'Some'; readonly value: ReadonlyLeaves<A, R> }
        : typeof opaqueBrand extends keyof T
          ? T
          : typeof arrayLikeBrand extends keyof T
            ? R
            : { readonly [K in keyof T]: ReadonlyLeaves<T[K], R> }

/** One step from a tree to a subtree: an index of an array, or a key of an object. */
export type PathKey = string | number
/** The keys and indices that lead from a tree to a subtree. */
export type Path = readonly PathKey[]

const identifier = /^[A-Za-z_$][\w$]*$/

/** What a path must be. */
export const aPath = must.listOf(
  must.kind('a key', (x) => typeof x === 'string' || typeof x === 'number'),
  'a list of keys and indices',
)
const keystrDoor = must.door('tree.keystr', { path: aPath })

/**
 * A path as the JS that follows it: `.layers[0].weight`.
 *
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * tree.keystr(['layers', 0, 'odd key']) // => .layers[0]["odd key"]
 * ```
 */
export const keystr = (path: Path): string => {
  keystrDoor(path)
  return stringOf(path)
}

const stringOf = (path: Path): string =>
  path.map((k) => (typeof k === 'number' ? `[${k}]` : identifier.test(k) ? `.${k}` : `[${JSON.stringify(k)}]`)).join('')

/** How instances of a registered class come apart and together again. */
export interface Registration {
  readonly name: string
  readonly id: number
  readonly flatten: (x: never) => {
    readonly children: readonly unknown[]
    readonly keys?: Path
    readonly aux?: unknown
  }
  readonly unflatten: (aux: unknown, children: readonly unknown[]) => unknown
  readonly frozen?: string
}

/** Options of `registerPytreeNode`. */
export interface PytreeOptions {
  /**
   * For a class whose arrays have no derivatives: what it is and what to do instead, for the message of the `FrozenError` that asking
   * for one is.
   */
  readonly frozen?: string
}

/** A class whose instances may be containers. */
export type PytreeClass = abstract new (...args: never[]) => unknown

// Registration is by class, and a class is registered once: the one table that outlives calls.
const registrations = new WeakMap<PytreeClass, Registration>()
let registered = 0

const registerDoor = must.door('tree.registerPytreeNode', { type: must.func, flatten: must.func, unflatten: must.func })

/**
 * Makes instances of a class containers. `aux` is what distinguishes two structures beside the children; it is
 * compared by identity or, for primitives and JSON-like data, by value.
 *
 * @throws TreeError if the class is registered already.
 * @example
 * ```ts
 * import { grad, np, tree } from 'pullback'
 * class Line {
 *   readonly slope: NDArray
 *   readonly start: NDArray
 *   constructor(slope: NDArray, start: NDArray) {
 *     this.slope = slope
 *     this.start = start
 *   }
 *   at(x: NDArray): NDArray {
 *     return x.mul(this.slope).add(this.start)
 *   }
 * }
 * tree.registerPytreeNode(
 *   Line,
 *   ({ slope, start }) => ({ children: [slope, start], keys: ['slope', 'start'] }),
 *   (_, [slope, start]) => new Line(slope as NDArray, start as NDArray),
 * )
 * const line = new Line(np.array(2), np.array(1))
 * grad((l: Line) => l.at(np.array(3)))(line).slope // => 3.
 * ```
 */
export const registerPytreeNode = <T>(
  type: abstract new (...args: never[]) => T,
  flatten: (x: T) => { readonly children: readonly unknown[]; readonly keys?: Path; readonly aux?: unknown },
  unflatten: (aux: unknown, children: readonly unknown[]) => T,
  options: PytreeOptions = {},
): void => {
  registerDoor(type, flatten, unflatten)
  if (registrations.has(type)) throw new TreeError(`registerPytreeNode: class ${type.name} is registered already.`)
  registrations.set(type, { name: type.name, id: registered++, flatten: flatten, unflatten, ...options })
}

/** How instances of a class come apart, if it is registered. */
export const registrationOf = (type: PytreeClass): Registration | undefined => registrations.get(type)

type Node =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'null' | 'undefined' | 'none' }
  | { readonly kind: 'array'; readonly arity: number }
  | { readonly kind: 'some' }
  | { readonly kind: 'object'; readonly keys: readonly string[] }
  | { readonly kind: 'custom'; readonly type: Registration; readonly aux: unknown; readonly keys: Path }

const leafNode: Node = { kind: 'leaf' }
const nullNode: Node = { kind: 'null' }
const undefinedNode: Node = { kind: 'undefined' }
const noneNode: Node = { kind: 'none' }
const someNode: Node = { kind: 'some' }

const arityOf = (node: Node): number => {
  if (node.kind === 'array') return node.arity
  if (node.kind === 'some') return 1
  return node.kind === 'object' || node.kind === 'custom' ? node.keys.length : 0
}

const keyAt = (node: Node, i: number): PathKey => {
  if (node.kind === 'some') return 'value'
  return node.kind === 'object' || node.kind === 'custom' ? node.keys[i]! : i
}

const identities = new WeakMap<object, number>()
let identityCount = 0
const identityOf = (x: object): number => {
  const known = identities.get(x)
  if (known !== undefined) return known
  identities.set(x, identityCount)
  return identityCount++
}

const auxKey = (aux: unknown): string => {
  if (aux === null || typeof aux === 'string' || typeof aux === 'number' || typeof aux === 'boolean') {
    return JSON.stringify(aux)
  }
  if (typeof aux === 'object' || typeof aux === 'function') {
    return isPlainData(aux) ? JSON.stringify(aux) : `#${identityOf(aux)}`
  }
  return String(aux)
}

const isPlainData = (x: unknown): boolean => {
  if (x === null || typeof x !== 'object') return typeof x !== 'function'
  if (Array.isArray(x)) return x.every(isPlainData)
  return isPlainObject(x) && Object.values(x).every(isPlainData)
}

const nodeKey = (node: Node): string => {
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
      return `<${node.type.id}:${node.keys.length}:${auxKey(node.aux)}>`
  }
}

/** The structure of a tree of type `T`: what is left when its leaves are taken out. Compared by `key`. */
export class TreeDef<out T = unknown> {
  /** Only a type. */
  declare readonly tree?: T
  /** @internal A clone would have no leaves. */
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

/** What a structure must be. */
export const aTreeDef = must.instance('a structure, as tree.structure gives it', TreeDef)
const equalsDoor = must.door('tree.structure', { other: aTreeDef })

const isPlainObject = (x: object): x is Readonly<Record<string, unknown>> => {
  const prototype: unknown = Object.getPrototypeOf(x)
  return prototype === Object.prototype || prototype === null
}

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
  const type = registrations.get(x.constructor as PytreeClass)
  return type === undefined ? leafOpened : openCustom(type, x)
}

/** Says of a subtree whether to take it for a leaf. */
export type IsLeaf = (x: unknown) => boolean

/** More entries are no tree that anyone has written: a list was given a length that it does not fill. */
const WIDEST = 2 ** 26

const openNarrow = (x: unknown): Opened => {
  const opened = open(x)
  const { length } = opened.children
  if (length <= WIDEST) return opened
  throw new TreeError(`tree: a list of ${length} entries is more than a tree may have; np.array makes one leaf of it.`)
}

/**
 * Whether a container is somewhere inside of itself. Each container is opened once, however often it is met; what has no
 * children cannot contain anything.
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

/** A tree of so many nodes is asked, once, whether it ends at all. */
const SUSPICIOUS = 2 ** 12

/** Calls `visit` on every node in preorder. */
const walk = (tree: unknown, isLeaf: IsLeaf | undefined, visit: (node: Node, subtree: unknown) => void): void => {
  const stack: unknown[] = [tree]
  for (let count = 0; stack.length > 0; count++) {
    if (count === SUSPICIOUS && containsItself(tree, isLeaf)) {
      throw new TreeError(
        'tree: an object or array contains itself, so that it is no tree. Leave out links to parents.',
      )
    }
    const x = stack.pop()
    const { node, children } = isLeaf?.(x) === true ? leafOpened : openNarrow(x)
    visit(node, x)
    for (let i = children.length - 1; i >= 0; i--) stack.push(children[i])
  }
}

export interface Flattened {
  readonly leaves: readonly unknown[]
  readonly treedef: TreeDef
}

const singleLeaf = new TreeDef([leafNode], 1)

/** Leaves in order, and the structure that holds them. */
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
 * The leaves of a tree that has this very structure; null for any other tree. As `flatten` finds them, but several times
 * faster. `isLeaf` says of values that they are leaves, and of no container.
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

/** Folds a structure from its leaves up; the flat list is read backwards, so children are ready before parents. */
const build = <T>(treedef: TreeDef, make: (node: Node, children: readonly T[]) => T): T => {
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
 * @throws TreeError if there are more or fewer leaves than the structure has places.
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

/** Why there is no derivative by a leaf of the tree: what its class says, and where it stands; null where none says so. */
export const frozenLeaf = (treedef: TreeDef): { readonly path: Path; readonly why: string } | null => {
  // Asked before every derivative.
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
 * The subtrees of `tree` that stand where the structure has leaves: `tree` may extend below them.
 *
 * @throws TreeError naming the path where the two part.
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
 * A prefix stretched over a full tree: each of its leaves stands for all leaves below the place where it stands.
 * `null` counts as a leaf of the prefix if `isLeaf` says so.
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

/**
 * Pickles (Python's Lib/pickletools.py, protocols 0 to 5) of tensors and containers. A pickle is a program; this reader only
 * runs the constructors below: any other is an error that names it.
 */
import { malformed, unsupported } from '../errors.ts'
import { decodeUtf8 } from '../platform.ts'
import { NeedsMore } from '../windows.ts'

/** A dictionary: keys are strings or numbers. */
interface PickledDict {
  readonly kind: 'dict'
  readonly entries: Map<string | number, Pickled>
}

interface PickledList {
  readonly kind: 'list'
  readonly items: Pickled[]
}

/** A storage beside the pickle, under a key. */
export interface PickledStorage {
  readonly kind: 'storage'
  /** `FloatStorage`, `HalfStorage`, ... */
  readonly type: string
  readonly key: string
  /** Elements in it. */
  readonly size: number
}

/** A view of a storage. */
export interface PickledTensor {
  readonly kind: 'tensor'
  readonly storage: PickledStorage
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

/** The name of a constructor or of a constant, such as `torch.float32`. */
interface PickledGlobal {
  readonly kind: 'global'
  readonly name: string
}

export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickledDict
  | PickledList
  | PickledStorage
  | PickledTensor
  | PickledGlobal

const isKind = <K extends 'dict' | 'list' | 'storage' | 'tensor' | 'global'>(
  x: Pickled | undefined,
  kind: K,
): x is Extract<Pickled, { readonly kind: K }> => typeof x === 'object' && x !== null && 'kind' in x && x.kind === kind

const isCount = (x: Pickled | undefined): x is number => typeof x === 'number' && Number.isSafeInteger(x) && x >= 0

const countsOf = (x: Pickled | undefined): readonly number[] | null =>
  isKind(x, 'list') && x.items.every(isCount) ? x.items : null

type Construct = (args: readonly Pickled[]) => Pickled | undefined

const list = (items: readonly Pickled[]): PickledList => ({ kind: 'list', items: [...items] })
const itemsOf = (x: Pickled | undefined): Pickled | undefined =>
  x === undefined ? list([]) : isKind(x, 'list') ? x : undefined

const rebuildTensor: Construct = ([storage, offset, size, stride]) => {
  const [shape, strides] = [countsOf(size), countsOf(stride)]
  if (!isKind(storage, 'storage') || !isCount(offset) || shape === null || strides === null) return undefined
  return shape.length === strides.length ? { kind: 'tensor', storage, offset, shape, strides } : undefined
}

const dictOf: Construct = ([pairs]) => {
  const entries = new Map<string | number, Pickled>()
  if (pairs !== undefined) {
    if (!isKind(pairs, 'list')) return undefined
    for (const pair of pairs.items) {
      const [key, value] = isKind(pair, 'list') ? pair.items : []
      if ((typeof key !== 'string' && typeof key !== 'number') || value === undefined) return undefined
      entries.set(key, value)
    }
  }
  return { kind: 'dict', entries }
}

/** All supported constructors. */
const constructors: ReadonlyMap<string, Construct> = new Map<string, Construct>([
  ['collections.OrderedDict', dictOf],
  ['builtins.dict', dictOf],
  ['__builtin__.dict', dictOf],
  ['builtins.list', ([items]) => itemsOf(items)],
  ['builtins.tuple', ([items]) => itemsOf(items)],
  ['builtins.set', ([items]) => itemsOf(items)],
  ['__builtin__.set', ([items]) => itemsOf(items)],
  ['torch.Size', ([items]) => itemsOf(items)],
  ['torch.device', (args) => args.map(String).join(':')],
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_parameter', ([data]) => (isKind(data, 'tensor') ? data : undefined)],
])

/** Names that may occur in a pickle without being called: storages and dtypes. */
const isConstant = (name: string): boolean =>
  /^torch\.[A-Za-z0-9]*Storage$/.test(name) ||
  name === 'torch.storage.UntypedStorage' ||
  /^torch\.(b?float\d*(_\w+)?|u?int\d+|bool|half|double|long|short|complex\d+|q\w+|strided)$/.test(name)

/** Marks the start of a group on the stack. */
const MARK = Symbol('mark')

class Machine {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #source: string
  readonly #stack: (Pickled | typeof MARK)[] = []
  readonly #memo = new Map<number, Pickled>()
  /** The size of the whole, of which only the first bytes may be available. */
  readonly #size: number
  #at: number
  #start = 0

  constructor(bytes: Uint8Array, source: string, at: number, size: number) {
    this.#bytes = bytes
    this.#at = at
    this.#size = size
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#source = source
  }

  run(): { readonly value: Pickled; readonly end: number } {
    for (;;) {
      this.#start = this.#at
      const code = this.#bytes[this.#take(1)]!
      if (code === 0x2e) return { value: this.#pop(), end: this.#at }
      this.#step(code)
    }
  }

  #fault(what: string): never {
    return malformed('pytorch', this.#source, this.#start, what)
  }

  #take(length: number): number {
    const at = this.#at
    if (!(at + length <= this.#size)) this.#fault(`the pickle ends where ${length} bytes more are needed`)
    if (at + length > this.#bytes.length) throw new NeedsMore()
    this.#at += length
    return at
  }

  #push(value: Pickled): void {
    this.#stack.push(value)
  }

  #pop(): Pickled {
    const value = this.#stack.pop()
    return value === undefined || value === MARK ? this.#fault('the pickle takes a value where there is none') : value
  }

  #top(): Pickled {
    const value = this.#pop()
    this.#push(value)
    return value
  }

  #popMark(): Pickled[] {
    const at = this.#stack.lastIndexOf(MARK)
    if (at < 0) this.#fault('the pickle ends a group that did not begin')
    const items = this.#stack.splice(at)
    return items.slice(1) as Pickled[]
  }

  #u8 = (): number => this.#view.getUint8(this.#take(1))
  #u16 = (): number => this.#view.getUint16(this.#take(2), true)
  #u32 = (): number => this.#view.getUint32(this.#take(4), true)
  #u64 = (): number => Number(this.#view.getBigUint64(this.#take(8), true))

  #raw(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.slice(at, at + length)
  }

  #text(length: number): string {
    const at = this.#take(length)
    return decodeUtf8(this.#bytes.subarray(at, at + length)) ?? this.#fault('a text is not UTF-8')
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end < 0 && this.#bytes.length < this.#size) throw new NeedsMore()
    if (end < 0) this.#fault('a line of the pickle does not end')
    const text = this.#text(end - this.#at)
    this.#at = end + 1
    return text
  }

  /** A two's-complement number of any length. */
  #long(length: number): number | bigint {
    if (length > 1024) this.#fault(`a number of ${length} bytes`)
    const bytes = this.#raw(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
    const n = BigInt.asIntN(8 * length, value)
    return n >= BigInt(Number.MIN_SAFE_INTEGER) && n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n
  }

  #global(module: string, name: string): PickledGlobal {
    const full = `${module}.${name}`
    if (!constructors.has(full) && !isConstant(full)) {
      unsupported(
        'pytorch',
        this.#source,
        this.#start,
        `the pickle asks for ${full.slice(0, 200)}; only tensors, numbers, texts and containers are read, and nothing is run`,
      )
    }
    return { kind: 'global', name: full }
  }

  #stackGlobal(): PickledGlobal {
    const [name, module] = [this.#pop(), this.#pop()]
    if (typeof name !== 'string' || typeof module !== 'string')
      return this.#fault('a constructor whose name is not text')
    return this.#global(module, name)
  }

  #construct(): Pickled {
    const args = this.#pop()
    const callee = this.#pop()
    const construct = isKind(callee, 'global') ? constructors.get(callee.name) : undefined
    if (construct === undefined || !isKind(args, 'list')) return this.#fault('the pickle calls what cannot be called')
    return (
      construct(args.items) ?? this.#fault(`${(callee as PickledGlobal).name} with arguments that it does not take`)
    )
  }

  #setItems(pairs: readonly Pickled[]): void {
    const dict = this.#top()
    if (!isKind(dict, 'dict') || pairs.length % 2 !== 0)
      return this.#fault('the pickle sets items of a value that is not a dictionary')
    for (let i = 0; i < pairs.length; i += 2) {
      const key = pairs[i]
      if (typeof key !== 'string' && typeof key !== 'number') return this.#fault('a key is neither text nor number')
      dict.entries.set(key, pairs[i + 1]!)
    }
  }

  #append(items: readonly Pickled[]): void {
    const target = this.#top()
    if (!isKind(target, 'list')) return this.#fault('the pickle appends to a value that is not a list')
    for (const item of items) target.items.push(item)
  }

  /** `('storage', type, key, location, size)`. */
  #persistent(): PickledStorage {
    const id = this.#pop()
    const [tag, type, key, , size] = isKind(id, 'list') ? id.items : []
    if (tag !== 'storage' || !isKind(type, 'global') || typeof key !== 'string' || !isCount(size)) {
      return this.#fault('the pickle refers to something outside of it that is not a storage')
    }
    return { kind: 'storage', type: type.name.split('.').at(-1)!, key, size }
  }

  #memoize(index: number): void {
    this.#memo.set(index, this.#top())
  }

  #recall(index: number): Pickled {
    const value = this.#memo.get(index)
    if (value === undefined) return this.#fault(`the pickle recalls value ${index}, which it did not keep`)
    return value
  }

  #tuple(length: number): PickledList {
    const items = Array.from({ length }, () => this.#pop())
    return list(items.reverse())
  }

  /** Instructions that push a value. */
  readonly #values: { readonly [code: number]: () => Pickled } = {
    0x32: () => this.#top(), // DUP
    0x4e: () => null, // NONE
    0x88: () => true, // NEWTRUE
    0x89: () => false, // NEWFALSE
    0x4b: () => this.#u8(), // BININT1
    0x4d: () => this.#u16(), // BININT2
    0x4a: () => this.#view.getInt32(this.#take(4), true), // BININT
    0x8a: () => this.#long(this.#u8()), // LONG1
    0x8b: () => this.#long(this.#u32()), // LONG4
    0x47: () => this.#view.getFloat64(this.#take(8), false), // BINFLOAT
    0x58: () => this.#text(this.#u32()), // BINUNICODE
    0x8c: () => this.#text(this.#u8()), // SHORT_BINUNICODE
    0x8d: () => this.#text(this.#u64()), // BINUNICODE8
    0x54: () => this.#raw(this.#u32()), // BINSTRING
    0x55: () => this.#text(this.#u8()), // SHORT_BINSTRING
    0x42: () => this.#raw(this.#u32()), // BINBYTES
    0x43: () => this.#raw(this.#u8()), // SHORT_BINBYTES
    0x8e: () => this.#raw(this.#u64()), // BINBYTES8
    0x5d: () => list([]), // EMPTY_LIST
    0x8f: () => list([]), // EMPTY_SET
    0x29: () => list([]), // EMPTY_TUPLE
    0x7d: () => ({ kind: 'dict', entries: new Map() }), // EMPTY_DICT
    0x74: () => list(this.#popMark()), // TUPLE
    0x6c: () => list(this.#popMark()), // LIST
    0x85: () => this.#tuple(1), // TUPLE1
    0x86: () => this.#tuple(2), // TUPLE2
    0x87: () => this.#tuple(3), // TUPLE3
    0x63: () => this.#global(this.#line(), this.#line()), // GLOBAL
    0x93: () => this.#stackGlobal(), // STACK_GLOBAL
    0x52: () => this.#construct(), // REDUCE
    0x81: () => this.#construct(), // NEWOBJ
    0x51: () => this.#persistent(), // BINPERSID
    0x68: () => this.#recall(this.#u8()), // BINGET
    0x6a: () => this.#recall(this.#u32()), // LONG_BINGET
  }

  /** Instructions that modify the stack or its values. */
  readonly #changes: { readonly [code: number]: () => unknown } = {
    0x80: () => this.#u8(), // PROTO
    0x95: () => this.#u64(), // FRAME
    0x28: () => this.#stack.push(MARK), // MARK
    0x30: () => this.#stack.pop(), // POP
    0x31: () => this.#popMark(), // POP_MARK
    0x61: () => {
      this.#append([this.#pop()])
    }, // APPEND
    0x65: () => {
      this.#append(this.#popMark())
    }, // APPENDS
    0x90: () => {
      this.#append(this.#popMark())
    }, // ADDITEMS
    0x73: () => {
      this.#setItems([this.#pop(), this.#pop()].reverse())
    }, // SETITEM
    0x75: () => {
      this.#setItems(this.#popMark())
    }, // SETITEMS
    // BUILD: attributes of containers, such as the versions in a state dictionary, are dropped.
    0x62: () => this.#pop(),
    0x71: () => {
      this.#memoize(this.#u8())
    }, // BINPUT
    0x72: () => {
      this.#memoize(this.#u32())
    }, // LONG_BINPUT
    0x94: () => {
      this.#memoize(this.#memo.size)
    }, // MEMOIZE
  }

  #step(code: number): void {
    const value = this.#values[code]
    if (value !== undefined) {
      this.#push(value())
      return
    }
    const change = this.#changes[code]
    if (change === undefined) {
      const what = `the pickle has an instruction 0x${code.toString(16)} that is not read`
      return unsupported('pytorch', this.#source, this.#start, what)
    }
    change()
  }
}

/** The first byte of every pickle since protocol 2. */
export const PICKLE_START = 0x80

/**
 * The value of the pickle at byte `at`, and where it ends. `size` is the size of the whole; throws `NeedsMore` if the available
 * bytes are not enough.
 */
export const readPickle = (
  bytes: Uint8Array,
  source: string,
  at = 0,
  size = bytes.length,
): { readonly value: Pickled; readonly end: number } => new Machine(bytes, source, at, size).run()

export const isDict = (x: Pickled): x is PickledDict => isKind(x, 'dict')
export const isListValue = (x: Pickled): x is PickledList => isKind(x, 'list')
export const isTensor = (x: Pickled): x is PickledTensor => isKind(x, 'tensor')
export const isStorage = (x: Pickled): x is PickledStorage => isKind(x, 'storage')

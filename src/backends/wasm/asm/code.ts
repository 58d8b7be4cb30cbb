/** A function's body: statements over expressions. */
import { Bytes } from './bytes.ts'
import type { Expr, OperandsOf, ValueType } from './expr.ts'
import { i32, op, opcodeBytes, variable } from './expr.ts'
import { atomicStores, laneStores, stores } from './opcodes.ts'

/** A local variable. Its value is read through `get`, and is its value at the moment when the reading expression is evaluated. */
export interface Local<T extends ValueType = ValueType> {
  readonly type: T
  readonly index: number
  readonly get: Expr<T>
}

/** A function that can be called, of this module or imported. */
export interface Func {
  readonly index: number
  readonly params: readonly ValueType[]
  readonly result: ValueType | null
}

/** A target of `branch`: the start of a loop, or the end of a block. */
export interface Label {
  readonly depth: number
}

interface Temporary {
  readonly local: Local
  remaining: number
}

export const typeBytes: { readonly [T in ValueType]: number } = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
}

const EMPTY = 0x40
const END = 0x0b

/** Writes the instructions of one function. Locals made inside a loop, block or branch are reused after it. */
export class Code {
  readonly params: readonly Local[]
  readonly #types: ValueType[]
  readonly #bytes = new Bytes()
  readonly #free = new Map<ValueType, number[]>()
  #scope: number[] = []
  #depth = 0
  readonly #paramCount: number

  constructor(params: readonly ValueType[]) {
    this.#types = [...params]
    this.#paramCount = params.length
    this.params = params.map((type, index) => ({ type, index, get: variable(0x20, type, index) }))
  }

  /** The value of a parameter; the caller knows its type. */
  param<T extends ValueType>(index: number): Expr<T> {
    return this.params[index]!.get as Expr<T>
  }

  // Locals

  #take(type: ValueType): number {
    const free = this.#free.get(type)?.pop()
    return free ?? this.#types.push(type) - 1
  }

  #release(index: number): void {
    const type = this.#types[index]!
    const list = this.#free.get(type)
    if (list === undefined) this.#free.set(type, [index])
    else list.push(index)
  }

  /** A variable, of undefined value (a former local may have left one), until the end of the enclosing scope. */
  local<T extends ValueType>(type: T): Local<T> {
    const index = this.#take(type)
    this.#scope.push(index)
    return { type, index, get: variable(0x20, type, index) }
  }

  /** Evaluates here; the result names the value from now on. */
  let<T extends ValueType>(value: Expr<T>): Expr<T> {
    if (value.trivial && value.operands.length === 0 && value.bytes[0] !== 0x20 && value.bytes[0] !== 0x23) return value
    return this.variable(value).get
  }

  /** A variable with an initial value. */
  variable<T extends ValueType>(value: Expr<T>): Local<T> {
    const local = this.local(value.type)
    this.set(local, value)
    return local
  }

  set<T extends ValueType>(local: Local<T>, value: Expr<T>): void {
    this.#evaluate([value])
    this.#bytes.byte(0x21)
    this.#bytes.u32(local.index)
  }

  // Expressions

  /** Puts values on the stack, in order; shared parts are computed once. */
  #evaluate(roots: readonly Expr[]): void {
    const uses = new Map<Expr, number>()
    const count = (e: Expr): void => {
      const seen = uses.get(e) ?? 0
      uses.set(e, seen + 1)
      if (seen === 0) e.operands.forEach(count)
    }
    roots.forEach(count)
    const temporaries = new Map<Expr, Temporary>()
    const put = (e: Expr): void => {
      const known = temporaries.get(e)
      if (known !== undefined) {
        this.#bytes.byte(0x20)
        this.#bytes.u32(known.local.index)
        if (--known.remaining === 0) this.#release(known.local.index)
        return
      }
      e.operands.forEach(put)
      this.#bytes.append(e.bytes)
      const times = uses.get(e)!
      if (times === 1 || e.trivial) return
      const index = this.#take(e.type)
      temporaries.set(e, { local: { type: e.type, index, get: e }, remaining: times - 1 })
      this.#bytes.byte(0x22)
      this.#bytes.u32(index)
    }
    roots.forEach(put)
  }

  // Statements

  store<N extends keyof typeof stores>(
    name: N,
    address: Expr<'i32'>,
    value: OperandsOf<(typeof stores)[N]>[1],
    offset = 0,
  ): void {
    this.#evaluate([address, value])
    this.#bytes.append(opcodeBytes(stores[name][0]))
    this.#bytes.byte(0)
    this.#bytes.u32(offset)
  }

  storeLane(name: keyof typeof laneStores, index: number, address: Expr<'i32'>, value: Expr<'v128'>, offset = 0): void {
    this.#evaluate([address, value])
    this.#bytes.append(opcodeBytes(laneStores[name][0]))
    this.#bytes.byte(0)
    this.#bytes.u32(offset)
    this.#bytes.byte(index)
  }

  atomicStore(name: keyof typeof atomicStores, address: Expr<'i32'>, value: Expr, offset = 0): void {
    this.#evaluate([address, value])
    const [opcode, , align] = atomicStores[name]
    this.#bytes.append(opcodeBytes(opcode))
    this.#bytes.byte(align)
    this.#bytes.u32(offset)
  }

  /** Copies `count` bytes. */
  copy(target: Expr<'i32'>, source: Expr<'i32'>, count: Expr<'i32'>): void {
    this.#evaluate([target, source, count])
    this.#bytes.append([0xfc, 0x0a, 0, 0])
  }

  /** Sets `count` bytes. */
  fill(target: Expr<'i32'>, byte: Expr<'i32'>, count: Expr<'i32'>): void {
    this.#evaluate([target, byte, count])
    this.#bytes.append([0xfc, 0x0b, 0])
  }

  /** Evaluates for the effect. */
  drop(value: Expr): void {
    this.#evaluate([value])
    this.#bytes.byte(0x1a)
  }

  /** Calls a function without a result. */
  call(f: Func, ...args: readonly Expr[]): void {
    this.#evaluate(args)
    this.#bytes.byte(0x10)
    this.#bytes.u32(f.index)
  }

  /** Calls a function of the table, of the type with this number (`ModuleBuilder.type`), without a result. */
  callIndirect(typeIndex: number, element: Expr<'i32'>, ...args: readonly Expr[]): void {
    this.#evaluate([...args, element])
    this.#bytes.byte(0x11)
    this.#bytes.u32(typeIndex)
    this.#bytes.u32(0)
  }

  setGlobal(index: number, value: Expr): void {
    this.#evaluate([value])
    this.#bytes.byte(0x24)
    this.#bytes.u32(index)
  }

  return(value?: Expr): void {
    if (value !== undefined) this.#evaluate([value])
    this.#bytes.byte(0x0f)
  }

  unreachable(): void {
    this.#bytes.byte(0x00)
  }

  fence(): void {
    this.#bytes.append([0xfe, 0x03, 0x00])
  }

  // Control

  #nested(opcode: number, body: (label: Label) => void): void {
    this.#bytes.byte(opcode)
    this.#bytes.byte(EMPTY)
    this.#inside(body)
    this.#bytes.byte(END)
  }

  #inside(body: (label: Label) => void): void {
    const saved = this.#scope
    this.#scope = []
    this.#depth++
    body({ depth: this.#depth })
    this.#depth--
    for (const index of this.#scope) this.#release(index)
    this.#scope = saved
  }

  /** `branch` to the label leaves it. */
  block(body: (label: Label) => void): void {
    this.#nested(0x02, body)
  }

  /** `branch` to the label repeats the loop; without it, the body runs once. */
  loop(body: (label: Label) => void): void {
    this.#nested(0x03, body)
  }

  if(condition: Expr<'i32'>, then: () => void, otherwise?: () => void): void {
    this.#evaluate([condition])
    this.#bytes.byte(0x04)
    this.#bytes.byte(EMPTY)
    this.#inside(then)
    if (otherwise !== undefined) {
      this.#bytes.byte(0x05)
      this.#inside(otherwise)
    }
    this.#bytes.byte(END)
  }

  branch(label: Label): void {
    this.#bytes.byte(0x0c)
    this.#bytes.u32(this.#depth - label.depth)
  }

  branchIf(label: Label, condition: Expr<'i32'>): void {
    this.#evaluate([condition])
    this.#bytes.byte(0x0d)
    this.#bytes.u32(this.#depth - label.depth)
  }

  /** For `i` from `start` while `i < end` (signed), in steps of `step`. The end is evaluated in every iteration. */
  for(start: Expr<'i32'>, end: Expr<'i32'>, step: number, body: (i: Expr<'i32'>) => void): void {
    const i = this.variable(start)
    this.while(i, end, step, body)
  }

  /** As `for`, with the caller's variable, which afterwards holds the first value not below the end. */
  while(i: Local<'i32'>, end: Expr<'i32'>, step: number, body: (i: Expr<'i32'>) => void): void {
    this.if(op('i32.lt_s', i.get, end), () => {
      this.loop((again) => {
        body(i.get)
        this.set(i, op('i32.add', i.get, i32(step)))
        this.branchIf(again, op('i32.lt_s', i.get, end))
      })
    })
  }

  /** The body in the binary format. */
  finish(): Uint8Array {
    const declared = this.#types.slice(this.#paramCount)
    const runs: [ValueType, number][] = []
    for (const type of declared) {
      const last = runs.at(-1)
      if (last?.[0] === type) last[1]++
      else runs.push([type, 1])
    }
    const out = new Bytes(this.#bytes.length + 64)
    out.u32(runs.length)
    for (const [type, count] of runs) {
      out.u32(count)
      out.byte(typeBytes[type])
    }
    out.append(this.#bytes.view())
    out.byte(END)
    return out.finish()
  }
}

/** A graph of ONNX in the making: names, nodes, constants, bodies of loops and branches. */
import { encodeElement } from '../core/convert.ts'
import type { DType, TypedArray } from '../core/dtype.ts'
import { isFloat, isHalf } from '../core/dtype.ts'
import type { HostArray } from '../core/host.ts'
import { broadcastTwo, range, sameShape, sizeOf } from '../core/shape.ts'
import type { Shape } from '../core/shape.ts'
import type { Program } from '../ir/program.ts'
import type { Attributes, Typed } from './format.ts'
import { elementType, graphMessage, nodeMessage, tensorMessage, valueMessage } from './format.ts'
import type { Message } from './protobuf.ts'

/**
 * A value of the graph. Operators on elements repeat operands along axes of extent 1 by themselves, so that what the program repeats is
 * held as it was: `held` is the extents in the graph, which `shape`, those in the program, come of by NumPy's rules.
 */
export interface Value extends Typed {
  readonly name: string
  readonly held: Shape
}

/** Writes the body of a program: given by `module.ts`, as rules of control flow need it. */
export type Inline = (w: Writer, program: Program, operands: readonly Value[]) => readonly Value[]

/** Constants up to so many bytes are written once, however often they are asked for. */
const SHARED_BYTES = 512

/** The dtype that engines compute in: what is narrower is widened, exactly; integers of 32 and 64 bits without a sign wrap around alike. */
export const carrierOf = (dtype: DType): DType => {
  if (isHalf(dtype)) return 'float32'
  if (dtype === 'uint32' || dtype === 'uint64') return 'int64'
  return isFloat(dtype) || dtype === 'int64' ? dtype : 'int32'
}

/** Nodes of one graph; rules write to it, and get values. */
export class Writer {
  readonly #inline: Inline
  readonly #taken: ReadonlySet<string>
  readonly #initializers = new Map<string, Message>()
  readonly #read = new Set<string>()
  readonly #shared = new Map<string, Value>()
  readonly #expansions = new Map<string, Program>()
  #nodes: Message[] = []
  #count = 0

  /** @param taken - names that are given to inputs and outputs. */
  constructor(inline: Inline, taken: Iterable<string>) {
    this.#inline = inline
    this.#taken = new Set(taken)
  }

  #fresh(): string {
    let name: string
    do name = `v${this.#count++}`
    while (this.#taken.has(name))
    return name
  }

  get nodes(): readonly Message[] {
    return this.#nodes
  }

  /** Arrays that the model carries, those that no node reads left out. */
  get initializers(): readonly Message[] {
    return [...this.#initializers].flatMap(([name, tensor]) => (this.#read.has(name) ? [tensor] : []))
  }

  /** An operator on values as they are held, to results of these types. Left out operands are null. */
  node(
    op: string,
    operands: readonly (Value | null)[],
    attributes: Attributes,
    results: readonly Typed[],
  ): readonly Value[] {
    const values = results.map(({ dtype, shape }): Value => ({ name: this.#fresh(), dtype, shape, held: shape }))
    const names = operands.map((x) => x?.name ?? '')
    for (const name of names) this.#read.add(name)
    this.#nodes.push(
      nodeMessage(
        op,
        names,
        values.map((v) => v.name),
        attributes,
      ),
    )
    return values
  }

  /** An operator with one result, of operands that are held whole. */
  one(op: string, operands: readonly (Value | null)[], result: Typed, attributes: Attributes = {}): Value {
    const whole = operands.map((x) => (x === null ? null : this.whole(x)))
    return this.node(op, whole, attributes, [result])[0]!
  }

  /** An operator on elements, to a dtype; operands are of one shape. */
  elementwise(op: string, operands: readonly Value[], dtype: DType, attributes: Attributes = {}): Value {
    const held = operands.reduce<Shape>((shape, x) => broadcastTwo(op, shape, x.held), [])
    const [value] = this.node(op, operands, attributes, [{ dtype, shape: held }])
    return { ...value!, shape: operands[0]!.shape }
  }

  /** To the dtype of the operands. */
  apply(op: string, ...operands: readonly Value[]): Value {
    return this.elementwise(op, operands, operands[0]!.dtype)
  }

  /** To bools. */
  test(op: string, ...operands: readonly Value[]): Value {
    return this.elementwise(op, operands, 'bool')
  }

  /** A value with all its elements there. */
  whole(x: Value): Value {
    if (sameShape(x.held, x.shape)) return x
    // Two operators have no kernels for bfloat16; float32 holds each of its values.
    if (x.dtype === 'bfloat16') return this.cast(this.whole(this.cast(x, 'float32')), 'bfloat16')
    return this.node('Expand', [x, this.vector(x.shape)], {}, [x])[0]!
  }

  /** A name given to a value. */
  named(x: Value, name: string): void {
    const whole = this.whole(x)
    this.#read.add(whole.name)
    this.#nodes.push(nodeMessage('Identity', [whole.name], [name]))
  }

  /** The body of a loop or branch: a graph of its own, which sees all values outside of it. */
  graph(inputs: readonly Typed[], body: (args: readonly Value[]) => readonly Value[]): Message {
    const nodes = this.#nodes
    this.#nodes = []
    const args = inputs.map(({ dtype, shape }): Value => ({ name: this.#fresh(), dtype, shape, held: shape }))
    const results = body(args)
    // A result must be made inside, and be one result only.
    const outputs = results.map((x) => this.node('Identity', [this.whole(x)], {}, [x])[0]!)
    const message = graphMessage({
      name: this.#fresh(),
      nodes: this.#nodes,
      inputs: args.map((v) => valueMessage(v.name, v)),
      outputs: outputs.map((v) => valueMessage(v.name, v)),
    })
    this.#nodes = nodes
    return message
  }

  /** What the program gives for these operands, in line. */
  inline(program: Program, operands: readonly Value[]): readonly Value[] {
    return this.#inline(this, program, operands)
  }

  /** A program that stands for an operation, made once for each key. */
  expansion(key: string, make: () => Program): Program {
    const known = this.#expansions.get(key)
    if (known !== undefined) return known
    const made = make()
    this.#expansions.set(key, made)
    return made
  }

  /** An array that the model carries, under a name of its own or a fresh one. */
  initializer(type: Typed, data: TypedArray, name = this.#fresh()): Value {
    this.#initializers.set(name, tensorMessage(name, type, data))
    return { name, dtype: type.dtype, shape: type.shape, held: type.shape }
  }

  array({ aval: { dtype, shape }, data }: HostArray): Value {
    if (data.byteLength > SHARED_BYTES) return this.initializer({ dtype, shape }, data)
    const bits = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).join()
    const key = `${dtype} ${shape.join()} ${bits}`
    const known = this.#shared.get(key)
    if (known !== undefined) return known
    const value = this.initializer({ dtype, shape }, data)
    this.#shared.set(key, value)
    return value
  }

  /** A scalar, repeated over a shape. */
  constant(x: number | bigint, dtype: DType, shape: Shape = []): Value {
    const data = encodeElement(dtype, dtype === 'bool' ? Number(x !== 0 && x !== 0n) : x)
    return { ...this.array({ aval: scalarAval(dtype), data }), shape }
  }

  /** A constant like a value, in dtype and shape. */
  like(x: number | bigint, { dtype, shape }: Typed): Value {
    return this.constant(x, dtype, shape)
  }

  /** Integers as operators take them: of 64 bits. */
  integers(xs: readonly number[], shape: Shape = [xs.length]): Value {
    return this.array({ aval: { dtype: 'int64', shape } as HostArray['aval'], data: BigInt64Array.from(xs, BigInt) })
  }

  vector(xs: readonly number[]): Value {
    return this.integers(xs)
  }

  // Operations that rules are made of.

  /** As the engine converts: integers wrap around, and floats must be in range. */
  cast(x: Value, dtype: DType): Value {
    return x.dtype === dtype ? x : this.elementwise('Cast', [x], dtype, { to: elementType(dtype) })
  }

  /** In the dtype that engines compute in, and back. */
  computed(operands: readonly Value[], f: (...wide: readonly Value[]) => Value): Value {
    const { dtype } = operands[0]!
    const carrier = carrierOf(dtype)
    return this.cast(f(...operands.map((x) => this.cast(x, carrier))), dtype)
  }

  /** An operation on whole arrays, by way of float32 where engines do not move bfloat16, or of int32 where they do not move 16 bits. */
  moved(x: Value, f: (held: Value) => Value): Value {
    const through = x.dtype === 'bfloat16' ? 'float32' : x.dtype === 'int16' || x.dtype === 'uint16' ? 'int32' : x.dtype
    return this.cast(f(this.whole(this.cast(x, through))), x.dtype)
  }

  select(which: Value, onTrue: Value, onFalse: Value): Value {
    if (onTrue.dtype === 'bool') {
      const [a, b] = [this.cast(onTrue, 'uint8'), this.cast(onFalse, 'uint8')]
      return this.cast(this.elementwise('Where', [which, a, b], 'uint8'), 'bool')
    }
    return this.computed([onTrue, onFalse], (a, b) => this.elementwise('Where', [which, a, b], a.dtype))
  }

  isNaN(x: Value): Value {
    return isFloat(x.dtype)
      ? this.test('IsNaN', isHalf(x.dtype) ? this.cast(x, 'float32') : x)
      : this.constant(0, 'bool', x.shape)
  }

  reshape(x: Value, shape: Shape): Value {
    if (sameShape(x.shape, shape)) return x
    if (x.held.length === 0) return { ...x, shape }
    return this.one('Reshape', [x, this.vector(shape)], { dtype: x.dtype, shape })
  }

  /** As the operation of that name: axis i becomes `dims[i]`. */
  broadcast(x: Value, shape: Shape, dims: readonly number[]): Value {
    const isTrailing = dims.every((d, i) => d === shape.length - dims.length + i)
    if (isTrailing || sizeOf(x.held) === 1) return { ...x, shape }
    const missing = x.shape.length - x.held.length
    const held = shape.map((_, d) => x.held[dims.indexOf(d) - missing] ?? 1)
    const [aligned] = this.node('Reshape', [x, this.vector(held)], {}, [{ dtype: x.dtype, shape: held }])
    return { ...aligned!, shape }
  }

  transpose(x: Value, permutation: readonly number[]): Value {
    if (x.held.length === 0 || permutation.every((d, i) => d === i))
      return { ...x, shape: permutation.map((d) => x.shape[d]!) }
    const shape = permutation.map((d) => x.shape[d]!)
    return this.one('Transpose', [x], { dtype: x.dtype, shape }, { perm: permutation })
  }

  /** Elements `start`, `start + step`, … before `limit`; a negative step goes down. */
  slice(x: Value, start: readonly number[], limit: readonly number[], steps: readonly number[]): Value {
    const axes = range(x.shape.length).filter((d) => !(start[d] === 0 && limit[d]! >= x.shape[d]! && steps[d] === 1))
    if (axes.length === 0) return x
    const shape = x.shape.map((n, d) =>
      axes.includes(d) ? Math.max(0, Math.ceil((limit[d]! - start[d]!) / steps[d]!)) : n,
    )
    if (x.held.length === 0) return { ...x, shape }
    const of = (xs: readonly number[]): Value => this.vector(axes.map((d) => xs[d]!))
    return this.one('Slice', [x, of(start), of(limit), this.vector(axes), of(steps)], { dtype: x.dtype, shape })
  }

  reverse(x: Value, axes: readonly number[]): Value {
    if (axes.length === 0 || x.held.length === 0) return x
    const all = (n: number): Value => this.vector(axes.map(() => n))
    // An end below all places: -1 would be the last.
    const operands = [x, all(-1), all(-(2 ** 31)), this.vector(axes), all(-1)]
    return this.one('Slice', operands, x)
  }

  concatenate(parts: readonly Value[], axis: number): Value {
    const there = parts.filter((x) => x.shape[axis] !== 0)
    if (there.length === 1) return there[0]!
    const [first] = there
    const extent = there.reduce((n, x) => n + x.shape[axis]!, 0)
    const shape = first!.shape.map((n, d) => (d === axis ? extent : n))
    return this.one('Concat', there, { dtype: first!.dtype, shape }, { axis })
  }

  /** Elements at places of an axis, which the extents of the places take the place of. */
  take(x: Value, places: Value, axis: number): Value {
    const shape = [...x.shape.slice(0, axis), ...places.shape, ...x.shape.slice(axis + 1)]
    return this.one('Gather', [x, places], { dtype: x.dtype, shape }, { axis })
  }

  /** Reduces axes, which are gone. */
  reduce(op: 'ReduceSum' | 'ReduceProd' | 'ReduceMax' | 'ReduceMin', x: Value, axes: readonly number[]): Value {
    if (axes.length === 0) return x
    const shape = x.shape.filter((_, d) => !axes.includes(d))
    const attributes = { keepdims: 0 }
    // The set of operators 18 has axes of all of them as an operand.
    return this.one(op, [x, this.vector(axes)], { dtype: x.dtype, shape }, attributes)
  }

  /** x moved into 0 … top, of integers of 64 bits. */
  clamp(x: Value, low: Value, high: Value): Value {
    return this.apply('Min', this.apply('Max', x, low), high)
  }
}

const scalarAval = (dtype: DType): HostArray['aval'] => ({ dtype, shape: [] as Shape }) as HostArray['aval']

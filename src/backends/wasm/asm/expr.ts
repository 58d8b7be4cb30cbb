/**
 * Values that a function computes, as immutable trees (shared parts are computed once): arithmetic is written as ordinary
 * functions of expressions, and `Code` turns them into instructions.
 */
import { s32Bytes, s64Bytes, u32Bytes } from './bytes.ts'
import { atomics, laneLoads, lanes, loads, plain } from './opcodes.ts'

interface Letters {
  i: 'i32'
  l: 'i64'
  f: 'f32'
  d: 'f64'
  v: 'v128'
}

export type ValueType = Letters[keyof Letters]

const types: Letters = { i: 'i32', l: 'i64', f: 'f32', d: 'f64', v: 'v128' }

/** A value of the given type. */
export interface Expr<T extends ValueType = ValueType> {
  readonly type: T
  readonly operands: readonly Expr[]
  /** The instructions after those of the operands. */
  readonly bytes: readonly number[]
  /** Cheap enough to be written again wherever it is used. */
  readonly trivial: boolean
}

type ExprsOf<S extends string> = S extends `${infer L extends keyof Letters}${infer Rest}`
  ? readonly [Expr<Letters[L]>, ...ExprsOf<Rest>]
  : readonly []
export type OperandsOf<R> = R extends readonly [unknown, `${infer A}:${string}`, ...unknown[]] ? ExprsOf<A> : never
type ResultOf<R> = R extends readonly [unknown, `${string}:${infer L extends keyof Letters}`, ...unknown[]]
  ? Letters[L]
  : never

const resultType = (signature: string): ValueType => types[signature.at(-1) as keyof Letters]

const make = (type: ValueType, operands: readonly Expr[], bytes: readonly number[], trivial = false): Expr<never> => ({
  type: type as never,
  operands,
  bytes,
  trivial,
})

const opcodes = new Map<readonly number[], readonly number[]>()

/** An encoded opcode: a byte, or a prefix and a number. */
export const opcodeBytes = (opcode: readonly number[]): readonly number[] => {
  let bytes = opcodes.get(opcode)
  if (bytes === undefined) {
    bytes = opcode.length === 1 ? opcode : [opcode[0]!, ...u32Bytes(opcode[1]!)]
    opcodes.set(opcode, bytes)
  }
  return bytes
}

/** An instruction without immediates: `op('f32x4.add', x, y)`. */
export const op = <N extends keyof typeof plain>(
  name: N,
  ...operands: OperandsOf<(typeof plain)[N]>
): Expr<ResultOf<(typeof plain)[N]>> => {
  const [opcode, signature] = plain[name]
  return make(resultType(signature), operands, opcodeBytes(opcode))
}

/** An instruction about one lane: `lane('f32x4.extract_lane', 2, x)`. */
export const lane = <N extends keyof typeof lanes>(
  name: N,
  index: number,
  ...operands: OperandsOf<(typeof lanes)[N]>
): Expr<ResultOf<(typeof lanes)[N]>> => {
  const [opcode, signature] = lanes[name]
  return make(resultType(signature), operands, [...opcodeBytes(opcode), index])
}

/** A read at `address + offset`. Reads happen where the expression is first evaluated. */
export const load = <N extends keyof typeof loads>(
  name: N,
  address: Expr<'i32'>,
  offset = 0,
): Expr<ResultOf<(typeof loads)[N]>> => {
  const [opcode, signature] = loads[name]
  return make(resultType(signature), [address], [...opcodeBytes(opcode), 0, ...u32Bytes(offset)])
}

/** A read of one lane of a vector, the others as in `rest`. */
export const loadLane = (
  name: keyof typeof laneLoads,
  index: number,
  address: Expr<'i32'>,
  rest: Expr<'v128'>,
  offset = 0,
): Expr<'v128'> => make('v128', [address, rest], [...opcodeBytes(laneLoads[name][0]), 0, ...u32Bytes(offset), index])

/** An atomic instruction that has a result. */
export const atomic = <N extends keyof typeof atomics>(
  name: N,
  operands: OperandsOf<(typeof atomics)[N]>,
  offset = 0,
): Expr<ResultOf<(typeof atomics)[N]>> => {
  const [opcode, signature, align] = atomics[name]
  return make(resultType(signature), operands as readonly Expr[], [...opcodeBytes(opcode), align, ...u32Bytes(offset)])
}

export const i32 = (value: number): Expr<'i32'> => make('i32', [], [0x41, ...s32Bytes(value)], true)

export const i64 = (value: bigint): Expr<'i64'> => make('i64', [], [0x42, ...s64Bytes(value)], true)

const bytesOf = (data: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array): Uint8Array =>
  new Uint8Array(data.buffer)

export const f64 = (value: number): Expr<'f64'> => make('f64', [], [0x44, ...bytesOf(Float64Array.of(value))], true)

/** A constant vector of 16 bytes. */
export const v128 = (data: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array): Expr<'v128'> =>
  make('v128', [], [0xfd, 0x0c, ...bytesOf(data)], true)

/** Vectors with one value in all lanes. */
export const f32x4 = (x: number): Expr<'v128'> => v128(Float32Array.of(x, x, x, x))
export const f64x2 = (x: number): Expr<'v128'> => v128(Float64Array.of(x, x))
export const i32x4 = (x: number): Expr<'v128'> => v128(Int32Array.of(x, x, x, x))
export const i64x2 = (x: bigint): Expr<'v128'> => v128(BigInt64Array.of(x, x))

/** Bytes of two vectors (0 to 15 of the first, 16 to 31 of the second) in a new order. */
export const shuffle = (x: Expr<'v128'>, y: Expr<'v128'>, order: readonly number[]): Expr<'v128'> =>
  make('v128', [x, y], [0xfd, 0x0d, ...order])

/** `shuffle` by lanes of 32 bits: 0 to 3 of the first, 4 to 7 of the second. */
export const shuffle32 = (x: Expr<'v128'>, y: Expr<'v128'>, order: readonly number[]): Expr<'v128'> =>
  shuffle(
    x,
    y,
    order.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3]),
  )

/** `shuffle` by lanes of 64 bits: 0 and 1 of the first, 2 and 3 of the second. */
export const shuffle64 = (x: Expr<'v128'>, y: Expr<'v128'>, order: readonly [number, number]): Expr<'v128'> =>
  shuffle32(
    x,
    y,
    order.flatMap((l) => [2 * l, 2 * l + 1]),
  )

/** `condition ? x : y`, both evaluated. */
export const select = <T extends ValueType>(condition: Expr<'i32'>, x: Expr<T>, y: Expr<T>): Expr<T> =>
  make(x.type, [x, y, condition], x.type === 'v128' ? [0x1c, 1, 0x7b] : [0x1b])

/**
 * For `ModuleBuilder.rarely`: operands `fast, ...args, condition`. Where the condition holds, `f(fast, ...args)`, else `fast`.
 * `type` is the number of f's type, which is the block's as well: it takes all but the condition from the stack.
 */
export const callIf = <T extends ValueType>(
  condition: Expr<'i32'>,
  type: number,
  index: number,
  fast: Expr<T>,
  args: readonly Expr[],
): Expr<T> =>
  make(
    fast.type,
    [fast, ...args, condition],
    [0x04, ...s32Bytes(type), 0x10, ...u32Bytes(index), 0x05, ...args.map(() => 0x1a), 0x0b],
  )

/** For `Code` and `Module`: the value of a local or a global variable. */
export const variable = <T extends ValueType>(opcode: 0x20 | 0x23, type: T, index: number): Expr<T> =>
  make(type, [], [opcode, ...u32Bytes(index)], true)

/** For `Module`: the result of a call. */
export const callExpr = <T extends ValueType>(type: T, index: number, operands: readonly Expr[]): Expr<T> =>
  make(type, operands, [0x10, ...u32Bytes(index)])

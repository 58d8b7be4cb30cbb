/** The floating dtypes as matrix products see them: vectors of some lanes, and single elements as the first lanes of vectors. */
import type { Code, Expr, Func } from '../asm/index.ts'
import { f32x4, f64x2, load, op, shuffle32, shuffle64 } from '../asm/index.ts'
import type { LibraryFunction, VectorFeatures } from './routine.ts'

export type Vector = Expr<'v128'>
export type I32 = Expr<'i32'>

export interface Float {
  readonly name: 'f32' | 'f64'
  /** Bytes of an element. */
  readonly bytes: 4 | 8
  /** Elements of a vector. */
  readonly lanes: 4 | 2
  readonly zero: Vector
  readonly add: (x: Vector, y: Vector) => Vector
  readonly mul: (x: Vector, y: Vector) => Vector
  /** x·y + z in one instruction, of relaxed SIMD: rounded once or twice, as the machine likes. */
  readonly madd: (x: Vector, y: Vector, z: Vector) => Vector
  /** One element in all lanes. */
  readonly splat: (address: I32, offset?: number) => Vector
  /** One element in the first lane, zeros in the others. */
  readonly element: (address: I32, offset?: number) => Vector
  /** Writes the first lane. */
  readonly storeElement: (code: Code, address: I32, value: Vector) => void
  /** As many vectors as there are lanes, with rows and columns exchanged. */
  readonly transposed: (rows: readonly Vector[]) => readonly Vector[]
}

export const float32: Float = {
  name: 'f32',
  bytes: 4,
  lanes: 4,
  zero: f32x4(0),
  add: (x, y) => op('f32x4.add', x, y),
  mul: (x, y) => op('f32x4.mul', x, y),
  madd: (x, y, z) => op('f32x4.relaxed_madd', x, y, z),
  splat: (address, offset) => load('v128.load32_splat', address, offset),
  element: (address, offset) => load('v128.load32_zero', address, offset),
  storeElement: (code, address, value) => {
    code.storeLane('v128.store32_lane', 0, address, value)
  },
  transposed: (rows) => {
    const [a, b, c, d] = rows as readonly [Vector, Vector, Vector, Vector]
    const low = [shuffle32(a, b, [0, 4, 1, 5]), shuffle32(c, d, [0, 4, 1, 5])] as const
    const high = [shuffle32(a, b, [2, 6, 3, 7]), shuffle32(c, d, [2, 6, 3, 7])] as const
    return [low, high].flatMap(([x, y]) => [shuffle64(x, y, [0, 2]), shuffle64(x, y, [1, 3])])
  },
}

export const float64: Float = {
  name: 'f64',
  bytes: 8,
  lanes: 2,
  zero: f64x2(0),
  add: (x, y) => op('f64x2.add', x, y),
  mul: (x, y) => op('f64x2.mul', x, y),
  madd: (x, y, z) => op('f64x2.relaxed_madd', x, y, z),
  splat: (address, offset) => load('v128.load64_splat', address, offset),
  element: (address, offset) => load('v128.load64_zero', address, offset),
  storeElement: (code, address, value) => {
    code.storeLane('v128.store64_lane', 0, address, value)
  },
  transposed: (rows) => {
    const [a, b] = rows as readonly [Vector, Vector]
    return [shuffle64(a, b, [0, 2]), shuffle64(a, b, [1, 3])]
  },
}

export const floatOf = (dtype: 'float32' | 'float64'): Float => (dtype === 'float32' ? float32 : float64)

/** x·y + z. */
export const multiplyAdd = (float: Float, relaxed: boolean, x: Vector, y: Vector, z: Vector): Vector =>
  relaxed ? float.madd(x, y, z) : float.add(float.mul(x, y), z)

export type Integers<N extends number, T extends readonly I32[] = readonly []> = T['length'] extends N
  ? T
  : Integers<N, readonly [...T, I32]>

/** A library function of so many addresses, strides (in bytes) and counts. */
export const integerFunction = <N extends number>(
  name: string,
  count: N,
  body: (code: Code, args: Integers<N>, call: (name: string) => Func, features: VectorFeatures) => void,
): LibraryFunction => ({
  name,
  params: Array.from({ length: count }, () => 'i32'),
  result: null,
  body: (code, call, features) => {
    body(code, code.params.map((p) => p.get) as readonly Expr[] as Integers<N>, call, features)
  },
})

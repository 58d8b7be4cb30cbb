/** Elementwise operations on vectors: the code for each of the IR's, by dtype. */
import type { DType, LongDType, WordDType } from '../../../core/dtype.ts'
import { isHalf, isLong } from '../../../core/dtype.ts'
import type { OpName, OpParams } from '../../../ir/op.ts'
import type { Equation } from '../../../ir/program.ts'
import type { FoldName } from '../../../primitives/folds.ts'
import type { Expr } from '../asm/index.ts'
import { f32x4, f64x2, i32, i32x4, lane, op, shuffle32, v128 } from '../asm/index.ts'
import type { MathName, VectorMath } from '../math/index.ts'
import { isMath } from '../math/index.ts'
import { convertLanes } from './conversions.ts'
import { nextafterHalf } from './halves.ts'
import type { Lanes, Vector } from './lanes.ts'
import { isWide, splatLiteral } from './lanes.ts'
import { compareLongs, longArithmetic, longSimple, narrowMask, shiftLongs, widenMask } from './longs.ts'

/** The vector mathematics of both floats. */
export interface FloatMath {
  readonly float32: VectorMath
  readonly float64: VectorMath
}

type Float = 'float32' | 'float64'

/** An operand, or a result: elements of a dtype. */
interface Typed {
  readonly dtype: DType
  readonly vector: Vector
}

const isFloat = (dtype: DType): dtype is Float => dtype === 'float32' || dtype === 'float64'

const maskFor = (mask: Vector, dtype: DType): Vector => (isWide(dtype) ? widenMask(mask) : mask)

type Binary = (x: Vector, y: Vector) => Vector

type ByDType<F> = { readonly [D in WordDType | LongDType]?: F }

const both = (f: Binary): ByDType<Binary> => ({ int32: f, uint32: f })

const not = (v: Vector): Vector => op('v128.not', v)

const arithmetic: { readonly [N in OpName]?: ByDType<Binary> } = {
  add: {
    ...longArithmetic.add,
    float32: (x, y) => op('f32x4.add', x, y),
    float64: (x, y) => op('f64x2.add', x, y),
    ...both((x, y) => op('i32x4.add', x, y)),
  },
  sub: {
    ...longArithmetic.sub,
    float32: (x, y) => op('f32x4.sub', x, y),
    float64: (x, y) => op('f64x2.sub', x, y),
    ...both((x, y) => op('i32x4.sub', x, y)),
  },
  mul: {
    ...longArithmetic.mul,
    float32: (x, y) => op('f32x4.mul', x, y),
    float64: (x, y) => op('f64x2.mul', x, y),
    ...both((x, y) => op('i32x4.mul', x, y)),
  },
  div: {
    ...longArithmetic.div,
    float32: (x, y) => op('f32x4.div', x, y),
    float64: (x, y) => op('f64x2.div', x, y),
    int32: (x, y) => op('v128.bitselect', i32x4(-1), signedQuotient(x, y), isZero(y)),
    uint32: (x, y) => op('v128.bitselect', i32x4(-1), unsignedQuotient(x, y), isZero(y)),
  },
  rem: {
    ...longArithmetic.rem,
    int32: (x, y) => op('i32x4.sub', x, op('i32x4.mul', signedQuotient(x, y), y)),
    uint32: (x, y) => op('i32x4.sub', x, op('i32x4.mul', unsignedQuotient(x, y), y)),
  },
  max: {
    ...longArithmetic.max,
    float32: (x, y) => op('f32x4.max', x, y),
    float64: (x, y) => op('f64x2.max', x, y),
    int32: (x, y) => op('i32x4.max_s', x, y),
    uint32: (x, y) => op('i32x4.max_u', x, y),
    bool: (x, y) => op('v128.or', x, y),
  },
  min: {
    ...longArithmetic.min,
    float32: (x, y) => op('f32x4.min', x, y),
    float64: (x, y) => op('f64x2.min', x, y),
    int32: (x, y) => op('i32x4.min_s', x, y),
    uint32: (x, y) => op('i32x4.min_u', x, y),
    bool: (x, y) => op('v128.and', x, y),
  },
  and: { ...longArithmetic.and, ...both((x, y) => op('v128.and', x, y)), bool: (x, y) => op('v128.and', x, y) },
  or: { ...longArithmetic.or, ...both((x, y) => op('v128.or', x, y)), bool: (x, y) => op('v128.or', x, y) },
  xor: { ...longArithmetic.xor, ...both((x, y) => op('v128.xor', x, y)), bool: (x, y) => op('v128.xor', x, y) },
}

const isZero = (x: Vector): Vector => op('i32x4.eq', x, i32x4(0))

const highHalf = (x: Vector): Vector => shuffle32(x, x, [2, 3, 2, 3])
const halves = (low: Vector, high: Vector): Vector => shuffle32(low, high, [0, 1, 4, 5])

// Quotients of 32-bit integers are exact in float64. -2³¹ / -1 exceeds the range of the conversion: it wraps.
const signedQuotient = (x: Vector, y: Vector): Vector => {
  const half = (a: Vector, b: Vector): Vector =>
    op(
      'i32x4.trunc_sat_f64x2_s_zero',
      op('f64x2.div', op('f64x2.convert_low_i32x4_s', a), op('f64x2.convert_low_i32x4_s', b)),
    )
  const quotient = halves(half(x, y), half(highHalf(x), highHalf(y)))
  const least = i32x4(-(2 ** 31))
  const wraps = op('v128.and', op('i32x4.eq', x, least), op('i32x4.eq', y, i32x4(-1)))
  return op('v128.bitselect', least, quotient, wraps)
}

const unsignedQuotient = (x: Vector, y: Vector): Vector => {
  const half = (a: Vector, b: Vector): Vector =>
    op(
      'i32x4.trunc_sat_f64x2_u_zero',
      op('f64x2.div', op('f64x2.convert_low_i32x4_u', a), op('f64x2.convert_low_i32x4_u', b)),
    )
  return halves(half(x, y), half(highHalf(x), highHalf(y)))
}

const compareFloats = {
  eq: ['f32x4.eq', 'f64x2.eq'],
  ne: ['f32x4.ne', 'f64x2.ne'],
  lt: ['f32x4.lt', 'f64x2.lt'],
  le: ['f32x4.le', 'f64x2.le'],
  gt: ['f32x4.gt', 'f64x2.gt'],
  ge: ['f32x4.ge', 'f64x2.ge'],
} as const

// True is a mask of ones, -1, and so less than false, 0: bools compare in reverse.
const compareIntegers = {
  eq: ['i32x4.eq', 'i32x4.eq', 'i32x4.eq'],
  ne: ['i32x4.ne', 'i32x4.ne', 'i32x4.ne'],
  lt: ['i32x4.lt_s', 'i32x4.lt_u', 'i32x4.gt_s'],
  le: ['i32x4.le_s', 'i32x4.le_u', 'i32x4.ge_s'],
  gt: ['i32x4.gt_s', 'i32x4.gt_u', 'i32x4.lt_s'],
  ge: ['i32x4.ge_s', 'i32x4.ge_u', 'i32x4.le_s'],
} as const

type Comparison = keyof typeof compareFloats
const isComparison = (name: OpName): name is Comparison => Object.hasOwn(compareFloats, name)

const compare = (name: Comparison, dtype: DType, x: Vector, y: Vector): Vector => {
  if (dtype === 'float32') return op(compareFloats[name][0], x, y)
  if (dtype === 'float64') return narrowMask(op(compareFloats[name][1], x, y))
  if (isLong(dtype)) return compareLongs(name, dtype, x, y)
  return op(compareIntegers[name][dtype === 'int32' ? 0 : dtype === 'uint32' ? 1 : 2], x, y)
}

type Unary = (x: Vector) => Vector

const simple: { readonly [N in OpName]?: ByDType<Unary> } = {
  neg: {
    ...longSimple.neg,
    float32: (x) => op('f32x4.neg', x),
    float64: (x) => op('f64x2.neg', x),
    int32: (x) => op('i32x4.neg', x),
    uint32: (x) => op('i32x4.neg', x),
  },
  abs: {
    ...longSimple.abs,
    float32: (x) => op('f32x4.abs', x),
    float64: (x) => op('f64x2.abs', x),
    int32: (x) => op('i32x4.abs', x),
    uint32: (x) => x,
  },
  // 1 or 0, minus 1 or 0: masks are -1 and 0.
  sign: {
    ...longSimple.sign,
    int32: (x) => op('i32x4.sub', op('i32x4.lt_s', x, i32x4(0)), op('i32x4.gt_s', x, i32x4(0))),
    uint32: (x) => op('i32x4.neg', op('i32x4.ne', x, i32x4(0))),
  },
  floor: { float32: (x) => op('f32x4.floor', x), float64: (x) => op('f64x2.floor', x) },
  ceil: { float32: (x) => op('f32x4.ceil', x), float64: (x) => op('f64x2.ceil', x) },
  round: { float32: (x) => op('f32x4.nearest', x), float64: (x) => op('f64x2.nearest', x) },
  sqrt: { float32: (x) => op('f32x4.sqrt', x), float64: (x) => op('f64x2.sqrt', x) },
  isFinite: {
    float32: (x) => op('f32x4.lt', op('f32x4.abs', x), f32x4(Infinity)),
    float64: (x) => narrowMask(op('f64x2.lt', op('f64x2.abs', x), f64x2(Infinity))),
  },
  not: { ...longSimple.not, int32: not, uint32: not, bool: not },
}

const shifts = {
  shiftLeft: ['i32x4.shl', 'i32.shl'],
  shiftRightLogical: ['i32x4.shr_u', 'i32.shr_u'],
  shiftRightArithmetic: ['i32x4.shr_s', 'i32.shr_s'],
} as const

type Shift = keyof typeof shifts
const isShift = (name: OpName): name is Shift => Object.hasOwn(shifts, name)

/** Each lane by its own distance. Distances beyond the width give 0, or the sign. */
const shift = (name: Shift, x: Vector, distance: Vector): Vector => {
  const arithmetic = name === 'shiftRightArithmetic'
  const n = arithmetic ? op('i32x4.min_u', distance, i32x4(31)) : distance
  let result = x
  for (let i = 0; i < 4; i++) {
    const shifted = op(shifts[name][1], lane('i32x4.extract_lane', i, x), lane('i32x4.extract_lane', i, n))
    result = lane('i32x4.replace_lane', i, result, shifted)
  }
  return arithmetic ? result : op('v128.and', result, op('i32x4.le_u', distance, i32x4(31)))
}

/** All lanes by one distance. */
const shiftBy = (name: Shift, x: Vector, distance: number): Vector => {
  if (distance >= 0 && distance <= 31) return op(shifts[name][0], x, i32(distance))
  return name === 'shiftRightArithmetic' ? op('i32x4.shr_s', x, i32(31)) : i32x4(0)
}

const lookUp = <F>(table: ByDType<F> | undefined, dtype: DType): F | undefined =>
  (table as { readonly [D in DType]?: F } | undefined)?.[dtype]

/** The function of vector mathematics that an operation needs, if it needs one. */
export const mathOf = (name: OpName, dtype: DType): MathName | null => (isFloat(dtype) && isMath(name) ? name : null)

/** Whether an elementwise equation can be part of a loop. */
export const canLoop = (eqn: Equation): boolean => {
  const dtype = eqn.inputs[0]!.aval.dtype
  if (eqn.op === 'cast' || eqn.op === 'select' || eqn.op === 'bitcast') return true
  if (eqn.op === 'nextafter' && isHalf(dtype)) return true
  if (eqn.op === 'clamp' || isComparison(eqn.op) || isShift(eqn.op) || eqn.op === 'threefry2x32') return true
  if (eqn.op === 'integerPow') return isFloat(dtype) || eqn.params.exponent >= 0
  return (
    lookUp(arithmetic[eqn.op], dtype) !== undefined ||
    lookUp(simple[eqn.op], dtype) !== undefined ||
    mathOf(eqn.op, dtype) !== null
  )
}

/** x to a power that is at least 0, in wrapping arithmetic, by squaring. */
const wrappingPower = (dtype: DType, x: Vector, exponent: number): Vector => {
  const product = lookUp(arithmetic.mul, dtype)!
  let result: Vector | null = null
  let square = x
  for (let n = exponent; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result = result === null ? square : product(result, square)
    square = product(square, square)
  }
  return result ?? splatLiteral(1, dtype)
}

const mathematics = (name: MathName, math: VectorMath, [x, y]: readonly Vector[], params: OpParams[OpName]): Vector => {
  if (name === 'integerPow') return math.integerPow(x!, (params as OpParams['integerPow']).exponent)
  if (y === undefined) return (math[name] as Unary)(x!)
  return math[name](x!, y)
}

/** A distance that is the same for all elements, where the compiler knows it. */
type KnownDistance = number | null

/** The value of an elementwise operation on vectors. */
export const operate = (
  math: FloatMath,
  name: OpName,
  params: OpParams[OpName],
  operands: readonly Typed[],
  result: DType,
  distance: KnownDistance,
): Vector => {
  const vectors = operands.map((o) => o.vector)
  const [x, y, z] = vectors as [Vector, Vector, Vector]
  const { dtype } = operands[0]!
  if (name === 'select') return op('v128.bitselect', y, z, maskFor(x, result))
  if (name === 'cast') return convertLanes(result, dtype, x)
  if (name === 'bitcast') return x
  if (name === 'clamp') {
    return lookUp(arithmetic.min, result)!(lookUp(arithmetic.max, result)!(y, x), z)
  }
  if (isComparison(name)) return compare(name, dtype, x, y)
  if (name === 'nextafter' && isHalf(dtype)) return nextafterHalf(dtype, x, y)
  if (isShift(name) && isLong(dtype)) return shiftLongs(name, x, distance ?? y)
  if (isShift(name)) return distance === null ? shift(name, x, y) : shiftBy(name, x, distance)
  const two = lookUp(arithmetic[name], dtype)
  if (two !== undefined) return two(x, y)
  const one = lookUp(simple[name], dtype)
  if (one !== undefined) return one(x)
  if (name === 'integerPow' && !isFloat(dtype))
    return wrappingPower(dtype, x, (params as OpParams['integerPow']).exponent)
  return mathematics(mathOf(name, dtype)!, math[dtype as Float], vectors, params)
}

/** Indices from `first` on, `stride` apart, as elements of a dtype. */
export const indexVector = (dtype: DType, first: Expr<'i32'>, stride: number, lanes: Lanes): Vector => {
  const places = Int32Array.from({ length: 4 }, (_, i) => (i < lanes ? i * stride : 0))
  return fromIndices(dtype, op('i32x4.add', op('i32x4.splat', first), v128(places)))
}

/** Integers in 32-bit lanes as elements of a dtype. */
export const fromIndices = (dtype: DType, vector: Vector): Vector => convertLanes(dtype, 'int32', vector)

const foldOperations: { readonly [F in FoldName]: OpName } = {
  sum: 'add',
  prod: 'mul',
  max: 'max',
  min: 'min',
  and: 'and',
  or: 'or',
}

/** Whether a reduction can be part of a loop: elements of this dtype. */
export const canFold = (fold: FoldName, dtype: DType): boolean =>
  lookUp(arithmetic[foldOperations[fold]], dtype) !== undefined

/** One step of a reduction. */
export const combine = (fold: FoldName, dtype: DType, x: Vector, y: Vector): Vector =>
  lookUp(arithmetic[foldOperations[fold]], dtype)!(x, y)

/**
 * The kinds of operations; most records are a kind plus one formula.
 */
import type { Aval } from '../core/aval.ts'
import type { DType, TypedArray } from '../core/dtype.ts'
import { allocate, isFloat, isInteger, isLong } from '../core/dtype.ts'
import { DTypeError, ShapeError } from '../core/errors.ts'
import { sameShape } from '../core/shape.ts'
import type { NoParams, OpName, OpParams } from '../ir/op.ts'
import { add } from '../ops/elementwise.ts'
import { addAxis, moveAxis } from '../ops/movement.ts'
import { zerosOf } from '../ops/creation.ts'
import { bind } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'
import type { Loop1, Loop2 } from './loops.ts'
import type { BatchAxis, Batched, Dual, Facts, Primitive, Tangent } from './primitive.ts'
import { Linear } from './primitive.ts'

/** Which dtypes an operation takes. */
export type Accepts = 'float' | 'number' | 'integer' | 'bits' | 'any'

const acceptTests: { readonly [A in Accepts]: (d: DType) => boolean } = {
  float: isFloat,
  number: (d) => d !== 'bool',
  integer: isInteger,
  bits: (d) => !isFloat(d),
  any: () => true,
}

const acceptWords: { readonly [A in Accepts]: string } = {
  float: 'floats',
  number: 'floats and integers',
  integer: 'integers',
  bits: 'integers and bools',
  any: 'any dtype',
}

/** Throws a `DTypeError` unless the operation computes on this dtype. */
export const checkAccepts = (op: OpName, accepts: Accepts, aval: Aval): void => {
  if (acceptTests[accepts](aval.dtype)) return
  const target = accepts === 'float' ? 'float32' : 'int32'
  throw new DTypeError(`${op} takes ${acceptWords[accepts]}, got ${aval}. Convert with np.astype(x, '${target}').`)
}

/** Throws unless all operands have the dtype and shape of the first one. */
export const checkSame = (op: OpName, operands: readonly Aval[]): void => {
  const [first, ...rest] = operands
  for (const a of rest) {
    if (a.dtype !== first!.dtype) {
      throw new DTypeError(
        `${op} takes operands of one dtype, got ${operands.join(' and ')}. ` +
          'The functions of np promote dtypes; those of lax do not.',
      )
    }
    if (!sameShape(a.shape, first!.shape)) {
      throw new ShapeError(
        `${op} takes operands of one shape, got ${operands.join(' and ')}. ` +
          'The functions of np broadcast; those of lax do not.',
      )
    }
  }
}

/** Throws a `ShapeError` unless every axis is in range and occurs once. */
export const checkAxes = (op: OpName, axes: readonly number[], x: Aval): void => {
  const bad = axes.some((a) => !Number.isInteger(a) || a < 0 || a >= x.rank) || new Set(axes).size !== axes.length
  if (bad) throw new ShapeError(`${op}: axes [${axes.join(', ')}] do not fit an operand ${x}.`)
}

export const single = (output: NDArray, tangent: Tangent): Dual => ({ primals: [output], tangents: [tangent] })
export const oneBatched = (output: NDArray, axis: BatchAxis): Batched => ({ outputs: [output], axes: [axis] })

/** The sum of two tangents, each of which may be a symbolic zero. */
export const addTangents = (a: Tangent, b: Tangent): Tangent => (a === null ? b : b === null ? a : add(a, b))

/** The tangent as an array, with zeros for a symbolic zero. */
export const instantiate = (tangent: Tangent, aval: Aval): NDArray => tangent ?? zerosOf(aval)

export const isLinear = (x: NDArray | Linear): x is Linear => x instanceof Linear

/** The value with its batch axis at `axis`; repeated along it if it has none. */
export const materialize = (x: NDArray, from: BatchAxis, axis: number, size: number): NDArray =>
  from === null ? addAxis(x, axis, size) : moveAxis(x, from, axis)

/** Batching of operations on operands of one shape: all are moved to the first batch axis found. */
export const batchElementwise = <N extends OpName>(
  op: N,
  params: OpParams[N],
  operands: readonly NDArray[],
  axes: readonly BatchAxis[],
  size: number,
): Batched => {
  const axis = axes.find((a) => a !== null)!
  const aligned = operands.map((x, i) => materialize(x, axes[i]!, axis, size))
  return oneBatched(bind(op, params, aligned), axis)
}

type NumberMap = (x: number) => number
type BigMap = (x: bigint) => bigint

const mapInto = (data: TypedArray, out: TypedArray, f: NumberMap): TypedArray => {
  const xs = data as Float64Array
  const ys = out as Float64Array
  for (let i = 0; i < ys.length; i++) ys[i] = f(xs[i]!)
  return out
}

// Elements are bigints; storing them wraps them around, and truth values are numbers.
const mapBigInto = (data: TypedArray, out: TypedArray, f: (x: bigint) => bigint | number): TypedArray => {
  const xs = data as BigInt64Array
  for (let i = 0; i < out.length; i++) out[i] = f(xs[i]!)
  return out
}

/** The number function of an operation, or one for each dtype that differs from the general one. */
interface Evaluators<F> {
  readonly general: F
  readonly int32?: F
  readonly uint32?: F
  readonly float32?: F
  /** On bits, for operations that take narrow elements without conversion. */
  readonly float16?: F
  readonly bfloat16?: F
  readonly bool?: F
}

const evaluatorFor = <F>(e: Evaluators<F> | (F & ((...xs: never[]) => number)), dtype: DType): F => {
  if (typeof e === 'function') return e
  const table = e as Evaluators<F> & { readonly [D in DType]?: F }
  return table[dtype] ?? e.general
}

type UnaryName = {
  [N in OpName]: OpParams[N] extends NoParams ? (NoParams extends OpParams[N] ? N : never) : never
}[OpName]

/** Operations on integers are also defined on bigints, the elements of 64-bit integers. */
type OnBigInts<F> =
  { readonly accepts: 'float'; readonly big?: never } | { readonly accepts: Exclude<Accepts, 'float'>; readonly big: F }

type UnarySpec = OnBigInts<BigMap> & UnaryRules

interface UnaryRules {
  readonly evaluate: NumberMap | Evaluators<NumberMap>
  /** Replaces the general loop for floats. */
  readonly loop?: Loop1
  /** The tangent of the output, from that of the operand; 'zero' where the function is locally constant. */
  readonly jvp: 'zero' | 'linear' | ((t: NDArray, x: NDArray, y: NDArray) => NDArray)
  readonly output?: DType
  readonly facts?: Facts
}

/** A differentiable function of floats is not an instruction of the IEEE standard, unless its facts say so. */
const roundsOf = (accepts: Accepts, moves: boolean): Facts => (accepts === 'float' && moves ? { rounds: 'freely' } : {})

/** One operand, no parameters, element by element. Linear ones are their own transpose. */
export const unary = <N extends UnaryName>(op: N, spec: UnarySpec): Primitive<N> => {
  const none = {} as OpParams[N]
  const { jvp, loop } = spec
  return {
    type: (_, [x]) => {
      checkAccepts(op, spec.accepts, x!)
      return [spec.output === undefined ? x! : x!.withDType(spec.output)]
    },
    evaluate: (_, [data], [x], [out]) => {
      const result = allocate(out!.dtype, out!.size)
      if (loop !== undefined && isFloat(x!.dtype)) {
        loop(data as Float64Array, result as Float64Array)
        return [result]
      }
      if (isLong(x!.dtype)) return [mapBigInto(data!, result, spec.big!)]
      return [mapInto(data!, result, evaluatorFor<NumberMap>(spec.evaluate, x!.dtype))]
    },
    jvp: (_, [x], [t]) => {
      const y = bind(op, none, [x!])
      if (jvp === 'zero') return single(y, null)
      if (jvp === 'linear') return single(y, bind(op, none, [t!]))
      return single(y, jvp(t!, x!, y))
    },
    ...(jvp === 'linear' ? { transpose: (_: OpParams[N], [ct]: readonly Tangent[]) => [bind(op, none, [ct!])] } : {}),
    batch: (_, [x], [axis]) => oneBatched(bind(op, none, [x!]), axis!),
    facts: {
      elementwise: true,
      linear: jvp === 'linear',
      ...roundsOf(spec.accepts, typeof jvp === 'function'),
      ...spec.facts,
    },
  }
}

type NumberMap2 = (x: number, y: number) => number
type BigMap2 = (x: bigint, y: bigint) => bigint | number

/** One contribution to a tangent: the effect on the output of the tangent `t` of one operand. */
type Partial2 = (t: NDArray, x: NDArray, y: NDArray, out: NDArray) => NDArray

type BinarySpec = OnBigInts<BigMap2> & BinaryRules

interface BinaryRules {
  readonly evaluate: NumberMap2 | Evaluators<NumberMap2>
  /** Replaces the general loop for floats. */
  readonly loop?: Loop2
  readonly jvp: 'zero' | readonly [Partial2, Partial2]
  /** Cotangents of the operands that the operation is linear in, given the other one. */
  readonly transpose?: (ct: NDArray, x: NDArray | Linear, y: NDArray | Linear) => readonly [Tangent, Tangent]
  readonly output?: DType
  readonly facts?: Facts
}

const zipInto = (a: TypedArray, b: TypedArray, out: TypedArray, f: NumberMap2): TypedArray => {
  const xs = a as Float64Array
  const ys = b as Float64Array
  const zs = out as Float64Array
  for (let i = 0; i < zs.length; i++) zs[i] = f(xs[i]!, ys[i]!)
  return out
}

const zipBigInto = (a: TypedArray, b: TypedArray, out: TypedArray, f: BigMap2): TypedArray => {
  const [xs, ys] = [a as BigInt64Array, b as BigInt64Array]
  for (let i = 0; i < out.length; i++) out[i] = f(xs[i]!, ys[i]!)
  return out
}

/** Two operands of one dtype and shape, no parameters, element by element. */
export const binary = <N extends UnaryName>(op: N, spec: BinarySpec): Primitive<N> => {
  const none = {} as OpParams[N]
  const { jvp, transpose, loop } = spec
  return {
    type: (_, operands) => {
      const [x, y] = operands
      checkAccepts(op, spec.accepts, x!)
      checkSame(op, operands)
      if (spec.output !== undefined) return [x!.withDType(spec.output)]
      return [x!.weak && !y!.weak ? y! : x!]
    },
    evaluate: (_, [a, b], [x], [out]) => {
      const result = allocate(out!.dtype, out!.size)
      if (loop !== undefined && isFloat(x!.dtype)) {
        loop(a as Float64Array, b as Float64Array, result as Float64Array)
        return [result]
      }
      if (isLong(x!.dtype)) return [zipBigInto(a!, b!, result, spec.big!)]
      return [zipInto(a!, b!, result, evaluatorFor<NumberMap2>(spec.evaluate, x!.dtype))]
    },
    jvp: (_, [x, y], [tx, ty]) => {
      const out = bind(op, none, [x!, y!])
      if (jvp === 'zero') return single(out, null)
      const dx = tx === null ? null : jvp[0](tx!, x!, y!, out)
      const dy = ty === null ? null : jvp[1](ty!, x!, y!, out)
      return single(out, addTangents(dx, dy))
    },
    ...(transpose === undefined
      ? {}
      : {
          transpose: (_: OpParams[N], [ct]: readonly Tangent[], [x, y]: readonly (NDArray | Linear)[]) =>
            transpose(ct!, x!, y!),
        }),
    batch: (params, operands, axes, size) => batchElementwise(op, params, operands, axes, size),
    facts: { elementwise: true, ...roundsOf(spec.accepts, jvp !== 'zero'), ...spec.facts },
  }
}

interface LinearSpec<N extends OpName> {
  readonly type: Primitive<N>['type']
  readonly evaluate: Primitive<N>['evaluate']
  /** The cotangent of the operand. */
  readonly transpose: (params: OpParams[N], ct: NDArray, x: Linear) => NDArray
  readonly batch: (params: OpParams[N], x: NDArray, axis: number, size: number) => Batched
  readonly part?: NonNullable<Primitive<N>['part']>
  readonly facts?: Facts
}

/** One operand, linear in it: the derivative is the operation itself. */
export const linear = <N extends OpName>(op: N, spec: LinearSpec<N>): Primitive<N> => ({
  type: spec.type,
  evaluate: spec.evaluate,
  jvp: (params, [x], [t]) => single(bind(op, params, [x!]), bind(op, params, [t!])),
  transpose: (params, [ct], [x]) => [spec.transpose(params, ct!, x as Linear)],
  batch: (params, [x], [axis], size) => spec.batch(params, x!, axis!, size),
  ...(spec.part === undefined ? {} : { part: spec.part }),
  facts: { linear: true, ...spec.facts },
})

/** Weights in blocks of a few bits: their values, and products with them. */
import type { Aval } from '../core/aval.ts'
import type { ExpandedKind } from '../core/blocks.ts'
import { blocks, expandBlocks, expandedShape, isHalfKind } from '../core/blocks.ts'
import { convert } from '../core/convert.ts'
import type { TypedArray } from '../core/dtype.ts'
import { allocate } from '../core/dtype.ts'
import { DTypeError, ShapeError } from '../core/errors.ts'
import { range, sameShape, sizeOf } from '../core/shape.ts'
import type { Shape } from '../core/shape.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import { dotGeneral } from '../ops/contraction.ts'
import { cast } from '../ops/elementwise.ts'
import { moveAxis } from '../ops/movement.ts'
import { dequantize, quantizedDot } from '../ops/quantized.ts'
import type { NDArray } from '../trace/value.ts'
import { addTangents, materialize, oneBatched, single } from './kinds.ts'
import { matmulFloat } from './matmul.ts'
import type { Primitive } from './primitive.ts'

/** The shape of the values behind a payload. */
const valuesOf = (op: OpName, kind: ExpandedKind, payload: Aval): Shape => {
  if (isHalfKind(kind)) {
    if (payload.dtype === kind) return payload.shape
    throw new DTypeError(`${op}: ${kind} takes such floats as they are, got ${payload}.`)
  }
  if (payload.dtype !== 'uint8') {
    throw new DTypeError(
      `${op}: blocks of ${kind} are uint8, got ${payload}: a quantised array was mapped over or cast.`,
    )
  }
  const shape = expandedShape(kind, payload.shape)
  if (shape !== null) return shape
  throw new ShapeError(
    `${op}: rows of ${payload} are not whole blocks of ${kind}, which have ${blocks[kind].bytes} bytes.`,
  )
}

export const dequantizeP: Primitive<'dequantize'> = {
  type: ({ kind }, [payload]) => [payload!.withDType('float32').withShape(valuesOf('dequantize', kind, payload!))],
  evaluate: ({ kind }, [data]) => [expandBlocks(kind, data as Uint8Array)],
  // Bytes have no tangent.
  jvp: (params, [payload]) => single(dequantize(payload!, params), null),
  batch: (params, [payload], [axis]) => oneBatched(dequantize(moveAxis(payload!, axis!, 0), params), 0),
  facts: { narrow: 'as they are' },
}

/** Batch axes, the extents of x that are kept, and the rows and columns of matrices. */
interface Extents {
  readonly batch: Shape
  readonly free: Shape
  readonly rows: number
  readonly columns: number
}

const extentsOf = ({ kind, transposed }: OpParams['quantizedDot'], [x, payload]: readonly Aval[]): Extents => {
  if (x!.dtype !== 'float32' && x!.dtype !== 'float64') {
    throw new DTypeError(`quantizedDot takes float32 or float64 beside blocks of ${kind}, got ${x}.`)
  }
  const values = valuesOf('quantizedDot', kind, payload!)
  const [batch, [rows, columns]] = [values.slice(0, -2), values.slice(-2)]
  const fits =
    columns !== undefined &&
    x!.rank > batch.length &&
    sameShape(x!.shape.slice(0, batch.length), batch) &&
    x!.shape.at(-1) === (transposed ? rows : columns)
  if (!fits) {
    throw new ShapeError(
      `quantizedDot: ${x} does not fit a quantised array ${kind}[${values.join(',')}]: leading axes are shared, and the last ` +
        `axis of the first meets the ${transposed ? 'rows' : 'columns'} of the second.`,
    )
  }
  return { batch, free: x!.shape.slice(batch.length, -1), rows: rows!, columns }
}

/** Transposes matrices. */
const turned = (data: Float32Array, rows: number, columns: number): Float32Array => {
  const out = new Float32Array(data.length)
  const size = rows * columns
  for (let i = 0; i < data.length; i++) {
    const [matrix, place] = [i - (i % size), i % size]
    out[matrix + (place % columns) * rows + Math.floor(place / columns)] = data[i]!
  }
  return out
}

const evaluateDot = (
  params: OpParams['quantizedDot'],
  [data, payload]: readonly TypedArray[],
  operands: readonly Aval[],
  out: Aval,
): TypedArray => {
  const { batch, free, rows, columns } = extentsOf(params, operands)
  const { kind } = params
  const values = isHalfKind(kind)
    ? (convert(payload!, kind, 'float32') as Float32Array)
    : expandBlocks(kind, payload as Uint8Array)
  const matrices = params.transposed ? values : turned(values, rows, columns)
  const [k, n] = params.transposed ? [rows, columns] : [columns, rows]
  const [groups, m] = [sizeOf(batch), sizeOf(free)]
  const result = allocate(out.dtype, out.size) as Float64Array
  for (let g = 0; g < groups; g++) {
    const starts = [g * m * k, g * k * n, g * m * n] as const
    matmulFloat(data as Float64Array, matrices as unknown as Float64Array, result, starts, [m, k, n])
  }
  return result
}

/** The tangent for 16-bit floats, as a product of floats: x tᵀ, or x t. Blocks have no tangent. */
const alongMatrix = (x: NDArray, t: NDArray, transposed: boolean): NDArray => {
  const { rank } = t.aval
  const shared = range(rank - 2)
  const contract = [[x.aval.rank - 1], [rank - (transposed ? 2 : 1)]] as const
  return dotGeneral(x, cast(t, x.aval.dtype), { contract, batch: [shared, shared] })
}

// Linear in x: y = x Wᵀ, so the cotangent is ct W.
export const quantizedDotP: Primitive<'quantizedDot'> = {
  type: (params, operands) => {
    const { batch, free, rows, columns } = extentsOf(params, operands)
    return [operands[0]!.strengthen().withShape([...batch, ...free, params.transposed ? columns : rows])]
  },
  evaluate: (params, data, operands, [out]) => [evaluateDot(params, data, operands, out!)],
  jvp: (params, [x, payload], [t, u]) => {
    const left = t === null ? null : quantizedDot(t!, payload!, params)
    const right = u === null ? null : alongMatrix(x!, u!, params.transposed)
    return single(quantizedDot(x!, payload!, params), addTangents(left, right))
  },
  transpose: (params, [ct], [, payload]) => [
    quantizedDot(ct!, payload as NDArray, { ...params, transposed: !params.transposed }),
    null,
  ],
  batch: (params, [x, payload], [axis, payloadAxis], size) => {
    // If only x has it, it is one more kept axis, the first one after the shared axes.
    if (payloadAxis === null) {
      const place = payload!.aval.rank - 2
      return oneBatched(quantizedDot(moveAxis(x!, axis!, place), payload!, params), place)
    }
    const both = [materialize(x!, axis!, 0, size), moveAxis(payload!, payloadAxis!, 0)] as const
    return oneBatched(quantizedDot(...both, params), 0)
  },
  facts: { reduces: true, rounds: 'in any order', narrow: 'as they are' },
}

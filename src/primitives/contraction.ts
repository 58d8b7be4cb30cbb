/** Sums of products. */
import type { Aval } from '../core/aval.ts'
import { Aval as AvalOf } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import { allocate, isFloat, isLong } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import { inversePermutation, range, sizeOf, stridesOf } from '../core/shape.ts'
import type { DotGeneralParams } from '../ir/op.ts'
import { dotGeneral } from '../ops/contraction.ts'
import { moveAxis, transpose } from '../ops/movement.ts'
import type { NDArray } from '../trace/value.ts'
import { addTangents, checkAccepts, checkAxes, isLinear, oneBatched, single } from './kinds.ts'
import { matmulBig, matmulFloat, matmulInteger } from './matmul.ts'
import { DTypeError } from '../core/errors.ts'
import type { Primitive } from './primitive.ts'
import { gatherStrided } from './strided.ts'

const freeAxes = (rank: number, contract: readonly number[], batch: readonly number[]): number[] =>
  range(rank).filter((d) => !contract.includes(d) && !batch.includes(d))

const show = ({ contract, batch }: DotGeneralParams): string =>
  `contracting [${contract[0].join(',')}] with [${contract[1].join(',')}], ` +
  `batch [${batch[0].join(',')}] with [${batch[1].join(',')}]`

const dotType = (params: DotGeneralParams, [x, y]: readonly Aval[]): readonly Aval[] => {
  const { contract, batch } = params
  checkAccepts('dotGeneral', 'any', x!)
  if (x!.dtype !== y!.dtype) throw new DTypeError(`dotGeneral takes operands of one dtype, got ${x} and ${y}.`)
  checkAxes('dotGeneral', [...contract[0], ...batch[0]], x!)
  checkAxes('dotGeneral', [...contract[1], ...batch[1]], y!)
  for (const [left, right] of [contract, batch]) {
    if (left.length !== right.length || left.some((d, i) => x!.shape[d] !== y!.shape[right[i]!])) {
      throw new ShapeError(`dotGeneral: extents differ for ${x} and ${y}, ${show(params)}.`)
    }
  }
  const shape = [
    ...batch[0].map((d) => x!.shape[d]!),
    ...freeAxes(x!.rank, contract[0], batch[0]).map((d) => x!.shape[d]!),
    ...freeAxes(y!.rank, contract[1], batch[1]).map((d) => y!.shape[d]!),
  ]
  return [new AvalOf(x!.dtype, shape, x!.weak && y!.weak)]
}

const ordered = (data: TypedArray, x: Aval, order: readonly number[]): TypedArray => {
  if (order.every((d, i) => d === i)) return data
  const strides = stridesOf(x.shape)
  return gatherStrided(
    data,
    order.map((d) => x.shape[d]!),
    order.map((d) => strides[d]!),
    0,
    allocate(x.dtype, x.size),
  )
}

const evaluateDot = (
  { contract, batch }: DotGeneralParams,
  [a, b]: readonly TypedArray[],
  [x, y]: readonly Aval[],
  out: Aval,
): TypedArray => {
  const freeX = freeAxes(x!.rank, contract[0], batch[0])
  const freeY = freeAxes(y!.rank, contract[1], batch[1])
  const left = ordered(a!, x!, [...batch[0], ...freeX, ...contract[0]]) as Float64Array
  const right = ordered(b!, y!, [...batch[1], ...contract[1], ...freeY]) as Float64Array
  const extent = (aval: Aval, axes: readonly number[]): number => sizeOf(axes.map((d) => aval.shape[d]!))
  const [groups, m, k, n] = [extent(x!, batch[0]), extent(x!, freeX), extent(x!, contract[0]), extent(y!, freeY)]
  const result = allocate(out.dtype, out.size) as Float64Array
  for (let g = 0; g < groups; g++) {
    const starts = [g * m * k, g * k * n, g * m * n] as const
    if (isLong(x!.dtype)) matmulBig(left, right, result, starts, [m, k, n])
    else if (isFloat(x!.dtype)) matmulFloat(left, right, result, starts, [m, k, n])
    else matmulInteger(left, right, result, starts, [m, k, n], x!.dtype === 'bool')
  }
  return result
}

const swapped = <T>([a, b]: readonly [T, T]): readonly [T, T] => [b, a]

// The cotangent has axes (batch, free x, free y). Contract it with y over free y, and put x's axes back in order.
const transposeLeft = (ct: NDArray, y: NDArray, xRank: number, { contract, batch }: DotGeneralParams): NDArray => {
  const freeX = freeAxes(xRank, contract[0], batch[0])
  const freeY = freeAxes(y.aval.rank, contract[1], batch[1])
  const batches = range(batch[0].length)
  const ctFreeY = freeY.map((_, i) => batches.length + freeX.length + i)
  const product = dotGeneral(ct, y, { contract: [ctFreeY, freeY], batch: [batches, batch[1]] })
  // Its axes: batch, free x, then the contracted ones in y's order.
  const contractedByY = contract[1]
    .map((d, i) => ({ d, x: contract[0][i]! }))
    .toSorted((p, q) => p.d - q.d)
    .map((p) => p.x)
  return transpose(product, inversePermutation([...batch[0], ...freeX, ...contractedByY]))
}

const transposeRight = (ct: NDArray, x: NDArray, yRank: number, { contract, batch }: DotGeneralParams): NDArray => {
  const batches = batch[0].length
  const freeX = freeAxes(x.aval.rank, contract[0], batch[0])
  const freeYCount = yRank - contract[1].length - batches
  // The same with the operands swapped: then ct's axes must be (batch, free y, free x).
  const turned = transpose(ct, [
    ...range(batches),
    ...range(freeYCount).map((i) => batches + freeX.length + i),
    ...range(freeX.length).map((i) => batches + i),
  ])
  return transposeLeft(turned, x, yRank, { contract: swapped(contract), batch: swapped(batch) })
}

export const dotGeneralP: Primitive<'dotGeneral'> = {
  type: dotType,
  evaluate: (params, data, operands, [out]) => [evaluateDot(params, data, operands, out!)],
  jvp: (params, [x, y], [tx, ty]) => {
    const dx = tx === null ? null : dotGeneral(tx!, y!, params)
    const dy = ty === null ? null : dotGeneral(x!, ty!, params)
    return single(dotGeneral(x!, y!, params), addTangents(dx, dy))
  },
  transpose: (params, [ct], [x, y]) => [
    isLinear(x!) ? transposeLeft(ct!, y as NDArray, x.aval.rank, params) : null,
    isLinear(y!) ? transposeRight(ct!, x as NDArray, y.aval.rank, params) : null,
  ],
  batch: (params, [x, y], [axisX, axisY]) => {
    const { contract, batch } = params
    const up = (axes: readonly number[]): number[] => axes.map((d) => d + 1)
    if (axisX !== null && axisY !== null) {
      const [left, right] = [moveAxis(x!, axisX!, 0), moveAxis(y!, axisY!, 0)]
      const both = {
        contract: [up(contract[0]), up(contract[1])],
        batch: [
          [0, ...up(batch[0])],
          [0, ...up(batch[1])],
        ],
      }
      return oneBatched(dotGeneral(left, right, both as unknown as DotGeneralParams), 0)
    }
    // One side only: the batch axis is one more free axis, the first of its side.
    if (axisX !== null) {
      const left = moveAxis(x!, axisX!, 0)
      const out = dotGeneral(left, y!, { contract: [up(contract[0]), contract[1]], batch: [up(batch[0]), batch[1]] })
      return oneBatched(out, batch[0].length)
    }
    const right = moveAxis(y!, axisY!, 0)
    const out = dotGeneral(x!, right, { contract: [contract[0], up(contract[1])], batch: [batch[0], up(batch[1])] })
    return oneBatched(out, x!.aval.rank - contract[0].length)
  },
  facts: { reduces: true, rounds: 'in any order' },
}

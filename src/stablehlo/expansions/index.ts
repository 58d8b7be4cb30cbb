/** Operations that StableHLO has no word for, as programs of operations that it has. */
import type { Aval } from '../../core/aval.ts'
import { isHalfKind } from '../../core/blocks.ts'
import { isFloat } from '../../core/dtype.ts'
import { range } from '../../core/shape.ts'
import type { OpParams } from '../../ir/op.ts'
import { makeProgram, evalProgram, ShapeDtypeStruct } from '../../api/program.ts'
import { vmap } from '../../api/vmap.ts'
import type { Program } from '../../ir/program.ts'
import * as np from '../../numpy/index.ts'
import { dotGeneral } from '../../ops/contraction.ts'
import { optimize } from '../../passes/pipeline.ts'
import type { NDArray } from '../../trace/value.ts'
import { expand } from './blocks.ts'
import * as matrices from './matrices.ts'

type Arrays = readonly NDArray[]
type OnArrays = (...operands: Arrays) => Arrays

/** The program of a function on arrays of these types. */
const programOf = (f: OnArrays, operands: readonly Aval[]): Program =>
  optimize(makeProgram(f)(...(operands.map((a) => new ShapeDtypeStruct(a.shape, a.dtype)) as unknown as NDArray[])))

/** A function of one matrix, for many: in float64, as the reference computes it, and back. */
const overMatrices = (f: OnArrays, operands: readonly Aval[], results: readonly Aval[]): Program => {
  const wide: OnArrays = (...xs) => f(...xs.map((x) => (isFloat(x.dtype) ? x.astype('float64') : x)))
  const batched = operands[0]!.shape.slice(2).reduce<OnArrays>((g) => vmap<Arrays, Arrays>(g), wide)
  return programOf((...xs) => batched(...xs).map((y, i) => y.astype(results[i]!.dtype)), operands)
}

export const luOf = (operands: readonly Aval[], results: readonly Aval[]): Program =>
  overMatrices((a) => matrices.lu(a), operands, results)

export const qrOf = ({ fullMatrices }: OpParams['qr'], operands: readonly Aval[], results: readonly Aval[]): Program =>
  overMatrices(
    (a) => {
      const [m, n] = a.shape as readonly [number, number]
      const count = fullMatrices ? m : Math.min(m, n)
      const [q, r] = matrices.householder(a, count)
      return [q, np.triu(r.at(np.slice(0, count)).get())]
    },
    operands,
    results,
  )

export const eighOf = (operands: readonly Aval[], results: readonly Aval[]): Program =>
  overMatrices((a) => matrices.eigh(a), operands, results)

export const svdOf = (
  { fullMatrices }: OpParams['svd'],
  operands: readonly Aval[],
  results: readonly Aval[],
): Program => overMatrices((a) => matrices.svd(a, fullMatrices), operands, results)

export const pinvOf = (operands: readonly Aval[], results: readonly Aval[]): Program =>
  overMatrices((a, rtol) => [matrices.pinv(a, rtol)], operands, results)

/**
 * A linear map of which only the transpose is known: element j of a result is what the pullback of the j-th unit cotangent says of the
 * tangents.
 */
export const linearOf = (
  { backward, residuals }: OpParams['customLinear'],
  operands: readonly Aval[],
  results: readonly Aval[],
): Program =>
  programOf((...xs) => {
    const [known, tangents] = [xs.slice(0, residuals), xs.slice(residuals)]
    const zeros = results.map(({ shape, dtype }) => np.zeros(shape, { dtype }))
    return results.map(({ shape, dtype, size }, o) => {
      const units = np.reshape(np.eye(size, size, { dtype }), [size, ...shape])
      const element = (unit: NDArray): NDArray => {
        const pulled = evalProgram(backward, [...known, ...zeros.map((zero, i) => (i === o ? unit : zero))])
        const products = pulled.map((p, i) => np.sum(np.multiply(p, tangents[i]!)))
        return products.reduce((sum, y) => np.add(sum, y), np.array(0, { dtype })).astype(dtype)
      }
      return np.reshape(vmap(element as never)(units), shape)
    })
  }, operands)

export const blocksOf = ({ kind }: OpParams['dequantize'], operands: readonly Aval[]): Program =>
  programOf((payload) => [expand(payload, kind)], operands)

/** A product with a matrix that is expanded first; engines fuse the two. */
export const quantizedProductOf = (
  { kind, transposed }: OpParams['quantizedDot'],
  operands: readonly Aval[],
): Program =>
  programOf((x, payload) => {
    const values = isHalfKind(kind) ? payload : expand(payload, kind)
    const batch = range(values.ndim - 2)
    const contract = [[x.ndim - 1], [values.ndim - (transposed ? 2 : 1)]] as const
    return [dotGeneral(x, values.astype(x.dtype), { contract, batch: [batch, batch] })]
  }, operands)

/**
 * Shared helpers of factorisations and solutions. They work on float64 matrices in scratch memory for any dtype, with the
 * reference's roundings in its order: the results are the same, bit by bit.
 */
import type { Aval } from '../../../core/aval.ts'
import { range } from '../../../core/shape.ts'
import type { Code, Expr } from '../asm/index.ts'
import { i32, load, op } from '../asm/index.ts'
import { f32Cell, f64Cell } from './elements.ts'
import { minus, plus, times } from './integers.ts'
import type { LibraryFunction } from './routine.ts'

type I32 = Expr<'i32'>

/** Reading and writing elements of float32 or float64 as float64. */
export interface DoubleCell {
  readonly bytes: number
  load(address: I32): Expr<'f64'>
  store(code: Code, address: I32, value: Expr<'f64'>): void
}

const singles: DoubleCell = {
  bytes: 4,
  load: (address) => op('f64.promote_f32', f32Cell.load(address)),
  store: (code, address, value) => {
    f32Cell.store(code, address, op('f32.demote_f64', value))
  },
}

/** Null for dtypes that matrices cannot have. */
export const doubleCell = ({ dtype }: Aval): DoubleCell | null =>
  dtype === 'float64' ? f64Cell : dtype === 'float32' ? singles : null

/** The number of elements for about 20 microseconds of arithmetic, which determines the grain of iterations. */
export const grainForWork = (multiplications: number): number => Math.max(1, Math.floor(20_000 / multiplications))

/** The number of rows subtracted in one pass over the target. */
const TOGETHER = 4

/** One pass: target -= Σ_k factors[k] · sources[k], for the first few k, in order. */
const subtractPass = (
  code: Code,
  rows: number,
  [target, bytes]: readonly [I32, I32],
  [source, stride]: readonly [I32, I32],
  [factor, factorStride]: readonly [I32, I32],
): void => {
  const along = (start: I32, step: I32): readonly I32[] => {
    const found = [code.let(start)]
    while (found.length < rows) found.push(code.let(op('i32.add', found.at(-1)!, step)))
    return found
  }
  const sources = along(source, stride)
  const factors = along(factor, factorStride).map((address) => code.let(load('v128.load64_splat', address)))
  const at = code.variable(i32(0))
  code.while(at, minus(bytes, 15), 16, (i) => {
    const place = code.let(op('i32.add', target, i))
    const products = range(rows).map((k) =>
      op('f64x2.mul', factors[k]!, load('v128.load', op('i32.add', sources[k]!, i))),
    )
    const left = products.reduce((sum, p) => op('f64x2.sub', sum, p), load('v128.load', place))
    code.store('v128.store', place, left)
  })
  code.while(at, bytes, 8, (i) => {
    const place = code.let(op('i32.add', target, i))
    const products = range(rows).map((k) =>
      op('f64x2.mul', factors[k]!, load('v128.load64_zero', op('i32.add', sources[k]!, i))),
    )
    const left = products.reduce((sum, p) => op('f64x2.sub', sum, p), load('v128.load64_zero', place))
    code.storeLane('v128.store64_lane', 0, place, left)
  })
}

/**
 * `subtractRows(target, bytes, sources, stride, factors, factorStride, count)`: target -= Σ_k factors[k] · sources[k], in the
 * order of k. Rows of float64, `bytes` long, begin a stride apart; factors likewise.
 */
export const subtractRows: LibraryFunction = {
  name: 'linalg.subtractRows',
  params: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  result: null,
  body: (code) => {
    const [target, bytes, stride, factorStride] = [0, 1, 3, 5].map((k) => code.param<'i32'>(k)) as [I32, I32, I32, I32]
    const [sources, factors, count] = [code.params[2]!, code.params[4]!, code.params[6]!]
    const pass = (rows: number): void => {
      code.block((done) => {
        code.loop((again) => {
          code.branchIf(done, op('i32.lt_s', count.get as I32, i32(rows)))
          const from: readonly [I32, I32] = [sources.get as I32, stride]
          subtractPass(code, rows, [target, bytes], from, [factors.get as I32, factorStride])
          code.set(sources, op('i32.add', sources.get as I32, times(stride, rows)))
          code.set(factors, op('i32.add', factors.get as I32, times(factorStride, rows)))
          code.set(count, plus(count.get as I32, -rows))
          code.branch(again)
        })
      })
    }
    pass(TOGETHER)
    pass(1)
  },
}

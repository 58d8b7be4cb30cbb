/** Indices as instructions. */
import type { Index, LoopVar } from '../../../lowering/indices.ts'
import type { Expr } from '../asm/index.ts'
import { i32, op } from '../asm/index.ts'

export const sum = (x: Expr<'i32'>, y: Expr<'i32'>): Expr<'i32'> => op('i32.add', x, y)
export const times = (x: Expr<'i32'>, n: number): Expr<'i32'> =>
  n === 1 ? x : Math.log2(n) % 1 === 0 ? op('i32.shl', x, i32(Math.log2(n))) : op('i32.mul', x, i32(n))

/** Settings of loops. */
export type Bindings = ReadonlyMap<LoopVar, Expr<'i32'>>

/** An index for these settings of the loops; variables without one count as 0. */
export const indexValue = (index: Index, bindings: Bindings): Expr<'i32'> => {
  let total: Expr<'i32'> | null = null
  for (const { factor, times: scale } of index.terms) {
    let part: Expr<'i32'> | undefined
    if ('extent' in factor) part = bindings.get(factor)
    else {
      const of = indexValue(factor.of, bindings)
      part = op(factor.kind === 'quotient' ? 'i32.div_u' : 'i32.rem_u', of, i32(factor.by))
    }
    if (part === undefined) continue
    const scaled = scale > 0 ? times(part, scale) : op('i32.mul', part, i32(scale))
    total = total === null ? scaled : sum(total, scaled)
  }
  if (total === null) return i32(index.constant)
  return index.constant === 0 ? total : sum(total, i32(index.constant))
}

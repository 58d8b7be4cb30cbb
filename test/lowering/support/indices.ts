/** Index expressions as numbers, and as text. */
import type { Factor, Index } from '../../../src/lowering/indices.ts'
import { LoopVar } from '../../../src/lowering/indices.ts'

const valueOfFactor = (f: Factor, env: ReadonlyMap<LoopVar, number>): number => {
  if (f instanceof LoopVar) return env.get(f)!
  const of = valueOfIndex(f.of, env)
  return f.kind === 'quotient' ? Math.floor(of / f.by) : of % f.by
}

/** The expression's value, where loops stand at these counts. */
export const valueOfIndex = ({ constant, terms }: Index, env: ReadonlyMap<LoopVar, number>): number =>
  terms.reduce((sum, { factor, times }) => sum + times * valueOfFactor(factor, env), constant)

const showFactor = (f: Factor): string => {
  if (f instanceof LoopVar) return f.name
  const of = showIndex(f.of)
  return `(${of.includes(' + ') ? `(${of})` : of} ${f.kind === 'quotient' ? '/' : '%'} ${f.by})`
}

/** The expression as one would write it: `3·v0 + v1 + 2`. */
export const showIndex = ({ constant, terms }: Index): string => {
  const products = terms.map(({ factor, times }) => (times === 1 ? '' : `${times}·`) + showFactor(factor))
  return [...products, ...(constant === 0 && products.length > 0 ? [] : [constant])].join(' + ')
}

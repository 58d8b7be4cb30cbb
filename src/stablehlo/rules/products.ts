/** Products of matrices, convolutions, and weights in blocks. */
import { blocksOf, quantizedProductOf } from '../expansions/index.ts'
import { integers, pairs } from '../text.ts'
import { expanded } from './expanded.ts'
import type { Rule, Rules } from './rule.ts'

/** `[b, f, 0, 1]`: what stands in each axis, of the first two and the spatial ones. */
const layout = (spec: readonly number[], [first, second]: readonly [string, string]): string => {
  const names = new Array<string>(spec.length)
  spec.forEach((axis, i) => (names[axis] = i === 0 ? first : i === 1 ? second : String(i - 2)))
  return `[${names.join(', ')}]`
}

const conv: Rule<'conv'> = (w, operands, p, [out]) => {
  const numbers = `${layout(p.lhsSpec, ['b', 'f'])}x${layout(p.rhsSpec, ['o', 'i'])}->${layout(p.outSpec, ['b', 'f'])}`
  const attributes = [
    `batch_group_count = ${p.batchGroupCount} : i64`,
    `dimension_numbers = #stablehlo.conv<${numbers}>`,
    `feature_group_count = ${p.featureGroupCount} : i64`,
    `lhs_dilation = ${integers(p.lhsDilation)}`,
    `rhs_dilation = ${integers(p.rhsDilation)}`,
    `padding = ${pairs(p.padding)}`,
    `window_strides = ${integers(p.windowStrides)}`,
    'precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]',
  ].join(', ')
  return w.generic('convolution', operands, { attributes }, [out!])
}

export const products = {
  dotGeneral: (w, [x, y], { contract, batch }, [out]) => [w.dotGeneral(x!, y!, contract, batch, out!)],
  conv,
  dequantize: expanded('dequantize', blocksOf),
  quantizedDot: expanded('quantizedDot', quantizedProductOf),
} satisfies Partial<Rules>

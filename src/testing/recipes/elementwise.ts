/** Recipes of operations element by element. */
import type { DType } from '../../core/dtype.ts'
import { bitsOf, dtypes, isInteger } from '../../core/dtype.ts'
import type { NoParams, OpName, OpParams } from '../../ir/op.ts'
import type { Domain, Draw, Recipe } from '../draw.ts'
import { domains } from '../draw.ts'

const none: NoParams = {}

/** Operations without parameters. */
type Plain = { [N in OpName]: NoParams extends OpParams[N] ? N : never }[OpName]

type Dtypes = readonly DType[] | ((draw: Draw) => readonly DType[])

const integers: readonly DType[] = dtypes.filter(isInteger)
const bits: readonly DType[] = [...integers, 'bool']
const floats = (draw: Draw): readonly DType[] => draw.float
const numbers = (draw: Draw): readonly DType[] => draw.numbers
const computing = (draw: Draw): readonly DType[] => [...draw.numbers, 'bool']

const resolve = (draw: Draw, wanted: Dtypes): readonly DType[] => (typeof wanted === 'function' ? wanted(draw) : wanted)

const unary =
  <N extends Plain>(wanted: Dtypes, domain: Domain = domains.general): Recipe<N> =>
  (draw) => ({ params: none, operands: [draw.operand({ dtypes: resolve(draw, wanted), domain })] })

const binary =
  <N extends Plain>(wanted: Dtypes, left: Domain = domains.general, right: Domain = domains.nonzero): Recipe<N> =>
  (draw) => {
    const x = draw.operand({ dtypes: resolve(draw, wanted), domain: left })
    const y = draw.operand({ dtypes: [x.aval.dtype], shape: x.aval.shape, domain: right })
    return { params: none, operands: [x, y] }
  }

export const neg = unary<'neg'>(numbers)
export const abs = unary<'abs'>(numbers)
export const sign = unary<'sign'>(numbers)
export const floor = unary<'floor'>(floats)
export const ceil = unary<'ceil'>(floats)
export const round = unary<'round'>(floats)
export const exp = unary<'exp'>(floats)
export const exp2 = unary<'exp2'>(floats)
export const log = unary<'log'>(floats, domains.positive)
export const log1p = unary<'log1p'>(floats, domains.positive)
export const expm1 = unary<'expm1'>(floats)
export const sqrt = unary<'sqrt'>(floats, domains.positive)
export const rsqrt = unary<'rsqrt'>(floats, domains.positive)
export const cbrt = unary<'cbrt'>(floats, domains.nonzero)
export const sin = unary<'sin'>(floats)
export const cos = unary<'cos'>(floats)
export const tan = unary<'tan'>(floats, domains.unit)
export const asin = unary<'asin'>(floats, domains.unit)
export const acos = unary<'acos'>(floats, domains.unit)
export const atan = unary<'atan'>(floats)
export const sinh = unary<'sinh'>(floats)
export const cosh = unary<'cosh'>(floats)
export const tanh = unary<'tanh'>(floats)
export const asinh = unary<'asinh'>(floats)
export const acosh = unary<'acosh'>(floats, domains.aboveOne)
export const atanh = unary<'atanh'>(floats, domains.unit)
export const logistic = unary<'logistic'>(floats)
export const logisticDensity = unary<'logisticDensity'>(floats)
export const erf = unary<'erf'>(floats)
export const erfc = unary<'erfc'>(floats)
export const erfInv = unary<'erfInv'>(floats, domains.unit)
export const lgamma = unary<'lgamma'>(floats, domains.general)
export const digamma = unary<'digamma'>(floats, domains.positive)
export const polygamma: Recipe<'polygamma'> = (draw) => ({
  params: { order: draw.pick([1, 2, 3]) },
  operands: [draw.operand({ dtypes: draw.float, domain: domains.positive })],
})
export const isFinite = unary<'isFinite'>(floats)
export const not = unary<'not'>(bits)
export const stopGradient = unary<'stopGradient'>(computing)
export const filler = unary<'filler'>(computing)

export const integerPow: Recipe<'integerPow'> = (draw) => ({
  params: { exponent: draw.pick([2, 3, 0, 1, -1, -2, 5]) },
  operands: [draw.operand({ dtypes: draw.float, domain: domains.nonzero })],
})

export const cast: Recipe<'cast'> = (draw) => {
  const x = draw.operand({ dtypes: computing(draw) })
  return { params: { dtype: draw.pick(draw.smooth ? draw.float : dtypes), weak: false }, operands: [x] }
}

export const bitcast: Recipe<'bitcast'> = (draw) => {
  const x = draw.operand({ dtypes: dtypes.filter((d) => d !== 'bool') })
  const targets = dtypes.filter((d) => d !== 'bool' && bitsOf(d) === bitsOf(x.aval.dtype))
  return { params: { dtype: draw.pick(targets) }, operands: [x] }
}

export const add = binary<'add'>(numbers)
export const sub = binary<'sub'>(numbers)
export const mul = binary<'mul'>(numbers)
export const div = binary<'div'>(numbers)
/** The quotient stays away from integers. */
export const rem = binary<'rem'>(numbers, domains.general, () => 5)
export const pow = binary<'pow'>(floats, domains.positive, domains.general)
export const atan2 = binary<'atan2'>(floats, domains.nonzero, domains.nonzero)
export const logaddexp = binary<'logaddexp'>(floats, domains.general, domains.general)
export const max = binary<'max'>(computing, domains.distinct, domains.between)
export const min = binary<'min'>(computing, domains.distinct, domains.between)
export const nextafter = binary<'nextafter'>(floats)
export const and = binary<'and'>(bits)
export const or = binary<'or'>(bits)
export const xor = binary<'xor'>(bits)
export const shiftLeft = binary<'shiftLeft'>(integers, domains.small, domains.small)
export const shiftRightLogical = binary<'shiftRightLogical'>(integers, domains.small, domains.small)
export const shiftRightArithmetic = binary<'shiftRightArithmetic'>(integers, domains.small, domains.small)
export const eq = binary<'eq'>(computing)
export const ne = binary<'ne'>(computing)
export const lt = binary<'lt'>(computing)
export const le = binary<'le'>(computing)
export const gt = binary<'gt'>(computing)
export const ge = binary<'ge'>(computing)

export const select: Recipe<'select'> = (draw) => {
  const x = draw.operand({ dtypes: computing(draw) })
  const y = draw.operand({ dtypes: [x.aval.dtype], shape: x.aval.shape })
  const which = draw.operand({ dtypes: ['bool'], shape: x.aval.shape })
  return { params: none, operands: [which, x, y] }
}

/** Half of the elements lie between the bounds. */
export const clamp: Recipe<'clamp'> = (draw) => {
  const x = draw.operand({ dtypes: draw.numbers, domain: domains.general })
  const like = { dtypes: [x.aval.dtype], shape: x.aval.shape }
  const low = draw.operand({ ...like, domain: (u) => -1.03 - 0.03 * u })
  const high = draw.operand({ ...like, domain: (u) => 1.03 + 0.03 * u })
  return { params: none, operands: [low, x, high] }
}

/** Key and counter words. */
export const threefry2x32: Recipe<'threefry2x32'> = (draw) => {
  const x = draw.operand({ dtypes: ['uint32'], domain: (u) => Math.floor(u * 2 ** 32) })
  const more = (): typeof x =>
    draw.operand({ dtypes: ['uint32'], shape: x.aval.shape, domain: (u) => Math.floor(u * 2 ** 32) })
  return { params: none, operands: [x, more(), more(), more()] }
}

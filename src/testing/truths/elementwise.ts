/**
 * True values of operations element by element: arguments, then the result. Values that are not simple fractions are from
 * mpmath; special values are those of IEEE 754 and C.
 */
import type { DType } from '../../core/dtype.ts'
import type { NoParams, OpName, OpParams } from '../../ir/op.ts'
import type { Nested, Truths, Value } from './truth.ts'
import { all, application } from './truth.ts'

const none: NoParams = {}
type Plain = { [N in OpName]: NoParams extends OpParams[N] ? N : never }[OpName]

type Row = readonly [number, ...number[]]

const columns = (rows: readonly Row[]): Nested[] => rows[0]!.map((_, i) => rows.map((row) => row[i]!))
const as = (dtype: DType | undefined, value: Nested): Value => (dtype === undefined ? value : { [dtype]: value })

/** Rows of numbers as operands, and the result, of these dtypes. */
const typed =
  <N extends Plain>(operands: DType | undefined, result: DType | undefined, rows: readonly Row[]): Truths<N> =>
  () => {
    const values = columns(rows)
    const [inputs, output] = [values.slice(0, -1), values.at(-1)!]
    return [{ params: none, operands: inputs.map((x) => as(operands, x)), results: [as(result, output)] }]
  }

const points = <N extends Plain>(...rows: readonly Row[]): Truths<N> => typed(undefined, undefined, rows)
const integers = <N extends Plain>(...rows: readonly Row[]): Truths<N> => typed('int32', 'int32', rows)
const bools = <N extends Plain>(...rows: readonly Row[]): Truths<N> => typed('bool', 'bool', rows)
/** Floats to bools. */
const comparison = <N extends Plain>(...rows: readonly Row[]): Truths<N> => typed(undefined, 'bool', rows)

export const exp = points<'exp'>(
  [0.5, 1.6487212707001282],
  [-2, 0.1353352832366127],
  [0, 1],
  [-Infinity, 0],
  [Infinity, Infinity],
)
export const exp2 = points<'exp2'>(
  [0.5, 1.4142135623730951],
  [-1.5, 0.3535533905932738],
  [10, 1024],
  [-Infinity, 0],
  [Infinity, Infinity],
)
export const log = points<'log'>(
  [0.5, -0.6931471805599453],
  [3, 1.0986122886681098],
  [1, 0],
  [0, -Infinity],
  [-1, NaN],
  [Infinity, Infinity],
)
export const log1p = points<'log1p'>(
  [0.5, 0.4054651081081644],
  [-0.75, -1.3862943611198906],
  [-0, -0],
  [-1, -Infinity],
  [-2, NaN],
)
export const expm1 = points<'expm1'>(
  [0.5, 0.6487212707001282],
  [-2, -0.8646647167633873],
  [-0, -0],
  [-Infinity, -1],
  [Infinity, Infinity],
)
export const sqrt = points<'sqrt'>([2, 1.4142135623730951], [9, 3], [-0, -0], [-1, NaN], [Infinity, Infinity])
export const rsqrt = points<'rsqrt'>([2, 0.7071067811865476], [4, 0.5], [0, Infinity], [-1, NaN], [Infinity, 0])
export const cbrt = points<'cbrt'>([2, 1.2599210498948732], [-27, -3], [-0, -0], [-Infinity, -Infinity])
export const sin = points<'sin'>([1, 0.8414709848078965], [-2.5, -0.5984721441039565], [-0, -0], [Infinity, NaN])
export const cos = points<'cos'>([1, 0.5403023058681398], [-2.5, -0.8011436155469337], [0, 1], [Infinity, NaN])
export const tan = points<'tan'>([1, 1.5574077246549023], [-2.5, 0.7470222972386603], [-0, -0], [Infinity, NaN])
export const asin = points<'asin'>([0.5, 0.5235987755982989], [-1, -1.5707963267948966], [-0, -0], [1.5, NaN])
export const acos = points<'acos'>([0.5, 1.0471975511965979], [-1, 3.141592653589793], [1, 0], [1.5, NaN])
export const atan = points<'atan'>(
  [0.5, 0.4636476090008061],
  [-0, -0],
  [Infinity, 1.5707963267948966],
  [-Infinity, -1.5707963267948966],
)
export const sinh = points<'sinh'>(
  [0.5, 0.5210953054937474],
  [-2, -3.6268604078470186],
  [-0, -0],
  [-Infinity, -Infinity],
)
export const cosh = points<'cosh'>([0.5, 1.1276259652063807], [-2, 3.7621956910836314], [0, 1], [-Infinity, Infinity])
export const tanh = points<'tanh'>(
  [0.5, 0.46211715726000974],
  [-2, -0.9640275800758169],
  [-0, -0],
  [-Infinity, -1],
  [Infinity, 1],
)
export const asinh = points<'asinh'>(
  [0.5, 0.48121182505960347],
  [-2, -1.4436354751788103],
  [-0, -0],
  [-Infinity, -Infinity],
)
export const acosh = points<'acosh'>(
  [1.5, 0.9624236501192069],
  [8, 2.7686593833135738],
  [1, 0],
  [0.5, NaN],
  [Infinity, Infinity],
)
export const atanh = points<'atanh'>([0.5, 0.5493061443340549], [-0, -0], [1, Infinity], [-1, -Infinity], [2, NaN])
export const logistic = points<'logistic'>(
  [0.5, 0.6224593312018546],
  [-2, 0.11920292202211756],
  [0, 0.5],
  [-Infinity, 0],
  [Infinity, 1],
)
export const logisticDensity = points<'logisticDensity'>(
  [0.5, 0.2350037122015945],
  [-2, 0.10499358540350652],
  [0, 0.25],
  [Infinity, 0],
)
export const erf = points<'erf'>([0.5, 0.5204998778130465], [-2, -0.9953222650189527], [-0, -0], [Infinity, 1])
export const erfc = points<'erfc'>(
  [0.5, 0.4795001221869535],
  [-2, 1.9953222650189528],
  [4, 1.541725790028002e-8],
  [0, 1],
  [-Infinity, 2],
  [Infinity, 0],
)
export const erfInv = points<'erfInv'>(
  [0.5, 0.4769362762044699],
  [-0.75, -0.8134198475976185],
  [-0, -0],
  [1, Infinity],
  [-1, -Infinity],
  [2, NaN],
)
export const lgamma = points<'lgamma'>(
  [0.5, 0.5723649429247001],
  [10, 12.801827480081469],
  [-0.5, 1.2655121234846454],
  [-2.5, -0.056243716497674054],
  [1, 0],
  [2, 0],
  [0, Infinity],
  [-1, Infinity],
  [-Infinity, Infinity],
  [Infinity, Infinity],
)
export const digamma = points<'digamma'>(
  [1, -0.5772156649015329],
  [0.5, -1.9635100260214235],
  [10, 2.251752589066721],
  [-0.5, 0.03648997397857652],
  [0, NaN],
  [-1, NaN],
  [Infinity, Infinity],
)
export const neg = all<'neg'>(
  points<'neg'>([1.5, -1.5], [-2, 2], [0, -0], [Infinity, -Infinity]),
  integers([3, -3], [-2147483648, -2147483648]),
)
export const abs = all<'abs'>(
  points<'abs'>([1.5, 1.5], [-2, 2], [-0, 0], [-Infinity, Infinity]),
  integers([-3, 3], [-2147483648, -2147483648]),
)
export const sign = all<'sign'>(
  points<'sign'>([1.5, 1], [-2, -1], [-0, -0], [-Infinity, -1], [NaN, NaN]),
  integers([-3, -1], [0, 0]),
)
export const floor = points<'floor'>([1.5, 1], [-1.5, -2], [-0, -0], [-Infinity, -Infinity])
export const ceil = points<'ceil'>([1.5, 2], [-1.5, -1], [-0.5, -0], [Infinity, Infinity])
export const round = points<'round'>([0.5, 0], [1.5, 2], [2.5, 2], [-0.5, -0], [-2.75, -3])
export const add = all<'add'>(
  points<'add'>([1.5, -4, -2.5], [Infinity, 1, Infinity], [Infinity, -Infinity, NaN]),
  integers([2147483647, 1, -2147483648]),
)
export const sub = all<'sub'>(
  points<'sub'>([1.5, -4, 5.5], [Infinity, Infinity, NaN]),
  integers([-2147483648, 1, 2147483647]),
)
export const mul = all<'mul'>(
  points<'mul'>([1.5, -4, -6], [0, -1, -0], [0, Infinity, NaN]),
  integers([65536, 65536, 0], [-3, 5, -15]),
)
export const div = all<'div'>(
  points<'div'>([1, -4, -0.25], [1, 0, Infinity], [-1, 0, -Infinity], [0, 0, NaN]),
  integers([-7, 2, -3], [7, -2, -3], [7, 0, -1]),
)
export const rem = all<'rem'>(
  points<'rem'>([7, -3, 1], [-7, 3, -1], [5.5, 2, 1.5], [1, Infinity, 1], [1, 0, NaN]),
  integers([-7, 2, -1], [7, -2, 1]),
)
export const pow = points<'pow'>(
  [2, -3, 0.125],
  [2, 0.5, 1.4142135623730951],
  [-8, 3, -512],
  [-8, 0.5, NaN],
  [0, 0, 1],
  [0, -1, Infinity],
  [1, NaN, 1],
)
export const atan2 = points<'atan2'>(
  [1, 2, 0.4636476090008061],
  [1, -1, 2.356194490192345],
  [0, -1, 3.141592653589793],
  [-0, -1, -3.141592653589793],
  [0, 0, 0],
)
export const logaddexp = points<'logaddexp'>(
  [0, 0, 0.6931471805599453],
  [1, 2, 2.313261687518223],
  [-Infinity, 3, 3],
  [-Infinity, -Infinity, -Infinity],
  [Infinity, Infinity, Infinity],
)
export const max = all<'max'>(points<'max'>([1.5, -4, 1.5], [NaN, 1, NaN], [-Infinity, 1, 1]), integers([-3, 2, 2]))
export const min = all<'min'>(points<'min'>([1.5, -4, -4], [NaN, 1, NaN], [Infinity, 1, 1]), integers([-3, 2, -3]))

/** π²/6 and -2 ζ(3) at 1. */
export const polygamma = all<'polygamma'>(
  application(
    { order: 1 },
    [[1, 2.5, -0.5, 0, Infinity]],
    [1.6449340668482264, 0.49035775610023485, 8.934802200544679, Infinity, 0],
  ),
  application({ order: 2 }, [[1, 2.5, -0.5, 0]], [-2.4041138063191885, -0.2362040516417274, -0.82879664423432, NaN]),
)
export const isFinite = comparison<'isFinite'>([1.5, 1], [Infinity, 0], [-Infinity, 0], [NaN, 0])
export const not = all<'not'>(bools([0, 1], [1, 0]), integers([0, -1], [5, -6]))
export const integerPow = all<'integerPow'>(
  application({ exponent: 3 }, [[2, -1.5, -0, -Infinity]], [8, -3.375, -0, -Infinity]),
  application({ exponent: -2 }, [[2, 0]], [0.25, Infinity]),
  application({ exponent: 0 }, [[NaN, 0]], [1, 1]),
)
export const cast = all<'cast'>(
  application({ dtype: 'int32', weak: false }, [[1.9, -1.9, NaN, 1e10]], { int32: [1, -1, 0, 2147483647] }),
  application({ dtype: 'bool', weak: false }, [[0, -0, 0.5, NaN]], { bool: [0, 0, 1, 1] }),
  application({ dtype: 'uint8', weak: false }, [{ int32: [-1, 256, 7] }], { uint8: [255, 0, 7] }),
)
export const bitcast = application<'bitcast'>({ dtype: 'int32' }, [{ float32: [1, -0] }], {
  int32: [0x3f800000, -0x80000000],
})
export const stopGradient = points<'stopGradient'>([1.5, 1.5], [-0, -0], [NaN, NaN])
export const filler = points<'filler'>([1.5, 1.5], [-0, -0], [NaN, NaN])

export const nextafter = all<'nextafter'>(
  application(none, [{ float32: [1, 0, 1, NaN] }, { float32: [2, -1, 1, 0] }], {
    float32: [1 + 2 ** -23, -(2 ** -149), 1, NaN],
  }),
  application(none, [{ float64: [1, 0] }, { float64: [2, -1] }], { float64: [1 + 2 ** -52, -(2 ** -1074)] }),
)
export const and = all<'and'>(bools([1, 1, 1], [1, 0, 0]), integers([12, 10, 8]))
export const or = all<'or'>(bools([0, 0, 0], [1, 0, 1]), integers([12, 10, 14]))
export const xor = all<'xor'>(bools([1, 1, 0], [1, 0, 1]), integers([12, 10, 6]))
export const shiftLeft = integers<'shiftLeft'>([3, 2, 12], [-1, 31, -2147483648], [1, 32, 0])
export const shiftRightLogical = integers<'shiftRightLogical'>([12, 2, 3], [-1, 28, 15], [-1, 32, 0])
export const shiftRightArithmetic = integers<'shiftRightArithmetic'>([12, 2, 3], [-8, 1, -4], [-1, 32, -1])
export const eq = comparison<'eq'>([1, 1, 1], [1, 2, 0], [0, -0, 1], [NaN, NaN, 0])
export const ne = comparison<'ne'>([1, 1, 0], [1, 2, 1], [0, -0, 0], [NaN, NaN, 1])
export const lt = comparison<'lt'>([1, 1, 0], [1, 2, 1], [-Infinity, 0, 1], [NaN, 1, 0])
export const le = comparison<'le'>([1, 1, 1], [2, 1, 0], [-Infinity, 0, 1], [NaN, 1, 0])
export const gt = comparison<'gt'>([1, 1, 0], [2, 1, 1], [0, -Infinity, 1], [NaN, 1, 0])
export const ge = comparison<'ge'>([1, 1, 1], [1, 2, 0], [0, -Infinity, 1], [NaN, 1, 0])
export const select = application<'select'>(none, [{ bool: [1, 0] }, [1.5, 2.5], [NaN, -4]], [1.5, -4])
export const clamp = points<'clamp'>([-1, 5, 1, 1], [-1, -5, 1, -1], [-1, 0.5, 1, 0.5], [-1, NaN, 1, NaN])

/** Of the known answers of Random123 (Salmon and others, 2011). */
export const threefry2x32 = application<'threefry2x32'>(
  none,
  [
    { uint32: [0, 0xffffffff, 0x13198a2e] },
    { uint32: [0, 0xffffffff, 0x03707344] },
    { uint32: [0, 0xffffffff, 0x243f6a88] },
    { uint32: [0, 0xffffffff, 0x85a308d3] },
  ],
  { uint32: [0x6b200159, 0x1cb996fc, 0xc4923a9c] },
  { uint32: [0x99ba4efe, 0xbb002be7, 0x483df7a0] },
)

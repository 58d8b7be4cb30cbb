/** Accumulators of reductions. Sums and products of float32 are computed in float64, as in the reference. */
import type { DType } from '../../../core/dtype.ts'
import { isFloat } from '../../../core/dtype.ts'
import type { FoldName } from '../../../primitives/folds.ts'
import { identityOf } from '../../../primitives/folds.ts'
import type { Code, Local } from '../asm/index.ts'
import { i32x4, op, shuffle32, shuffle64 } from '../asm/index.ts'
import type { Lanes, Vector } from './lanes.ts'
import { isWide, splatLiteral } from './lanes.ts'
import { combine } from './operations.ts'

const highHalf = (x: Vector): Vector => shuffle32(x, x, [2, 3, 2, 3])
const promote = (x: Vector): Vector => op('f64x2.promote_low_f32x4', x)

/** The state of a reduction, lane by lane. */
export class Accumulator {
  readonly #code: Code
  readonly #fold: FoldName
  readonly #dtype: DType
  /** The dtype of the accumulator. */
  readonly #inner: DType
  readonly #lanes: Lanes
  readonly #parts: readonly Local<'v128'>[]
  /** For extrema of floats: the lanes that have had a NaN. Tracking it separately takes a third of the instructions. */
  readonly #nans: Local<'v128'> | null

  /** `lanes` is the number of elements at a time. */
  constructor(code: Code, fold: FoldName, dtype: DType, lanes: Lanes) {
    this.#code = code
    this.#fold = fold
    this.#dtype = dtype
    this.#lanes = lanes
    this.#inner = dtype === 'float32' && (fold === 'sum' || fold === 'prod') ? 'float64' : dtype
    const count = this.#inner !== dtype && lanes === 4 ? 2 : 1
    this.#parts = Array.from({ length: count }, () =>
      code.variable(splatLiteral(identityOf(fold, this.#inner), this.#inner)),
    )
    const isExtremum = (fold === 'max' || fold === 'min') && isFloat(dtype)
    this.#nans = isExtremum ? code.variable(i32x4(0)) : null
  }

  #combine(x: Vector, y: Vector): Vector {
    return combine(this.#fold, this.#inner, x, y)
  }

  /** Accumulates elements, one in each lane. */
  add(elements: Vector): void {
    const x = this.#code.let(elements)
    if (this.#nans !== null) {
      this.#addExtremum(this.#parts[0]!, this.#nans, x)
      return
    }
    const values = this.#inner === this.#dtype ? [x] : [promote(x), promote(highHalf(x))]
    this.#parts.forEach((part, i) => {
      this.#code.set(part, this.#combine(part.get, values[i]!))
    })
  }

  #addExtremum(part: Local<'v128'>, nans: Local<'v128'>, x: Vector): void {
    const isMax = this.#fold === 'max'
    if (isWide(this.#dtype)) {
      this.#code.set(part, op(isMax ? 'f64x2.pmax' : 'f64x2.pmin', part.get, x))
      this.#code.set(nans, op('v128.or', nans.get, op('f64x2.ne', x, x)))
    } else {
      this.#code.set(part, op(isMax ? 'f32x4.pmax' : 'f32x4.pmin', part.get, x))
      this.#code.set(nans, op('v128.or', nans.get, op('f32x4.ne', x, x)))
    }
  }

  #values(): readonly Vector[] {
    const nans = this.#nans
    // All bits set are a NaN.
    return this.#parts.map((p) => (nans === null ? p.get : op('v128.or', p.get, nans.get)))
  }

  #narrow(x: Vector): Vector {
    return this.#inner === this.#dtype ? x : op('f32x4.demote_f64x2_zero', x)
  }

  /** The results, one in each lane. */
  lanes(): Vector {
    const [first, second] = this.#values().map((x) => this.#narrow(x))
    return second === undefined ? first! : shuffle32(first!, second, [0, 1, 4, 5])
  }

  /** The result of all lanes together, in all lanes; `rest` has further elements in its first lane. */
  total(rest: Accumulator | null): Vector {
    const [first, second] = this.#values()
    let x = second === undefined ? first! : this.#combine(first!, second)
    if (isWide(this.#inner)) x = this.#combine(x, shuffle64(x, x, [1, 0]))
    else {
      // With two lanes, the others are ignored.
      if (this.#lanes === 4) x = this.#combine(x, shuffle32(x, x, [2, 3, 0, 1]))
      x = this.#combine(x, shuffle32(x, x, [1, 0, 3, 2]))
    }
    if (rest !== null) x = this.#combine(x, rest.#values()[0]!)
    const result = this.#narrow(x)
    return isWide(this.#dtype) ? shuffle64(result, result, [0, 0]) : shuffle32(result, result, [0, 0, 0, 0])
  }
}

import type { DType } from './dtype.ts'
import { shortName } from './dtype.ts'
import type { Shape } from './shape.ts'
import { sameShape, sizeOf } from './shape.ts'
import { uncloneable } from './uncloneable.ts'

/**
 * Abstract value: what is known of an array without its elements. In promotion, a weak type takes the other operand's dtype, as
 * a JS number does.
 */
export class Aval {
  /** @internal Arrays and programs hold these: a clone of one fails at once. */
  readonly uncloneable: symbol = uncloneable
  readonly dtype: DType
  readonly shape: Shape
  readonly weak: boolean
  /** Elements in an array of this shape. */
  readonly size: number
  #key: string | undefined

  constructor(dtype: DType, shape: Shape, weak = false) {
    this.dtype = dtype
    this.shape = shape
    this.weak = weak
    this.size = sizeOf(shape)
  }

  get rank(): number {
    return this.shape.length
  }

  /** Equal for equal types: the printed form, made once. */
  get key(): string {
    return (this.#key ??= this.toString())
  }

  /** JAX's short notation: `f32[2,3]`, with a `~` before weak types. */
  toString(): string {
    return `${this.weak ? '~' : ''}${shortName(this.dtype)}[${this.shape.join(',')}]`
  }

  /** Equal dtype, shape and weakness. */
  equals(other: Aval): boolean {
    return this.weak === other.weak && this.matches(other)
  }

  /** Equal dtype and shape. */
  matches(other: Aval): boolean {
    return this === other || (this.dtype === other.dtype && sameShape(this.shape, other.shape))
  }

  withShape(shape: Shape): Aval {
    return new Aval(this.dtype, shape, this.weak)
  }

  withDType(dtype: DType): Aval {
    return new Aval(dtype, this.shape, false)
  }

  strengthen(): Aval {
    return this.weak ? new Aval(this.dtype, this.shape, false) : this
  }
}

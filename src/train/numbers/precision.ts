/** 16-bit floats: casts of trees, and the loss scale that keeps small gradients above the smallest float16. */
import { isFloat } from '../../core/dtype.ts'
import type { DType } from '../../core/dtype.ts'
import { floatDType } from '../../models/doors.ts'
import * as np from '../../numpy/index.ts'
import { mapTree } from '../../optim/trees.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'

/** Dtypes that a loss can be computed in. */
export type FloatDType = 'float16' | 'bfloat16' | 'float32' | 'float64'

/** How the loss scale changes; the defaults are those of PyTorch's GradScaler. */
export interface LossScaleOptions {
  /** The first scale; 65536 by default. */
  readonly initScale?: number
  /** The factor after `growthInterval` steps without infinities; 2 by default. */
  readonly growthFactor?: number
  /** The factor after a step with infinities; 0.5 by default. */
  readonly backoffFactor?: number
  /** 2000 by default. */
  readonly growthInterval?: number
}

export const lossScaleTable: must.OptionTable<LossScaleOptions> = {
  initScale: must.positive,
  growthFactor: must.positive,
  backoffFactor: must.positive,
  growthInterval: must.count,
}

/** The scale of the loss, and for how many steps it has stayed the same. */
export interface LossScale {
  readonly scale: NDArray
  /** Steps without infinities since the scale changed; int32. */
  readonly held: NDArray
}

export const initLossScale = ({ initScale = 65_536 }: LossScaleOptions): LossScale => ({
  scale: np.array(initScale),
  held: np.array(0, { dtype: 'int32' }),
})

/** The scale for the next step: it shrinks after infinities, and grows after `growthInterval` steps without. */
export const nextLossScale = ({ scale, held }: LossScale, finite: NDArray, options: LossScaleOptions): LossScale => {
  const { growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000 } = options
  const good = np.where(finite, np.add(held, 1), 0)
  const full = np.greaterEqual(good, growthInterval)
  const grown = np.multiply(scale, growthFactor)
  // As in PyTorch, a scale that would become infinite does not grow.
  const next = np.where(np.logicalAnd(full, np.isfinite(grown)), grown, scale)
  return {
    scale: np.where(finite, next, np.multiply(scale, backoffFactor)),
    held: np.where(full, 0, good).astype('int32'),
  }
}

const castFloatsDoor = must.door('castFloats', { tree: must.anything, dtype: must.required(floatDType) })

/**
 * The tree with its floats in one dtype; integers and bools stay. Parameters in 16 bits take half the memory, and `makeStep`
 * computes with them in float32.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { castFloats } from 'pullback/train'
 * const half = castFloats({ w: np.ones([2]), n: np.array([1], { dtype: 'int32' }) }, 'bfloat16')
 * half.w.dtype // => bfloat16
 * half.n.dtype // => int32
 * ```
 */
export const castFloats = <T>(tree: T, dtype: FloatDType): T => {
  castFloatsDoor(tree, dtype)
  return mapTree('castFloats', (x) => (isFloat(x.dtype) && x.dtype !== dtype ? x.astype(dtype) : x), tree)
}

const isNarrow = (dtype: DType): boolean => dtype === 'float16' || dtype === 'bfloat16'

/** 16-bit floats as float32, for gradients and optimizers. */
export const widenFloats = <T>(tree: T): T =>
  mapTree('makeStep', (x) => (isNarrow(x.dtype) ? x.astype('float32') : x), tree)

/** A tree in the dtypes of another. */
export const castLike = <T>(tree: T, like: unknown): T =>
  mapTree('makeStep', (x, y) => (x.dtype === y.dtype ? x : x.astype(y.dtype)), tree, like)

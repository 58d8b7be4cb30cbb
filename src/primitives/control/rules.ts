/** Shared helpers of the rules of control flow. */
import type { Marks } from '../../core/marks.ts'
import { insertAt } from '../../core/shape.ts'
import { argmax } from '../../ops/reduction.ts'
import { cast, filler, select } from '../../ops/elementwise.ts'
import { broadcast, dynamicSlice } from '../../ops/movement.ts'
import { scalar } from '../../ops/creation.ts'
import type { NDArray } from '../../trace/value.ts'

/** Marks that `step` adds to, until it adds no more. */
export const fixedPoint = (start: Marks, step: (marks: Marks) => Marks): Marks => {
  let marks = start
  for (;;) {
    const next = step(marks)
    if (next.every((m, i) => !m || marks[i])) return marks
    marks = marks.map((m, i) => m || next[i] === true)
  }
}

/** A vector of bools, broadcast to a batch of values: each element is for one row. */
export const rowMask = (mask: NDArray, like: NDArray): NDArray => broadcast(mask, like.aval.shape, [0])

/**
 * Batched values (where marked) in which the lanes out of `mask` have the values of the first lane in it. The results of those
 * lanes are discarded. With a live lane's values they have no NaN of their own, which would come back as NaN gradients (0 · ∞)
 * even though they are discarded.
 */
export const fillIdleLanes = (mask: NDArray, values: readonly NDArray[], batched: Marks): NDArray[] => {
  if (mask.aval.size === 0) return [...values]
  const first = argmax(cast(mask, 'int32'), 0)
  return values.map((x, i) => {
    if (batched[i] !== true) return x
    const { shape } = x.aval
    const zero = scalar(0, 'int32')
    const lane = dynamicSlice(x, [first, ...shape.slice(1).map(() => zero)], insertAt(shape.slice(1), 0, 1))
    const filling = broadcast(
      filler(lane),
      shape,
      shape.map((_, d) => d),
    )
    return select(rowMask(mask, x), x, filling)
  })
}

/**
 * Reads and writes values at the positions of windows' extrema: the derivative of `reduceWindowMax` and `reduceWindowMin`,
 * and its transpose. The first of equal extrema counts, or the first NaN; padding counts as an infinity that never wins. Both
 * are linear in the values. They are locally constant in the other operand, which has no derivative.
 */
import type { Aval } from '../../core/aval.ts'
import type { TypedArray } from '../../core/dtype.ts'
import { allocate } from '../../core/dtype.ts'
import { DTypeError, ShapeError } from '../../core/errors.ts'
import { sameShape } from '../../core/shape.ts'
import type { SelectParams } from '../../ir/op.ts'
import { selectAndGatherAdd, selectAndScatterAdd } from '../../ops/convolution.ts'
import { bind } from '../../trace/interpreter.ts'
import { checkAccepts, materialize, oneBatched, single } from '../kinds.ts'
import type { Primitive } from '../primitive.ts'
import { slidingAxes, windowTable } from './sliding.ts'
import { windowedType, withBatchAxis } from './window.ts'

type SelectName = 'selectAndGatherAdd' | 'selectAndScatterAdd'

/** The index of each window's extremum; -1 where that is padding. */
const extremalPlaces = (params: SelectParams, data: TypedArray, x: Aval, outputs: number): Int32Array => {
  const table = windowTable(slidingAxes(x.shape, params))
  const xs = data as Float64Array
  const sign = params.select === 'max' ? 1 : -1
  const heightAt = (place: number): number => (place < 0 ? -Infinity : sign * xs[place]!)
  const places = new Int32Array(outputs)
  const area = outputs === 0 ? 0 : table.length / outputs
  for (let p = 0; p < outputs; p++) {
    let best = table[p * area]!
    for (let n = p * area + 1; n < (p + 1) * area; n++) {
      const [top, height] = [heightAt(best), heightAt(table[n]!)]
      // The negation lets a NaN win, and nothing wins against it.
      if (!Number.isNaN(top) && !(height <= top)) best = table[n]!
    }
    places[p] = best
  }
  return places
}

/** Throws unless both operands are floats of one dtype and the values are of the shape given. */
const checkValues = (op: SelectName, [values, x]: readonly Aval[], wanted: Aval): void => {
  checkAccepts(op, 'float', x!)
  if (values!.dtype !== x!.dtype) throw new DTypeError(`${op} takes operands of one dtype, got ${values} and ${x}.`)
  if (sameShape(values!.shape, wanted.shape)) return
  throw new ShapeError(`${op}: the values must be of shape [${wanted.shape.join(', ')}], got ${values} for ${x}.`)
}

const selection = (op: SelectName): Pick<Primitive<SelectName>, 'jvp' | 'batch' | 'facts'> => ({
  jvp: (params, [values, x], [t]) =>
    single(bind(op, params, [values!, x!]), t === null ? null : bind(op, params, [t!, x!])),
  batch: (params, [values, x], [valuesAxis, xAxis], size) => {
    const axis = xAxis ?? valuesAxis!
    const operands = [materialize(values!, valuesAxis!, axis, size), materialize(x!, xAxis!, axis, size)]
    return oneBatched(bind(op, withBatchAxis(params, axis), operands), axis)
  },
  facts: {},
})

export const selectAndGatherAddP: Primitive<'selectAndGatherAdd'> = {
  ...selection('selectAndGatherAdd'),
  type: (params, [values, x]) => {
    const out = windowedType('selectAndGatherAdd', params, x!)
    checkValues('selectAndGatherAdd', [values!, x!], x!)
    return [values!.withShape(out.shape)]
  },
  evaluate: (params, [values, data], [, x], [out]) => {
    const result = allocate(out!.dtype, out!.size) as Float64Array
    const vs = values as Float64Array
    extremalPlaces(params, data!, x!, out!.size).forEach((place, p) => {
      if (place >= 0) result[p] = vs[place]!
    })
    return [result]
  },
  transpose: (params, [ct], [, x]) => [selectAndScatterAdd(ct!, x as never, params), null],
}

export const selectAndScatterAddP: Primitive<'selectAndScatterAdd'> = {
  ...selection('selectAndScatterAdd'),
  facts: { rounds: 'in any order' },
  type: (params, [values, x]) => {
    checkValues('selectAndScatterAdd', [values!, x!], windowedType('selectAndScatterAdd', params, x!))
    return [values!.withShape(x!.shape)]
  },
  evaluate: (params, [values, data], [{ size }, x]: readonly [Aval, Aval], [out]) => {
    const sums = new Float64Array(out!.size)
    const vs = values as Float64Array
    extremalPlaces(params, data!, x, size).forEach((place, p) => {
      if (place >= 0) sums[place]! += vs[p]!
    })
    const result = allocate(out!.dtype, out!.size)
    result.set(sums as never)
    return [result]
  },
  transpose: (params, [ct], [, x]) => [selectAndGatherAdd(ct!, x as never, params), null],
}

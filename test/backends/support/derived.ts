/** Gradients and batches of programs, as programs. */
import type { NDArray, Program } from 'pullback'
import { evalProgram, makeProgram, np, optimize, vjp, vmap } from 'pullback'
import type { RandomProgram } from 'pullback/testing'
import { isFloat } from '../../../src/core/dtype.ts'

/** From float inputs to the cotangents that their outputs' pull back; null where there is nothing to differentiate. */
export const gradientOf = (
  f: (...xs: readonly NDArray[]) => readonly NDArray[],
  point: readonly NDArray[],
): Program | null => {
  if (point.length === 0) return null
  const pull = (...xs: NDArray[]): readonly NDArray[] => {
    const [ys, pullback] = vjp(f, ...xs)
    const cotangents = ys.map((y) => np.add(np.multiply(y, 0.3), 1))
    return pullback(cotangents)
  }
  return optimize(makeProgram(pull)(...point))
}

/** The gradient of a program's float outputs by its float inputs. */
export const gradientOfProgram = ({ program, inputs }: RandomProgram): RandomProgram | null => {
  const places = inputs.flatMap((x, i) => (isFloat(x.dtype) ? [i] : []))
  const point = places.map((i) => inputs[i]!)
  const f = (...xs: readonly NDArray[]): readonly NDArray[] => {
    const full = inputs.map((x, i) => (places.includes(i) ? xs[places.indexOf(i)]! : x))
    return evalProgram(program, full).filter((y) => isFloat(y.dtype))
  }
  const gradient = gradientOf(f, point)
  return gradient === null ? null : { program: gradient, inputs: point }
}

/** A program over a batch of three. */
export const batchOf = ({ program, inputs }: RandomProgram): RandomProgram | null => {
  if (inputs.length === 0) return null
  const stacked = inputs.map((x) => np.stack([x, np.roll(x, 1), np.roll(x, 2)]))
  const mapped = makeProgram(vmap((...xs: NDArray[]) => evalProgram(program, xs)))(...stacked)
  return { program: optimize(mapped), inputs: stacked }
}

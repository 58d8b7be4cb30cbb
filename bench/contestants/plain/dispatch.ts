import type { Call } from '../../tasks/dispatch.ts'
import { at, eight } from '../../tasks/dispatch.ts'
import type { Work, Works } from '../../tasks/row.ts'

const timesTwoPlusOne = (): Float32Array => {
  const out = new Float32Array(8)
  for (let i = 0; i < 8; i++) out[i] = eight[i]! * 2 + 1
  return out
}

const loop = (): Work => ({ run: timesTwoPlusOne, values: () => [timesTwoPlusOne()] })

export const works: Works<Call> = {
  'W8.jit': loop,
  'W8.eager': loop,
  'W8.grad': () => {
    const derivative = (): number => 2 * at * Math.cos(at * at)
    return { run: derivative, values: () => [Float32Array.of(derivative())] }
  },
}

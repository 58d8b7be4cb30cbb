/** Feed-forward layers with a gate: Shazeer, "GLU Variants Improve Transformer" (2020). */
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import type { Activation } from './layers.ts'
import { applyActivation, applyLinear } from './layers.ts'
import type { ParamsOf } from './spec.ts'
import { linear } from './spec.ts'

/** The parameters, under the names of Llama and later models. */
export const gatedMlp = (hiddenSize: number, intermediateSize: number, bias: boolean) => ({
  gate_proj: linear(intermediateSize, hiddenSize, bias),
  up_proj: linear(intermediateSize, hiddenSize, bias),
  down_proj: linear(hiddenSize, intermediateSize, bias),
})

/** `down(f(gate(x)) · up(x))`. */
export const applyGatedMlp = (
  { gate_proj, up_proj, down_proj }: ParamsOf<ReturnType<typeof gatedMlp>>,
  x: NDArray,
  activation: Activation,
): NDArray => {
  const gate = applyActivation(activation, applyLinear(gate_proj, x))
  return applyLinear(down_proj, np.multiply(gate, applyLinear(up_proj, x)))
}

/** Numbers in blocks: what code above the rules imports, so that their records are loaded. Rules use `ops/quantized.ts`. */
import * as ops from '../ops/quantized.ts'
import { dequantizeP, quantizedDotP } from './quantized.ts'
import { install } from './registry.ts'

export const records = install({
  dequantize: dequantizeP,
  quantizedDot: quantizedDotP,
})

export const dequantize = ops.dequantize
export const quantizedDot = ops.quantizedDot

/** Convolution and windows: what code above the rules imports, so that their records are loaded. Rules use `ops/convolution.ts`. */
import * as ops from '../../ops/convolution.ts'
import { convP } from './conv.ts'
import * as selection from './selection.ts'
import * as window from './window.ts'
import { install } from '../registry.ts'

export const records = install({
  conv: convP,
  reduceWindowSum: window.reduceWindowSumP,
  reduceWindowMax: window.reduceWindowMaxP,
  reduceWindowMin: window.reduceWindowMinP,
  selectAndGatherAdd: selection.selectAndGatherAddP,
  selectAndScatterAdd: selection.selectAndScatterAddP,
})

export const conv = ops.conv
export const reduceWindowSum = ops.reduceWindowSum
export const reduceWindowMax = ops.reduceWindowMax
export const reduceWindowMin = ops.reduceWindowMin

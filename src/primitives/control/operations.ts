/** Control flow: what code above the rules imports, so that their records are loaded. Rules use `ops/control.ts`. */
import * as ops from '../../ops/control.ts'
import { callbackP } from './callback.ts'
import { checkpointNameP, checkpointP } from './checkpoint.ts'
import { condP } from './cond.ts'
import { linearSolveP } from './linearSolve.ts'
import { rootP } from './root.ts'
import { scanP } from './scan.ts'
import { whileP } from './while.ts'
import { install } from '../registry.ts'

export const records = install({
  cond: condP,
  while: whileP,
  scan: scanP,
  linearSolve: linearSolveP,
  root: rootP,
  callback: callbackP,
  checkpoint: checkpointP,
  checkpointName: checkpointNameP,
})

export const cond = ops.cond
export const whileLoop = ops.whileLoop
export const scan = ops.scan
export const checkpoint = ops.checkpoint
export const checkpointName = ops.checkpointName
export const recompute = ops.recompute
export const linearSolve = ops.linearSolve
export const callback = ops.callback
export const root = ops.root

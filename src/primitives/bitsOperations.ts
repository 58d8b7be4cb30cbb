/** The cipher behind random numbers: what code above the rules imports, so that their records are loaded. Rules use `ops/bits.ts`. */
import * as ops from '../ops/bits.ts'
import { threefry2x32P } from './bits.ts'
import { install } from './registry.ts'

export const records = install({
  threefry2x32: threefry2x32P,
})

export const threefry2x32 = ops.threefry2x32

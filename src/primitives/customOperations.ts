/** User-defined rules: what code above the rules imports, so that their records are loaded. Rules use `ops/custom.ts`. */
import * as ops from '../ops/custom.ts'
import * as custom from './custom.ts'
import { install } from './registry.ts'

export const records = install({
  customJvp: custom.customJvpP,
  customVjp: custom.customVjpP,
  customLinear: custom.customLinearP,
})

export const customJvp = ops.customJvp
export const customVjp = ops.customVjp

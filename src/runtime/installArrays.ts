/**
 * Arrays come to life here: importing this module gives them their methods and gives operations their meaning. It
 * fills the library's own cells and touches nothing else, so that it may be dropped where no array is used.
 */
import { installRoot } from '../trace/interpreter.ts'
import type { Surface } from '../trace/surface.ts'
import { installSurface } from '../trace/surface.ts'
import * as arithmetic from '../surface/arithmetic.ts'
import { dot, matmul } from '../surface/contract.ts'
import * as convert from '../conversions/convert.ts'
import { take } from '../surface/indexing.ts'
import * as reduce from '../surface/reduce.ts'
import * as shape from '../surface/shape.ts'
import { at } from '../surface/updates.ts'
import { eagerInterpreter } from './eager.ts'

/** What methods of arrays forward to, and `np` gives to users. */
export const functions: Surface = {
  ...arithmetic,
  ...shape,
  sum: reduce.sum,
  mean: reduce.mean,
  prod: reduce.prod,
  max: reduce.max,
  min: reduce.min,
  var: reduce.variance,
  std: reduce.std,
  all: reduce.all,
  any: reduce.any,
  argmax: reduce.argmax,
  argmin: reduce.argmin,
  cumsum: reduce.cumsum,
  cumprod: reduce.cumprod,
  dot,
  matmul,
  take,
  at,
}

// What is made by a function has no name of its own; `jit(np.sin)` is called by it.
for (const [name, value] of Object.entries(functions)) Object.defineProperty(value, 'name', { value: name })

installSurface(functions)
installRoot(eagerInterpreter)

// Not re-exported: bundlers leave out a module that they can see through, and what it installs.
export const { arrayFor, asArray, asIndices, isArrayLeaf, makeArray } = convert
export const { float, truth } = arithmetic

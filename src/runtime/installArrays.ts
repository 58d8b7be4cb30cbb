/**
 * Importing this module installs the methods of arrays and the meaning of operations. It only sets the library's own cells, so
 * a bundler may drop it where no array is used.
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

/** The functions that methods of arrays forward to, and that `np` exports. */
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

// Not re-exported directly: bundlers would skip this module, and with it what it installs.
export const { arrayFor, asArray, asIndices, isArrayLeaf, makeArray } = convert
export const { float, truth } = arithmetic

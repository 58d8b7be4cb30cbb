/**
 * One recipe per operation. An operation of `OpParams` without a recipe here does not compile, so that all are covered by the
 * laws, the random programs and the conformance of back ends.
 */
import type { OpName } from '../../ir/op.ts'
import type { Recipe } from '../draw.ts'
import * as control from './control.ts'
import * as convolution from './convolution.ts'
import * as custom from './custom.ts'
import * as elementwise from './elementwise.ts'
import * as indexing from './indexing.ts'
import * as linalg from './linalg.ts'
import * as movement from './movement.ts'
import * as quantized from './quantized.ts'
import * as reduction from './reduction.ts'
import { call } from './call.ts'

type Recipes = { readonly [N in OpName]: Recipe<N> }

// `while` is a reserved word, not a possible name of an export.
const { whileLoop, ...others } = control

const first = {
  ...elementwise,
  ...movement,
  ...reduction,
  ...indexing,
  ...custom,
  ...others,
  ...linalg,
  ...convolution,
  ...quantized,
  while: whileLoop,
}

/** How to choose a valid application of each operation. */
export const recipes: Recipes = {
  ...first,
  call: call(() => first),
}

/** Every operation's name. */
export const operations = Object.keys(recipes) as readonly OpName[]

/** Some true values of every operation. An operation of `OpParams` without any does not compile. */
import type { OpName } from '../../ir/op.ts'
import * as arrays from './arrays.ts'
import * as elementwise from './elementwise.ts'
import * as linalg from './linalg.ts'
import * as programs from './programs.ts'
import type { Truths } from './truth.ts'

const { whileLoop, ...others } = programs

export const truths: { readonly [N in OpName]: Truths<N> } = {
  ...elementwise,
  ...arrays,
  ...linalg,
  ...others,
  while: whileLoop,
}

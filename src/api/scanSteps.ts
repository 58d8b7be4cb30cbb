/** How the steps of a scan are carried out: one by one, several unrolled in a row, or in checkpointed blocks. */
import { cut } from '../core/marks.ts'
import type { ScanParams } from '../ir/op.ts'
import type { Program } from '../ir/program.ts'
import { call } from '../ops/calls.ts'
import * as control from '../primitives/control/operations.ts'
import { concatenate, reshape, sliceInDim } from '../ops/movement.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import { stage } from '../transforms/stage.ts'

type Values = readonly NDArray[]

/** Checks the option `unroll`. */
export const anUnroll = must.kind(
  'a boolean or an integer of at least 0 (0: all steps)',
  (x) => must.boolean.accepts(x) || must.natural.accepts(x),
)

/** Checks the option `checkpoint` of loops. */
export const aLoopCheckpoint = must.kind(
  "'none', 'sqrt' or a positive integer",
  (x) => x === 'none' || x === 'sqrt' || must.count.accepts(x),
)

/** How many steps are unrolled in a row. */
export const unrollOf = (unroll: number | boolean, length: number): number => {
  if (typeof unroll === 'boolean') return unroll ? Math.max(1, length) : 1
  return unroll === 0 ? Math.max(1, length) : unroll
}

/** How many steps reverse mode recomputes at once; null where it keeps the residuals of each step. */
export const blockOf = (checkpoint: 'none' | 'sqrt' | number, length: number): number | null => {
  if (checkpoint === 'none') return null
  if (checkpoint === 'sqrt') return Math.max(1, Math.ceil(Math.sqrt(length)))
  return checkpoint
}

const rolesOf = <T>({ consts, carry }: ScanParams, xs: readonly T[]) => {
  const [fixed, start, elements] = cut(xs, consts, carry, xs.length)
  return { fixed: fixed!, start: start!, elements: elements! }
}

/** The program of several steps of a scan, from their function on values. */
const stepsProgram = (params: ScanParams, steps: number, f: (params: ScanParams, args: Values) => Values): Program => {
  const { body, consts, carry } = params
  const avals = body.inAvals.map((a, i) => (i < consts + carry ? a : a.withShape([steps, ...a.shape])))
  return stage('scan', (args) => f({ ...params, length: steps }, args), avals).program
}

/** A scan of `block` steps at once; `blockProgram` makes the program of each block, and of the remaining steps at the end. */
const inBlocks = (
  params: ScanParams,
  operands: Values,
  block: number,
  blockProgram: (steps: number) => Program,
): Values => {
  const { length, reverse, carry } = params
  const blocks = Math.floor(length / block)
  const rest = length - blocks * block
  const { fixed, start, elements } = rolesOf(params, operands)
  // In reverse, the blocks are taken from the end, and the remaining steps come last.
  const [blocksAt, restAt] = reverse ? [rest, 0] : [0, blocks * block]
  const read = (at: number, count: number): NDArray[] => elements.map((x) => sliceInDim(x, at, at + count, 0))
  const outer = control.scan({ ...params, body: blockProgram(block), length: blocks }, [
    ...fixed,
    ...start,
    ...read(blocksAt, blocks * block).map((x) => reshape(x, [blocks, block, ...x.shape.slice(1)])),
  ])
  const ys = outer.slice(carry).map((y) => reshape(y, [blocks * block, ...y.shape.slice(2)]))
  if (rest === 0) return [...outer.slice(0, carry), ...ys]
  const tail = call(blockProgram(rest), 'rest', [...fixed, ...outer.slice(0, carry), ...read(restAt, rest)])
  const joined = ys.map((y, i) => {
    const other = tail[carry + i]!
    return concatenate(reverse ? [other, y] : [y, other], 0)
  })
  return [...tail.slice(0, carry), ...joined]
}

/** All steps, one after the other, without a loop. */
const writeOut = (params: ScanParams, operands: Values): Values => {
  const { body, length, reverse } = params
  const { fixed, start, elements } = rolesOf(params, operands)
  const ys = new Array<Values>(length)
  let carry: Values = start
  for (let step = 0; step < length; step++) {
    const i = reverse ? length - 1 - step : step
    const xs = elements.map((x) => reshape(sliceInDim(x, i, i + 1, 0), x.shape.slice(1)))
    const outs = call(body, 'step', [...fixed, ...carry, ...xs])
    carry = outs.slice(0, params.carry)
    ys[i] = outs.slice(params.carry).map((y) => reshape(y, [1, ...y.shape]))
  }
  const stacked = ys[0]!.map((_, k) =>
    concatenate(
      ys.map((y) => y[k]!),
      0,
    ),
  )
  return [...carry, ...stacked]
}

/** A scan whose body has `unroll` steps. */
const scanUnrolled = (params: ScanParams, operands: Values, unroll: number): Values => {
  const { length } = params
  if (length === 0 || unroll === 1) return control.scan(params, operands)
  const written = (steps: number): Program => stepsProgram(params, steps, writeOut)
  // A loop with one iteration, and remaining steps, would be as long.
  if (length < 2 * unroll) return call(written(length), 'steps', operands)
  return inBlocks(params, operands, unroll, written)
}

/** A scan that unrolls `unroll` steps at a time, and whose derivative keeps the carry only at every `block`-th step. */
export const scanSteps = (params: ScanParams, operands: Values, unroll: number, block: number | null): Values => {
  const { length } = params
  if (block === null || length === 0) return scanUnrolled(params, operands, unroll)
  const forgetful = (steps: number): Program => {
    const program = stepsProgram(params, steps, (p, args) => scanUnrolled(p, args, unroll))
    return stepsProgram(params, steps, (_, args) => control.recompute(program, args))
  }
  return inBlocks(params, operands, Math.min(block, length), forgetful)
}

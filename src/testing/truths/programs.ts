/** True values of operations that contain programs: bodies of simple arithmetic. */
import { Aval } from '../../core/aval.ts'
import { Literal } from '../../ir/program.ts'
import type { Program } from '../../ir/program.ts'
import { programOf } from '../recipes/write.ts'
import type { Truths } from './truth.ts'

const int = new Aval('int32', [])

const twice = (x: Aval): Program => programOf([x], (emit, p) => [emit('add', {}, [p, p], x)])
const product = (x: Aval): Program => programOf([x, x], (emit, p, q) => [emit('mul', {}, [p, q], x)])
const quotient = (x: Aval): Program => programOf([x, x], (emit, d, b) => [emit('div', {}, [b, d], x)])

/** The index of the branch is clamped. */
export const cond: Truths<'cond'> = (float) => {
  const x = new Aval(float, [])
  const branches = [twice(x), programOf([x], (emit, p) => [emit('neg', {}, [p], x)])]
  return [
    { params: { branches }, operands: [{ int32: 0 }, 3], results: [6] },
    { params: { branches }, operands: [{ int32: 9 }, 3], results: [-3] },
    { params: { branches }, operands: [{ int32: -4 }, 3], results: [6] },
  ]
}

/** Doubles while a count is below a bound, at most `maxSteps` times. */
export const whileLoop: Truths<'while'> = (float) => {
  const x = new Aval(float, [])
  const test = programOf([int, int, x], (emit, n, i) => [emit('lt', {}, [i, n], new Aval('bool', []))])
  const body = programOf([int, x], (emit, i, c) => [
    emit('add', {}, [i, new Literal(1, 'int32')], int),
    emit('add', {}, [c, c], x),
  ])
  const params = { cond: test, body, condConsts: 1, bodyConsts: 0, maxSteps: 6 }
  return [
    { params, operands: [{ int32: 3 }, { int32: 0 }, 1.5], results: [{ int32: 3 }, 12] },
    { params, operands: [{ int32: 0 }, { int32: 0 }, 1.5], results: [{ int32: 0 }, 1.5] },
    { params, operands: [{ int32: 99 }, { int32: 0 }, 1], results: [{ int32: 6 }, 64] },
  ]
}

/** c ← w c + x, from both ends. */
export const scan: Truths<'scan'> = (float) => {
  const x = new Aval(float, [])
  const body = programOf([x, x, x], (emit, w, c, element) => [
    emit('add', {}, [emit('mul', {}, [w, c], x), element], x),
    emit('mul', {}, [c, element], x),
  ])
  const params = { body, length: 3, consts: 1, carry: 1 }
  return [
    { params: { ...params, reverse: false }, operands: [2, 1, [1, 2, 3]], results: [19, [1, 6, 24]] },
    { params: { ...params, reverse: true }, operands: [2, 1, [1, 2, 3]], results: [25, [12, 10, 3]] },
  ]
}

export const call: Truths<'call'> = (float) => [
  { params: { program: product(new Aval(float, [])), name: 'product' }, operands: [3, 5], results: [15] },
]

/** 4 x = 10. */
export const linearSolve: Truths<'linearSolve'> = (float) => {
  const x = new Aval(float, [])
  const [times, over] = [product(x), quotient(x)]
  const params = { matvec: times, vecmat: times, solve: over, transposeSolve: over, consts: 1 }
  return [{ params, operands: [4, 10], results: [2.5] }]
}

/** 4 - x = 0; the guess does not matter. */
export const root: Truths<'root'> = (float) => {
  const x = new Aval(float, [])
  const residual = programOf([x, x], (emit, c, p) => [emit('sub', {}, [c, p], x)])
  const solve = programOf([x, x], (_, c) => [c])
  const tangentSolve = programOf([x, x, x], (emit, _c, _p, b) => [emit('neg', {}, [b], x)])
  return [{ params: { residual, solve, tangentSolve, consts: 1 }, operands: [4, -1], results: [4] }]
}

export const callback: Truths<'callback'> = (float) => [
  {
    params: {
      callback: { name: 'half', run: ([data]) => [(data as Float64Array).map((v) => v / 2)] },
      results: [new Aval(float, [2])],
      effect: false,
      vmapMethod: 'sequential',
    },
    operands: [[3, -1]],
    results: [[1.5, -0.5]],
  },
]

export const checkpoint: Truths<'checkpoint'> = (float) => [
  {
    params: {
      program: product(new Aval(float, [])),
      name: 'product',
      policies: [['nothingSaveable']],
      preventCse: true,
    },
    operands: [3, 5],
    results: [15],
  },
]

export const checkpointName: Truths<'checkpointName'> = () => [
  { params: { name: 'kept' }, operands: [[1.5, -0, NaN]], results: [[1.5, -0, NaN]] },
]

export const customJvp: Truths<'customJvp'> = (float) => {
  const x = new Aval(float, [])
  const rule = programOf([x, x], (emit, p, t) => [emit('add', {}, [p, p], x), t])
  return [{ params: { program: twice(x), rule, captured: 0, name: 'twice' }, operands: [3], results: [6] }]
}

export const customVjp: Truths<'customVjp'> = (float) => {
  const x = new Aval(float, [])
  const forward = programOf([x], (emit, p) => [emit('add', {}, [p, p], x)])
  const backward = programOf([x], (_, ct) => [ct])
  return [{ params: { program: twice(x), forward, backward, captured: 0, name: 'twice' }, operands: [3], results: [6] }]
}

/** The transpose of ct ↦ r ct. */
export const customLinear: Truths<'customLinear'> = (float) => [
  { params: { backward: product(new Aval(float, [])), residuals: 1, name: 'scaled' }, operands: [3, 5], results: [15] },
]

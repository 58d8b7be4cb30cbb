/** Recipes of control flow and checkpoints: small bodies that are not linear in anything. */
import { Aval } from '../../core/aval.ts'
import { Literal } from '../../ir/program.ts'
import type { PolicyRule } from '../../ir/op.ts'
import type { Recipe } from '../draw.ts'
import { domains } from '../draw.ts'
import { programOf } from './write.ts'

const int = new Aval('int32', [])

export const cond: Recipe<'cond'> = (draw) => {
  const index = draw.operand({ dtypes: ['int32'], shape: [], domain: domains.small })
  const x = draw.operand({ dtypes: draw.float })
  const { aval } = x
  const y = draw.operand({ dtypes: [aval.dtype], shape: aval.shape })
  const branches = [
    programOf([aval, aval], (emit, p, q) => [emit('sin', {}, [p], aval), q]),
    programOf([aval, aval], (emit, p, q) => [emit('mul', {}, [p, q], aval), emit('cos', {}, [q], aval)]),
    programOf([aval, aval], (emit, p) => [p, emit('neg', {}, [p], aval)]),
  ]
  return { params: { branches }, operands: [index, x, y] }
}

export const whileLoop: Recipe<'while'> = (draw) => {
  const count = draw.operand({ dtypes: ['int32'], shape: [], domain: domains.small })
  const x = draw.operand({ dtypes: draw.float })
  const { aval } = x
  const factor = draw.operand({ dtypes: [aval.dtype], shape: aval.shape })
  const start = draw.operand({ dtypes: ['int32'], shape: [], domain: domains.small })
  const test = programOf([int, int, aval], (emit, n, i) => [emit('lt', {}, [i, n], new Aval('bool', []))])
  const body = programOf([aval, int, aval], (emit, w, i, c) => {
    const next = emit('add', {}, [i, new Literal(1, 'int32')], int)
    return [next, emit('mul', {}, [emit('sin', {}, [c], aval), w], aval)]
  })
  return {
    params: { cond: test, body, condConsts: 1, bodyConsts: 1, maxSteps: 1 + draw.below(5) },
    operands: [count, factor, start, x],
  }
}

export const scan: Recipe<'scan'> = (draw) => {
  const length = draw.below(4)
  const init = draw.operand({ dtypes: draw.float, maxRank: 2 })
  const { aval } = init
  const factor = draw.operand({ dtypes: [aval.dtype], shape: aval.shape })
  const xs = draw.operand({ dtypes: [aval.dtype], shape: [length, ...aval.shape] })
  const body = programOf([aval, aval, aval], (emit, w, c, x) => {
    const scaled = emit('mul', {}, [emit('sin', {}, [c], aval), emit('cos', {}, [w], aval)], aval)
    return [emit('add', {}, [scaled, x], aval), emit('mul', {}, [c, x], aval)]
  })
  return {
    params: { body, length, reverse: draw.below(2) === 1, consts: 1, carry: 1 },
    operands: [factor, init, xs],
  }
}

const policies: readonly (readonly PolicyRule[])[] = [
  [['nothingSaveable']],
  [['everythingSaveable']],
  [['saveOnlyTheseNames', 'kept']],
  [['dotsSaveable'], ['saveOnlyTheseNames', 'kept']],
]

export const checkpoint: Recipe<'checkpoint'> = (draw) => {
  const x = draw.operand({ dtypes: draw.float })
  const { aval } = x
  const y = draw.operand({ dtypes: [aval.dtype], shape: aval.shape })
  const program = programOf([aval, aval], (emit, p, q) => {
    const kept = emit('checkpointName', { name: 'kept' }, [emit('sin', {}, [p], aval)], aval)
    return [emit('mul', {}, [emit('cos', {}, [kept], aval), q], aval)]
  })
  const params = { program, name: 'f', policies: draw.pick(policies), preventCse: draw.below(2) === 1 }
  return { params, operands: [x, y] }
}

export const checkpointName: Recipe<'checkpointName'> = (draw) => ({
  params: { name: 'named' },
  operands: [draw.operand({ dtypes: draw.numbers })],
})

/** A diagonal matrix. */
export const linearSolve: Recipe<'linearSolve'> = (draw) => {
  const b = draw.operand({ dtypes: draw.float })
  const { aval } = b
  const diagonal = draw.operand({ dtypes: [aval.dtype], shape: aval.shape, domain: domains.positive })
  const times = programOf([aval, aval], (emit, d, x) => [emit('mul', {}, [d, x], aval)])
  const over = programOf([aval, aval], (emit, d, x) => [emit('div', {}, [x, d], aval)])
  const params = { matvec: times, vecmat: times, solve: over, transposeSolve: over, consts: 1 }
  return { params, operands: [diagonal, b] }
}

/** The cube root, up to its sign: x³ = c. */
export const root: Recipe<'root'> = (draw) => {
  const guess = draw.operand({ dtypes: draw.float })
  const { aval } = guess
  const c = draw.operand({ dtypes: [aval.dtype], shape: aval.shape, domain: domains.nonzero })
  const residual = programOf([aval, aval], (emit, k, x) => [
    emit('sub', {}, [emit('integerPow', { exponent: 3 }, [x], aval), k], aval),
  ])
  const solve = programOf([aval, aval], (emit, k) => [emit('cbrt', {}, [k], aval)])
  const tangentSolve = programOf([aval, aval, aval], (emit, _, x, b) => {
    const square = emit('integerPow', { exponent: 2 }, [x], aval)
    const slope = emit('add', {}, [emit('add', {}, [square, square], aval), square], aval)
    return [emit('div', {}, [b, slope], aval)]
  })
  return { params: { residual, solve, tangentSolve, consts: 1 }, operands: [c, guess] }
}

/** The identity; with an effect, so that derivatives may ask for it. */
export const callback: Recipe<'callback'> = (draw) => {
  const x = draw.operand({ dtypes: draw.float })
  return {
    params: {
      callback: { name: 'copy', run: ([data]) => [data!.slice()] },
      results: [x.aval],
      effect: true,
      vmapMethod: draw.pick(['sequential', 'expandDims', 'broadcastAll'] as const),
    },
    operands: [x],
  }
}

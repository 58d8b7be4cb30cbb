/** Recipes of operations with user-defined derivatives: the sine, and a mask. */
import type { Aval } from '../../core/aval.ts'
import { Literal } from '../../ir/program.ts'
import type { Program } from '../../ir/program.ts'
import type { Recipe } from '../draw.ts'
import { programOf } from './write.ts'

const sine = (aval: Aval): Program => programOf([aval], (emit, x) => [emit('sin', {}, [x], aval)])

export const customJvp: Recipe<'customJvp'> = (draw) => {
  const x = draw.operand({ dtypes: draw.float })
  const { aval } = x
  const rule = programOf([aval, aval], (emit, p, t) => {
    const cosine = emit('cos', {}, [p], aval)
    return [emit('sin', {}, [p], aval), emit('mul', {}, [t, cosine], aval)]
  })
  return { params: { program: sine(aval), rule, captured: 0, name: 'sine' }, operands: [x] }
}

export const customVjp: Recipe<'customVjp'> = (draw) => {
  const x = draw.operand({ dtypes: draw.float })
  const { aval } = x
  const forward = programOf([aval], (emit, p) => [emit('sin', {}, [p], aval), emit('cos', {}, [p], aval)])
  const backward = programOf([aval, aval], (emit, cosine, ct) => [emit('mul', {}, [ct, cosine], aval)])
  return { params: { program: sine(aval), forward, backward, captured: 0, name: 'sine' }, operands: [x] }
}

export const customLinear: Recipe<'customLinear'> = (draw) => {
  const x = draw.operand({ dtypes: draw.float, maxRank: 2 })
  const { aval } = x
  const mask = draw.operand({ dtypes: ['bool'], shape: aval.shape })
  const backward = programOf([mask.aval, aval], (emit, m, ct) => {
    const zero = new Literal(0, aval.dtype)
    const zeros = aval.rank === 0 ? zero : emit('broadcast', { shape: aval.shape, dims: [] }, [zero], aval)
    return [emit('select', {}, [m, ct, zeros], aval)]
  })
  return { params: { backward, residuals: 1, name: 'masked' }, operands: [mask, x] }
}

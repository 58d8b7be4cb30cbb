import type { Code, Expr, Func } from '../../asm/index.ts'
import { lane, op, result } from '../../asm/index.ts'
import { createTools } from '../float64/tools.ts'
import type { HostFunction } from '../host.ts'
import type { MathContext, Vector } from '../vectorMath.ts'
import type { Kit } from './arithmetic.ts'
import { add, anyTrue, mul } from './arithmetic.ts'
import { add64, mul64 } from './halves.ts'

/** Lane by lane: promoted to float64, handed to the function, demoted. */
const callLane = (f: Func, index: number, operands: readonly Vector[]): Expr<'f32'> =>
  op('f32.demote_f64', result(f, ...operands.map((x) => op('f64.promote_f32', lane('f32x4.extract_lane', index, x)))))

export const createKit = (context: MathContext): Kit<HostFunction> => {
  const { module, relaxed, host } = context
  const defined = new Map<string, Func>()
  const slowFunction = (name: string, operands: number, body: (code: Code) => Vector): Func => {
    let f = defined.get(name)
    if (f === undefined) {
      const params = Array.from({ length: operands }, () => 'v128' as const)
      f = module.function(params, 'v128', (code) => {
        code.return(body(code))
      })
      defined.set(name, f)
    }
    return f
  }
  return {
    tools64: createTools(context),
    madd: relaxed ? (a, b, c): Vector => op('f32x4.relaxed_madd', a, b, c) : (a, b, c): Vector => add(mul(a, b), c),
    madd64: relaxed
      ? (a, b, c): Vector => op('f64x2.relaxed_madd', a, b, c)
      : (a, b, c): Vector => add64(mul64(a, b), c),
    rarely: (name, mask, fast, operands, slow) => {
      const f = slowFunction(name, operands.length + 1, (code) => {
        const [first, ...rest] = code.params.map((_, i) => code.param<'v128'>(i))
        return slow(code, first!, rest)
      })
      return module.rarely(anyTrue(mask), f, fast, ...operands)
    },
    byHost: (code, name, mask, fast, operands) => {
      const needed = code.let(mask)
      const y = code.variable(fast)
      const args = operands.map((x) => code.let(x))
      for (let i = 0; i < 4; i++) {
        code.if(lane('i32x4.extract_lane', i, needed), () => {
          code.set(y, lane('f32x4.replace_lane', i, y.get, callLane(host(name), i, args)))
        })
      }
      return y.get
    },
  }
}

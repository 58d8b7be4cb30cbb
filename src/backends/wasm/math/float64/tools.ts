/** What the functions on float64 share: polynomials, and what is done for the few lanes that the fast way does not serve. */
import type { Expr, Func } from '../../asm/index.ts'
import { i64, lane, op, result } from '../../asm/index.ts'
import type { HostFunction } from '../host.ts'
import type { MathContext, Vector } from '../vectorMath.ts'
import type { Polynomial } from './vector.ts'
import { anyLane, createPolynomial } from './vector.ts'

/** `H`: the functions in JavaScript that a function may call, which its row in functions.ts has to name. */
export interface Tools<H extends HostFunction = never> {
  readonly polynomial: Polynomial
  /** `fast`, or `repair(fast, x)` if the condition holds. One function is made for each name. */
  readonly repairIf: (
    condition: Expr<'i32'>,
    name: string,
    fast: Vector,
    x: Vector,
    repair: (fast: Vector, x: Vector) => Vector,
  ) => Vector
  /** `fast`, with what JavaScript's function gives in the lanes where the mask, a function of the arguments, is set. */
  readonly callWhere: (
    mask: (...args: readonly Vector[]) => Vector,
    name: H,
    fast: Vector,
    ...args: readonly Vector[]
  ) => Vector
}

export const createTools = ({ module, relaxed, host }: MathContext): Tools<HostFunction> => {
  const defined = new Map<string, Func>()
  const once = (name: string, define: () => Func): Func => {
    const func = defined.get(name) ?? define()
    defined.set(name, func)
    return func
  }

  const defineRepair = (repair: (fast: Vector, x: Vector) => Vector): Func =>
    module.function(['v128', 'v128'], 'v128', (code) => {
      code.return(repair(code.param(0), code.param(1)))
    })

  const defineCalls = (name: HostFunction, mask: (...args: readonly Vector[]) => Vector): Func => {
    const call = host(name)
    const types = ['v128' as const, ...call.params.map(() => 'v128' as const)]
    return module.function(types, 'v128', (code) => {
      const args = call.params.map((_, i) => code.param<'v128'>(i + 1))
      const wanted = code.let(mask(...args))
      const results = code.variable(code.param<'v128'>(0))
      for (const i of [0, 1]) {
        code.if(op('i64.ne', lane('i64x2.extract_lane', i, wanted), i64(0n)), () => {
          const lanes = args.map((x) => lane('f64x2.extract_lane', i, x))
          code.set(results, lane('f64x2.replace_lane', i, results.get, result<'f64'>(call, ...lanes)))
        })
      }
      code.return(results.get)
    })
  }

  return {
    polynomial: createPolynomial(relaxed),
    repairIf: (condition, name, fast, x, repair) =>
      module.rarely(
        condition,
        once(`repair ${name}`, () => defineRepair(repair)),
        fast,
        x,
      ),
    callWhere: (mask, name, fast, ...args) =>
      module.rarely(
        anyLane(mask(...args)),
        once(`call ${name}`, () => defineCalls(name, mask)),
        fast,
        ...args,
      ),
  }
}

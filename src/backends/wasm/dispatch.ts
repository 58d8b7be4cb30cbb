import type { Code, Expr, ModuleBuilder } from './asm/index.ts'
import { i32, op, select } from './asm/index.ts'

/** The type of a kernel: `(frame, lo, hi)`. */
const kernelType = (builder: ModuleBuilder): number => builder.type(['i32', 'i32', 'i32'], null)

const least = (x: Expr<'i32'>, y: Expr<'i32'>): Expr<'i32'> => select(op('i32.lt_s', x, y), x, y)

/**
 * Calls the kernel piece by piece. Not in one call even where one thread does it all: a function that loops for long in its
 * first call stays in V8's quick tier until it returns.
 */
const runInPieces = (code: Code, type: number): void => {
  const [slot, frame, count, grain] = [0, 1, 2, 3].map((p) => code.param<'i32'>(p)) as [
    Expr<'i32'>,
    Expr<'i32'>,
    Expr<'i32'>,
    Expr<'i32'>,
  ]
  const lo = code.variable(i32(0))
  code.if(op('i32.gt_s', count, i32(0)), () => {
    code.loop((again) => {
      const piece = code.let(least(grain, op('i32.sub', count, lo.get)))
      const hi = code.let(op('i32.add', lo.get, piece))
      code.callIndirect(type, slot, frame, lo.get, hi)
      code.set(lo, hi)
      code.branchIf(again, op('i32.lt_s', lo.get, count))
    })
  })
}

/** Defines `parallel(slot, frame, count, grain)` for an engine without threads. */
export const defineSerialDispatch = (builder: ModuleBuilder): void => {
  const type = kernelType(builder)
  builder.function(
    ['i32', 'i32', 'i32', 'i32'],
    null,
    (code) => {
      runInPieces(code, type)
    },
    'parallel',
  )
}

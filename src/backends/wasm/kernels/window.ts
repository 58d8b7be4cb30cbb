/** Sums and extrema over windows of floats, and the derivative of the extrema. */
import type { Aval } from '../../../core/aval.ts'
import type { OpName, SelectParams, WindowParams } from '../../../ir/op.ts'
import type { Code } from '../asm/index.ts'
import { i32, op } from '../asm/index.ts'
import type { Grid } from './grid.ts'
import { addressesAt, coordinates, eachPoint, pointsOf } from './grid.ts'
import { plus } from './integers.ts'
import type { Float, I32, Vector } from './matmulFloat.ts'
import { float32, float64 } from './matmulFloat.ts'
import { grainOf } from './matmulProduct.ts'
import type { Phase, Routine, RoutineFor } from './routine.ts'
import type { Address, AxisPadding, Staged } from './staging.ts'
import { Scratch, clearing, inputAt, isPlainAxis, outputAt, paddedCopy, unpadding } from './staging.ts'
import type { Access, WindowPlan } from './windowPlan.ts'
import { eachElement, eachOutput, paddingOf, windowPlan } from './windowPlan.ts'

const floats: { readonly [name: string]: Float } = { float32, float64 }

type Extremum = 'max' | 'min'

const isFloat32 = ({ name }: Float): boolean => name === 'f32'

const combined = (float: Float, kind: 'add' | Extremum, x: Vector, y: Vector): Vector =>
  isFloat32(float) ? op(`f32x4.${kind}`, x, y) : op(`f64x2.${kind}`, x, y)

/** Where the candidate replaces the best so far: it is better, or the first NaN. */
const replaces = (float: Float, select: Extremum, candidate: Vector, best: Vector): Vector => {
  const notBetter = select === 'max' ? 'le' : 'ge'
  return isFloat32(float)
    ? op('v128.andnot', op('f32x4.eq', best, best), op(`f32x4.${notBetter}`, candidate, best))
    : op('v128.andnot', op('f64x2.eq', best, best), op(`f64x2.${notBetter}`, candidate, best))
}

/** The index of an element of the window in all lanes, and the comparison of such indices. */
const numberOf = (float: Float, index: I32): Vector =>
  isFloat32(float) ? op('i32x4.splat', index) : op('i64x2.splat', op('i64.extend_i32_u', index))
const sameNumber = (float: Float, x: Vector, y: Vector): Vector =>
  isFloat32(float) ? op('i32x4.eq', x, y) : op('i64x2.eq', x, y)

type Visit = (code: Code, access: Access, outs: readonly I32[], xs: readonly I32[]) => void

/** Iterations over outputs with disjoint windows (`inOrder`), or over all lines of outputs. */
const windowPhase = (
  plan: WindowPlan,
  inOrder: boolean,
  outs: readonly Address[],
  xs: readonly Address[],
  visit: Visit,
): Phase => {
  const { apart, together, line, window } = plan
  const lines: Grid = {
    shape: [...apart.shape, ...together.shape],
    strides: apart.strides.map((s, i) => [...s, ...together.strides[i]!]),
  }
  const outer = inOrder ? apart : lines
  /** The same strides for arrays with the same layout. */
  const forAll = ({ shape, strides }: Grid): Grid => ({
    shape,
    strides: [...outs.map(() => strides[0]!), ...xs.map(() => strides[1]!)],
  })
  const outputs = line.extent * (inOrder ? pointsOf(together) : 1)
  return {
    count: pointsOf(outer),
    grain: grainOf(20 + outputs * pointsOf(window)),
    emit: (code, places, lo, hi) => {
      const bases = [...outs, ...xs].map((at) => code.let(at(places)))
      const visitLine = (addresses: readonly I32[]): void => {
        const [targets, sources] = [addresses.slice(0, outs.length), addresses.slice(outs.length)]
        eachOutput(code, plan, targets, sources, (access, o, x) => {
          visit(code, access, o, x)
        })
      }
      code.for(lo, hi, 1, (i) => {
        const start = addressesAt(code, forAll(outer), bases, coordinates(code, outer.shape, i))
        if (inOrder) eachPoint(code, forAll(together), start, visitLine)
        else visitLine(start)
      })
    },
  }
}

interface Prepared {
  readonly float: Float
  readonly padding: readonly AxisPadding[]
  readonly staged: Staged
  readonly plan: WindowPlan
  readonly scratch: Scratch
}

/** The operand, padded, and how the window slides over it to outputs of a type. */
const prepared = (params: WindowParams, x: Aval, outputs: Aval, operand: number, neutral: number): Prepared | null => {
  const float = floats[x.dtype]
  if (float === undefined) return null
  const scratch = new Scratch()
  const padding = paddingOf(x, params)
  const staged = paddedCopy(x, inputAt(operand), padding, neutral, scratch)
  return { float, padding, scratch, staged, plan: windowPlan(params, staged.aval, outputs, float) }
}

const nothing: Routine = { scratch: 0, phases: [], imports: [] }

const routineOf = (scratch: Scratch, phases: readonly Phase[]): Routine => ({
  scratch: scratch.bytes,
  imports: [],
  phases,
})

const reduceRoutine =
  (kind: 'add' | Extremum, neutral: number) =>
  (params: WindowParams, [x]: readonly Aval[], [out]: readonly Aval[]): Routine | null => {
    const found = prepared(params, x!, out!, 0, neutral)
    if (found === null || out!.size === 0) return found && nothing
    const { float, plan, scratch, staged } = found
    const phase = windowPhase(plan, false, [outputAt], [staged.at], (code, access, [target], [source]) => {
      const start = code.let(access.load(source!))
      const total = code.variable(start)
      const add = (offset: I32): void => {
        code.set(total, combined(float, kind, total.get, access.load(plus(source!, offset))))
      }
      // A sum starts from 0, so that no element counts twice.
      if (kind === 'add') code.set(total, float.zero)
      eachElement(code, plan.window, add, kind !== 'add')
      access.store(code, target!, total.get)
    })
    return routineOf(scratch, [...staged.phases, phase])
  }

/** Finds the extremum of a window; `onTake` is called with the lanes in which a later element replaces the best so far. */
const findExtremum = (
  code: Code,
  { float, window }: WindowPlan,
  select: Extremum,
  access: Access,
  source: I32,
  onTake: (offset: I32, index: I32, takes: Vector) => void,
): void => {
  const best = code.variable(access.load(source))
  const visit = (offset: I32, index: I32): void => {
    const candidate = code.let(access.load(plus(source, offset)))
    const takes = code.let(replaces(float, select, candidate, best.get))
    code.set(best, op('v128.bitselect', candidate, best.get, takes))
    onTake(offset, index, takes)
  }
  eachElement(code, window, visit, true)
}

const worst = ({ select }: SelectParams): number => (select === 'max' ? -Infinity : Infinity)

const selectAndGatherAddRoutine: RoutineFor<'selectAndGatherAdd'> = (params, [values, x], [out]) => {
  const found = prepared(params, x!, out!, 1, worst(params))
  if (found === null || out!.size === 0) return found && nothing
  const { plan, scratch, staged, padding } = found
  const stagedValues = paddedCopy(values!, inputAt(0), padding, 0, scratch)
  const sources = [staged.at, stagedValues.at]
  const phase = windowPhase(plan, false, [outputAt], sources, (code, access, [target], [source, from]) => {
    const value = code.variable(access.load(from!))
    findExtremum(code, plan, params.select, access, source!, (offset, _, takes) => {
      code.set(value, op('v128.bitselect', access.load(plus(from!, offset)), value.get, takes))
    })
    access.store(code, target!, value.get)
  })
  return routineOf(scratch, [...staged.phases, ...stagedValues.phases, phase])
}

const selectAndScatterAddRoutine: RoutineFor<'selectAndScatterAdd'> = (params, [values, x], [out]) => {
  const found = prepared(params, x!, values!, 1, worst(params))
  if (found === null || out!.size === 0) return found && nothing
  const { float, plan, scratch, staged, padding } = found
  const isPadded = !padding.every(isPlainAxis)
  const bytes = staged.aval.size * float.bytes
  const sums = isPadded ? scratch.take(bytes) : outputAt
  const phase = windowPhase(plan, true, [inputAt(0)], [staged.at, sums], (code, access, [from], [source, target]) => {
    const number = code.variable(numberOf(float, i32(0)))
    findExtremum(code, plan, params.select, access, source!, (_, index, takes) => {
      code.set(number, op('v128.bitselect', numberOf(float, index), number.get, takes))
    })
    const value = code.let(access.load(from!))
    eachElement(code, plan.window, (offset, index) => {
      const place = code.let(plus(target!, offset))
      const share = op('v128.and', value, sameNumber(float, number.get, numberOf(float, index)))
      access.store(code, place, float.add(access.load(place), share))
    })
  })
  const scattering = values!.size === 0 ? [] : [phase]
  const back = isPadded ? unpadding({ ...staged, at: sums }, out!, outputAt, padding, float.bytes) : []
  return routineOf(scratch, [...staged.phases, clearing(sums, bytes), ...scattering, ...back])
}

export const windowRoutines = {
  reduceWindowSum: reduceRoutine('add', 0),
  reduceWindowMax: reduceRoutine('max', -Infinity),
  reduceWindowMin: reduceRoutine('min', Infinity),
  selectAndGatherAdd: selectAndGatherAddRoutine,
  selectAndScatterAdd: selectAndScatterAddRoutine,
} as const satisfies { readonly [N in OpName]?: RoutineFor<N> }

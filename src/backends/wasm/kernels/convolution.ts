/** Convolution of floats, forward and for its gradients. */
import type { Aval } from '../../../core/aval.ts'
import { inversePermutation, range } from '../../../core/shape.ts'
import type { ConvParams } from '../../../ir/op.ts'
import { spatialAxes } from '../../../primitives/convolution/conv.ts'
import { panelsOf } from './conv-panels.ts'
import { contractionOf } from './conv-plan.ts'
import { contractionSteps } from './conv-steps.ts'
import { convTileFunctions } from './conv-tiles.ts'
import { pointsOf } from './grid.ts'
import type { Float } from './matmul-float.ts'
import { float32, float64 } from './matmul-float.ts'
import type { LibraryFunction, Phase, Routine, RoutineFor } from './routine.ts'
import type { Address, AxisPadding } from './staging.ts'
import { Scratch, clearing, inputAt, outputAt, paddedCopy, redirected } from './staging.ts'
import { transposeRoutine } from './transpose.ts'

export const convLibrary: readonly LibraryFunction[] = [float32, float64].flatMap(convTileFunctions)

/** The padding of all axes of `lhs`. */
const paddingOf = (params: ConvParams, lhs: Aval, rhs: Aval): AxisPadding[] => {
  const padding = lhs.shape.map((): AxisPadding => ({ low: 0, high: 0, step: 1 }))
  spatialAxes(params, lhs, rhs).forEach(({ low, high, baseDilation }, d) => {
    padding[params.lhsSpec[d + 2]!] = { low, high, step: baseDilation }
  })
  return padding
}

interface Target {
  readonly at: Address
  readonly aval: Aval
  readonly outSpec: readonly number[]
  /** What brings the result to its place. */
  readonly phases: readonly Phase[]
}

/** The output, or an array in scratch memory with features as neighbours, and how the output comes from it. */
const targetOf = ({ outSpec }: ConvParams, out: Aval, bytes: number, scratch: Scratch): Target => {
  const feature = outSpec[1]!
  const isLast = out.shape.every((n, d) => d <= feature || n === 1)
  if (isLast || out.shape[feature] === 1) return { at: outputAt, aval: out, outSpec, phases: [] }
  const order = [...range(out.rank).filter((d) => d !== feature), feature]
  const aval = out.withShape(order.map((d) => out.shape[d]!))
  const at = scratch.take(out.size * bytes)
  const back = inversePermutation(order)
  const { phases } = transposeRoutine({ permutation: back }, [aval], [out])!
  return {
    at,
    aval,
    outSpec: outSpec.map((d) => back[d]!),
    phases: phases.map((phase) => redirected(phase, [at], outputAt)),
  }
}

const zeros = (bytes: number): Routine => ({ scratch: 0, imports: [], phases: [clearing(outputAt, bytes)] })

const floats: { readonly [name: string]: Float } = { float32, float64 }

export const convRoutine: RoutineFor<'conv'> = (params, [lhs, rhs], [out]) => {
  const float = floats[out!.dtype]
  if (float === undefined) return null
  if (out!.size === 0) return { scratch: 0, phases: [], imports: [] }
  if (rhs!.size === 0) return zeros(out!.size * float.bytes)
  const scratch = new Scratch()
  const images = paddedCopy(lhs!, inputAt(0), paddingOf(params, lhs!, rhs!), 0, scratch)
  const target = targetOf(params, out!, float.bytes, scratch)
  const contraction = contractionOf(params, [images.aval, rhs!, target.aval], target.outSpec, float.bytes)
  if (pointsOf(contraction.sums) === 0) return zeros(out!.size * float.bytes)
  const panels = panelsOf(contraction, float, inputAt(1), scratch)
  const sum = contractionSteps(contraction, float, { a: images.at, b: panels, c: target.at, size: out!.size }, scratch)
  return {
    scratch: scratch.bytes,
    imports: sum.imports,
    phases: [...images.phases, ...panels.phases, ...sum.phases, ...target.phases],
  }
}

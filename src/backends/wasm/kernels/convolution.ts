/** Convolution of floats, forward and for its gradients. */
import type { Aval } from '../../../core/aval.ts'
import { inversePermutation, range } from '../../../core/shape.ts'
import type { ConvParams } from '../../../ir/op.ts'
import { spatialAxes } from '../../../primitives/convolution/conv.ts'
import { panelsOf } from './convPanels.ts'
import type { AxisParts } from './convParts.ts'
import { combinations, partsOf } from './convParts.ts'
import { contractionOf } from './convPlan.ts'
import { contractionSteps } from './convSteps.ts'
import { convTileFunctions } from './convTiles.ts'
import type { Float } from './matmulFloat.ts'
import { float32, float64 } from './matmulFloat.ts'
import type { LibraryFunction, Phase, Routine, RoutineFor } from './routine.ts'
import type { Address, AxisPadding } from './staging.ts'
import { Scratch, clearing, inputAt, movedBy, outputAt, paddedCopy, redirected } from './staging.ts'
import { transposeRoutine } from './transpose.ts'

export const convLibrary: readonly LibraryFunction[] = [float32, float64].flatMap(convTileFunctions)

/** The padding of all axes of `lhs`, given that of the spatial ones. */
const paddingOf = ({ lhsSpec }: ConvParams, axes: readonly AxisParts[]): AxisPadding[] =>
  lhsSpec.map((_, axis) => axes[lhsSpec.indexOf(axis) - 2]?.padding ?? { low: 0, high: 0, step: 1 })

interface Target {
  readonly at: Address
  readonly aval: Aval
  readonly outSpec: readonly number[]
  /** The phases that copy the result to its destination. */
  readonly phases: readonly Phase[]
}

/** The output, or an array in scratch memory with contiguous features, and the phases that copy it to the output. */
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
  const { bytes } = float
  if (lhs!.size === 0 || rhs!.size === 0) return zeros(out!.size * bytes)
  const scratch = new Scratch()
  const axes = spatialAxes(params, lhs!, rhs!).map(partsOf)
  const images = paddedCopy(lhs!, inputAt(0), paddingOf(params, axes), 0, scratch)
  const target = targetOf(params, out!, bytes, scratch)
  const all = combinations(axes.map(({ parts }) => parts))
  const meeting = all.filter((parts) => parts.every(({ window }) => window.count > 0))
  const steps = meeting.map((parts) => {
    const avals = [images.aval, rhs!, target.aval] as const
    const { contraction, offsets } = contractionOf(params, avals, target.outSpec, parts, bytes)
    const panels = panelsOf(contraction, float, movedBy(inputAt(1), offsets.b), scratch)
    const [a, c] = [movedBy(images.at, offsets.a), movedBy(target.at, offsets.c)]
    const size = all.length === 1 ? out!.size : null
    const { phases, imports } = contractionSteps(contraction, float, { a, b: panels, c, size }, scratch)
    return { phases: [...panels.phases, ...phases], imports }
  })
  const cleared = meeting.length < all.length ? [clearing(target.at, out!.size * bytes)] : []
  return {
    scratch: scratch.bytes,
    imports: [...new Set(steps.flatMap(({ imports }) => imports))],
    phases: [...images.phases, ...cleared, ...steps.flatMap(({ phases }) => phases), ...target.phases],
  }
}

/** A choice among programs. */
import type { Aval } from '../../core/aval.ts'
import { ProgramError } from '../../core/errors.ts'
import { countMarks, cut, interleave, marked, spread, union, unmarked } from '../../core/marks.ts'
import type { Marks } from '../../core/marks.ts'
import { range } from '../../core/shape.ts'
import type { Program } from '../../ir/program.ts'
import { call } from '../../ops/calls.ts'
import { cond } from '../../ops/control.ts'
import { fullLike, zerosOf } from '../../ops/creation.ts'
import { cast, clamp, eq, select } from '../../ops/elementwise.ts'
import { reduceOr } from '../../ops/reduction.ts'
import { moveAxis } from '../../ops/movement.ts'
import type { NDArray } from '../../trace/value.ts'
import { isLinear } from '../kinds.ts'
import type { Batched, BatchAxis, Primitive, ProgramTransforms, Split, Tangent } from '../primitive.ts'
import { atFront, checkOperands, isMapped } from '../operands.ts'
import { fillIdleLanes, rowMask } from './rules.ts'

type Branches = readonly Program[]

const checkBranches = (branches: Branches, [index, ...operands]: readonly Aval[]): void => {
  if (index?.dtype !== 'int32' || index.rank !== 0) {
    throw new ProgramError(`cond: the index is an int32 scalar, got ${String(index)}.`)
  }
  const [first, ...others] = branches
  if (first === undefined) throw new ProgramError('cond: there are no branches.')
  others.forEach((b, i) => {
    const { outAvals } = b
    if (outAvals.length === first.outputs.length && outAvals.every((a, k) => a.matches(first.outAvals[k]!))) return
    throw new ProgramError(
      `cond: branch 0 gives (${first.outAvals.join(', ')}), branch ${i + 1} (${outAvals.join(', ')}).`,
    )
  })
  branches.forEach((b, i) => {
    checkOperands(`cond: branch ${i}`, b.inAvals, operands)
  })
}

/**
 * Slots for the residuals of all branches. Only one branch runs, so residuals of one type share slots.
 * `places[b][k]` is the slot of residual k of branch b.
 */
const shareSlots = (residuals: readonly (readonly Aval[])[]) => {
  const slots: Aval[] = []
  const places = residuals.map((avals) => {
    const taken = new Set<number>()
    return avals.map((aval) => {
      let slot = slots.findIndex((s, i) => !taken.has(i) && s.matches(aval))
      if (slot < 0) slot = slots.push(aval.strengthen()) - 1
      taken.add(slot)
      return slot
    })
  })
  return { slots, places }
}

/** The known sides of all branches, to known outputs and shared slots; the unknown sides from the slots. */
const splitBranches = (branches: Branches, parts: readonly Split[], unknown: Marks, programs: ProgramTransforms) => {
  const { inAvals } = branches[0]!
  const knownCount = parts[0]!.outUnknown.length - countMarks(parts[0]!.outUnknown)
  const { slots, places } = shareSlots(parts.map((p) => p.known.outAvals.slice(knownCount)))
  const forwarded = range(inAvals.length).filter((i) => parts.some((p) => p.residualInputs.includes(i)))
  const known = parts.map((part, b) =>
    programs.stage(
      (args) => {
        const outs = call(part.known, 'known', args)
        const filled = slots.map((aval, s) => {
          const k = places[b]!.indexOf(s)
          return k < 0 ? zerosOf(aval) : outs[knownCount + k]!
        })
        return [...outs.slice(0, knownCount), ...filled]
      },
      unmarked(inAvals, unknown),
    ),
  )
  const rest = parts.map((part, b) =>
    programs.stage(
      (args) => {
        const [inputs, filled, unknowns] = cut(args, forwarded.length, slots.length, args.length)
        const own = part.residualInputs.map((i) => inputs![forwarded.indexOf(i)]!)
        return call(part.unknown, 'unknown', [...own, ...places[b]!.map((s) => filled![s]!), ...unknowns!])
      },
      [...forwarded.map((i) => inAvals[i]!), ...slots, ...marked(inAvals, unknown)],
    ),
  )
  return { known, rest, forwarded, knownCount }
}

/** Every branch on the lanes that take it, then each lane's own result. */
const batchByLane = (
  branches: Branches,
  index: NDArray,
  operands: readonly NDArray[],
  mapped: Marks,
  programs: ProgramTransforms,
): Batched => {
  const [size] = index.aval.shape
  const last = branches.length - 1
  const lanes = clamp(fullLike(index, 0), index, fullLike(index, last))
  const results = branches.map((branch, k) => {
    const mask = eq(lanes, fullLike(lanes, k))
    const batched = programs.batch(branch, size!, mapped, 'all').program
    const idle = programs.stage(() => batched.outAvals.map((a) => zerosOf(a.strengthen())), batched.inAvals)
    const filled = fillIdleLanes(mask, operands, mapped)
    return { mask, outputs: cond([idle, batched], cast(reduceOr(mask, [0]), 'int32'), filled) }
  })
  const outputs = results
    .slice(1)
    .reduce<readonly NDArray[]>(
      (chosen, { mask, outputs: ys }) => chosen.map((x, i) => select(rowMask(mask, x), ys[i]!, x)),
      results[0]!.outputs,
    )
  return { outputs, axes: outputs.map(() => 0) }
}

const batchTogether = (
  branches: Branches,
  index: NDArray,
  operands: readonly NDArray[],
  axes: readonly BatchAxis[],
  size: number,
  programs: ProgramTransforms,
): Batched => {
  const mapped = axes.map(isMapped)
  const out = union(branches.map((b) => programs.batch(b, size, mapped).out))
  const batched = branches.map((b) => programs.batch(b, size, mapped, out).program)
  return { outputs: cond(batched, index, atFront(operands, axes)), axes: out.map((o) => (o ? 0 : null)) }
}

export const condP: Primitive<'cond'> = {
  type: ({ branches }, operands) => {
    checkBranches(branches, operands)
    return branches[0]!.outAvals.map((a, i) => (branches.every((b) => b.outAvals[i]!.weak) ? a : a.strengthen()))
  },
  evaluate: ({ branches }, [index, ...data], _, __, run) => {
    const chosen = Math.min(Math.max(Number(index![0]), 0), branches.length - 1)
    return run(branches[chosen]!, data)
  },
  jvp: ({ branches }, [index, ...primals], [, ...tangents], programs) => {
    const nonzero = tangents.map((t) => t !== null)
    const out = union(branches.map((b) => programs.jvp(b, nonzero).out))
    const derived = branches.map((b) => programs.jvp(b, nonzero, out).program)
    const outs = cond(derived, index!, [...primals, ...(marked(tangents, nonzero) as NDArray[])])
    const n = branches[0]!.outputs.length
    return { primals: outs.slice(0, n), tangents: spread(outs.slice(n), out) }
  },
  transpose: ({ branches }, cotangents, [index, ...operands], programs) => {
    const linear = operands.map(isLinear)
    const nonzero = cotangents.map((ct) => ct !== null)
    const outs = branches.map((b) => programs.transpose(b, linear, nonzero).out)
    const forced = spread(union(outs), linear).map((f) => f === true)
    const derived = branches.map((b) => programs.transpose(b, linear, nonzero, forced).program)
    const known = unmarked(operands, linear) as NDArray[]
    const cts = cond(derived, index as NDArray, [...known, ...(marked(cotangents, nonzero) as NDArray[])])
    return [null, ...spread<Tangent>(cts, forced)]
  },
  partial: (params, operands, unknown, defer, programs) => {
    if (unknown[0] === true) return defer('cond', params, operands)
    const { branches } = params
    const [index, ...rest] = operands
    const marks = unknown.slice(1)
    const out = union(branches.map((b) => programs.split(b, marks).outUnknown))
    const parts = branches.map((b) => programs.split(b, marks, out))
    const sides = splitBranches(branches, parts, marks, programs)
    const outs = cond(sides.known, index!, unmarked(rest, marks))
    const residuals = [...sides.forwarded.map((i) => rest[i]!), ...outs.slice(sides.knownCount)]
    const deferred = defer('cond', { branches: sides.rest }, [index!, ...residuals, ...marked(rest, marks)])
    return interleave(deferred, outs, out)
  },
  batch: ({ branches }, [index, ...operands], [indexAxis, ...axes], size, programs) => {
    if (indexAxis === null) return batchTogether(branches, index!, operands, axes, size, programs)
    return batchByLane(branches, moveAxis(index!, indexAxis!, 0), atFront(operands, axes), axes.map(isMapped), programs)
  },
  depends: ({ branches }, [index, ...marks], depends) =>
    index === true ? branches[0]!.outputs.map(() => true) : union(branches.map((b) => depends(b, marks))),
  prune: ({ branches }, used, programs) => {
    const needed = union(branches.map((b) => programs.needs(b, used)))
    const pruned = branches.map((b) => programs.take(b, needed, used))
    return { params: { branches: pruned }, operands: [true, ...needed], results: used }
  },
  facts: { higherOrder: true },
}

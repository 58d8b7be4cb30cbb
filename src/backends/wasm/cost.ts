/** Estimates the time of kernels, to decide how many of their iterations go to a thread at once. */
import type { Kernel } from '../../lowering/steps.ts'
import { costOf } from '../../lowering/analyse.ts'
import { reachable } from '../../lowering/nodes.ts'
import { kernelCount, unitSize } from './loops/extent.ts'

/** Nanoseconds that a vector instruction takes on average. */
const perInstruction = 0.5
const lanes = 4
const perRow = 10

/** Nanoseconds for one iteration of a kernel's range. */
const kernelCost = (kernel: Kernel): number => {
  const elements = unitSize(kernel)
  return kernel.stages.reduce((total, stage) => {
    const roots = [...stage.stores, ...stage.reductions].map((s) => s.node)
    const instructions = reachable(roots).reduce((n, node) => {
      if (node.kind === 'op') return n + costOf(node.op)
      const repeats = node.kind === 'fold' ? node.vars.reduce((m, v) => m * v.extent, 2) : 1
      return n + repeats
    }, stage.stores.length)
    return total + (instructions * elements * perInstruction) / lanes
  }, perRow)
}

/** Nanoseconds of work that one thread takes at once. */
const piece = 20_000
/** Less work than this stays on the calling thread. */
const worthSharing = 50_000

/** The number of iterations that go to a thread at once; all of them where sharing would not pay. */
export const grainFor = (kernel: Kernel): number => {
  const [count, cost] = [kernelCount(kernel), kernelCost(kernel)]
  return count * cost < worthSharing ? count : Math.max(1, Math.floor(piece / cost))
}

/** The loops of a kernel: its range, how it is split, and the number of elements side by side. */
import { ShapeError } from '../../../core/errors.ts'
import type { Node } from '../../../lowering/nodes.ts'
import { reachable } from '../../../lowering/nodes.ts'
import type { Kernel, Stage } from '../../../lowering/steps.ts'
import type { Lanes } from './lanes.ts'
import { bytesOf, isWide } from './lanes.ts'

/** Elements of a line that make one unit of the range, where a kernel has no outer loops. */
const elementUnit = 1024
/** The same, where each element is a reduction. */
const foldUnit = 16
/** Where neighbours are far apart in memory, all rows are processed for this many elements before the next ones. */
export const stripLength = 64

/** Kernels of one line of independent elements are split anywhere along it. */
export const isLine = (k: Kernel): boolean =>
  k.outer.length === 0 && k.inner.length === 1 && k.stages.every((s) => s.reductions.length === 0)

const nodesOf = (k: Kernel): readonly Node[] =>
  reachable(k.stages.flatMap((s) => [...rootsOf(s), ...s.rowStores.map((x) => x.node)]))

/** Elements of a line that make one unit of its range. */
export const lineUnit = (k: Kernel): number => (nodesOf(k).some((n) => n.kind === 'fold') ? foldUnit : elementUnit)

/** The number of units in a kernel's range. */
export const kernelCount = (k: Kernel): number =>
  isLine(k) ? Math.ceil(k.inner[0]!.extent / lineUnit(k)) : k.outer.reduce((n, v) => n * v.extent, 1)

/** The number of elements in a unit. */
export const unitSize = (k: Kernel): number =>
  isLine(k) ? Math.min(lineUnit(k), k.inner[0]!.extent) : k.inner.reduce((n, v) => n * v.extent, 1)

/** Whether some array's elements along the vector axis are in different cache lines. */
export const isScattered = (k: Kernel): boolean => {
  const line = k.inner.at(-1)!
  if (k.outer.length === 0 || k.inner.length !== 1 || line.extent <= stripLength) return false
  const isFar = (n: Node): boolean => {
    if (n.kind !== 'load') return false
    const stride = n.index.stride(line)
    return stride === null || Math.abs(stride) * bytesOf(n.dtype) >= 64
  }
  return k.stages.every((s) => s.reductions.length === 0) && nodesOf(k).some(isFar)
}

export const rootsOf = (stage: Stage): readonly Node[] => [
  ...stage.stores.map((s) => s.node),
  ...stage.reductions.map((r) => r.node),
]

export const lanesOf = (k: Kernel): Lanes => (nodesOf(k).some((n) => isWide(n.dtype)) ? 2 : 4)

/** The limits of signed 32-bit counters, and of unsigned division. */
const mostCounted = 2 ** 31 - 1
const mostDivided = 2 ** 32

/** Throws where indices in a kernel's loops exceed 32 bits, which is possible for domains that are never in memory as a whole. */
export const checkCounts = (k: Kernel): void => {
  const nodes = nodesOf(k)
  const folds = nodes.flatMap((n) => (n.kind === 'fold' ? n.vars : []))
  const stores = k.stages.flatMap((s) => [...s.stores, ...s.rowStores])
  const numbers = nodes.flatMap((n) => (n.kind === 'index' ? [n.index] : []))
  const indices = [...stores, ...nodes.flatMap((n) => (n.kind === 'load' ? [n] : []))].map((n) => n.index)
  const divided = [...numbers, ...indices].flatMap((index) => index.divisions().map(({ of }) => of.max + 1))
  const counted = [...k.outer, ...k.inner, ...folds].map((v) => v.extent)
  const most = Math.max(kernelCount(k), ...counted, ...numbers.map((index) => index.max + 1))
  if (most <= mostCounted && divided.every((n) => n <= mostDivided)) return
  throw new ShapeError(
    `jit: a loop over ${Math.max(most, ...divided)} elements at once is too long; compiled loops count to ${mostCounted}. ` +
      'Work on smaller pieces, with lax.map or lax.scan over one of the axes.',
  )
}

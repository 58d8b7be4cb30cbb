/** Finishes a kernel's loops: determines what is stored, and splits and joins loops so that elements are contiguous. */
import { bitsOf } from '../core/dtype.ts'
import { divisorUpTo } from './divisor.ts'
import { Index, LoopVar } from './indices.ts'
import type { OpenKernel } from './kernels.ts'
import type { Node, Reduction, Value } from './nodes.ts'
import { NodeTable, reachable } from './nodes.ts'
import type { Kernel, Stage, Store } from './steps.ts'

interface Draft {
  readonly outer: readonly LoopVar[]
  readonly inner: readonly LoopVar[]
  readonly stages: readonly Stage[]
}

/** The most bytes for a kernel's temporaries of one row, in each thread. */
const rowScratchBytes = 128 * 1024

const isSuffix = (axes: readonly number[], rank: number): boolean => axes.every((a) => a >= rank - axes.length)

/** Values of elements that only later passes over the same row read: the memory of one row is enough for them. */
const rowTemporariesOf = (k: OpenKernel, usedElsewhere: ReadonlySet<Value>): readonly Value[] => {
  if (k.reduced === null || !isSuffix(k.reduced, k.shape.length)) return []
  const row = k.reduced.reduce((n, a) => n * k.shape[a]!, 1)
  let bytes = 0
  return [...k.reread].filter((v) => {
    const size = Math.ceil((row * bitsOf(v.aval.dtype)) / 8 / 64) * 64
    if (usedElsewhere.has(v) || bytes + size > rowScratchBytes) return false
    bytes += size
    return true
  })
}

const draft = (k: OpenKernel, usedElsewhere: ReadonlySet<Value>): Draft => {
  const reduced = k.reduced ?? []
  const isInner = (_: unknown, i: number): boolean => k.reduced === null || reduced.includes(i)
  const members = [...k.members.values()]
  const last = Math.max(0, ...members.map((m) => m.stage), ...k.reductions.map((r) => r.stage))
  const stages = Array.from({ length: last + 1 }, (_, stage): Stage => {
    const here = members.filter((m) => m.stage === stage)
    const written = here.filter((m) => usedElsewhere.has(m.value) || k.reread.has(m.value))
    return {
      stores: [...written.filter((m) => m.level === 'element'), ...(stage === 0 ? k.pieces : [])],
      reductions: k.reductions.filter((r) => r.stage === stage).map((r) => r.reduction),
      rowStores: written.filter((m) => m.level === 'row'),
    }
  })
  return {
    outer: k.vars.filter((v, i) => !isInner(v, i)),
    inner: k.vars.filter(isInner),
    stages,
  }
}

const rootsOf = (stages: readonly Stage[]): readonly Node[] =>
  stages.flatMap((s) => [...s.stores, ...s.reductions, ...s.rowStores].map((x) => x.node))

const foldsOf = (stages: readonly Stage[]): readonly (Node & { readonly kind: 'fold' })[] =>
  reachable(rootsOf(stages)).filter((n) => n.kind === 'fold')

const indicesOf = (stages: readonly Stage[]): readonly Index[] => [
  ...stages.flatMap((s) => [...s.stores, ...s.rowStores].map((x) => x.index)),
  ...reachable(rootsOf(stages)).flatMap((n) => (n.kind === 'load' || n.kind === 'index' ? [n.index] : [])),
]

/** A renaming of variables: the expressions for old ones, and the lists of new ones. */
interface Renaming {
  readonly index: ReadonlyMap<LoopVar, Index>
  readonly lists: ReadonlyMap<LoopVar, readonly LoopVar[]>
}

/** The same stages with other indices; `list` returns the loops of inner reductions. */
const remake = (
  stages: readonly Stage[],
  place: (index: Index, value: Value | null) => Index,
  list: (vars: readonly LoopVar[]) => readonly LoopVar[],
): readonly Stage[] => {
  const table = new NodeTable()
  const reductions = new Map<Reduction, Reduction>()
  const done = new Map<Node, Node>()
  const make = (n: Node): Node => {
    switch (n.kind) {
      case 'load':
        return table.load(n.value, place(n.index, n.value))
      case 'index':
        return table.index(place(n.index, null), n.dtype)
      case 'literal':
        return table.literal(n.value, n.dtype)
      case 'op':
        return table.op(n.op, n.params, n.operands.map(node), n.dtype, n.result)
      case 'fold':
        return table.fold(n.fold, list(n.vars), node(n.body))
      case 'row':
        return table.row(reductions.get(n.reduction)!)
    }
  }
  const node = (n: Node): Node => {
    const made = done.get(n) ?? make(n)
    done.set(n, made)
    return made
  }
  const store = (s: Store): Store => ({ value: s.value, index: place(s.index, s.value), node: node(s.node) })
  return stages.map((s): Stage => {
    const stores = s.stores.map(store)
    const reduced = s.reductions.map((r) => {
      const made = { ...r, node: node(r.node) }
      reductions.set(r, made)
      return made
    })
    return { stores, reductions: reduced, rowStores: s.rowStores.map(store) }
  })
}

const rename = (d: Draft, { index, lists }: Renaming): Draft => {
  const list = (vars: readonly LoopVar[]): readonly LoopVar[] => vars.flatMap((v) => lists.get(v) ?? [v])
  const stages = remake(d.stages, (i) => i.substitute((v) => index.get(v)), list)
  return { outer: list(d.outer), inner: list(d.inner), stages }
}

/** Makes a variable that its kernel does not have yet. */
type Fresh = (extent: number) => LoopVar

/** Splits a variable in a quotient into two. */
const splitOnce = (d: Draft, fresh: Fresh): Draft | null => {
  for (const index of indicesOf(d.stages)) {
    for (const { of, by } of index.divisions()) {
      const [term] = of.terms
      if (of.terms.length !== 1 || of.constant !== 0 || term!.times !== 1) continue
      const v = term!.factor
      if (!(v instanceof LoopVar) || v.extent % by !== 0) continue
      const [high, low] = [fresh(v.extent / by), fresh(by)]
      const sum = Index.variable(high).times(by).plus(Index.variable(low))
      return rename(d, { index: new Map([[v, sum]]), lists: new Map([[v, [high, low]]]) })
    }
  }
  return null
}

/** Joins adjacent loops that every index treats as one. */
const joinOnce = (d: Draft, fresh: Fresh): Draft | null => {
  const lists = [d.outer, d.inner, ...foldsOf(d.stages).map((f) => f.vars)]
  const indices = indicesOf(d.stages)
  for (const vars of lists) {
    for (let i = 1; i < vars.length; i++) {
      const [a, b] = [vars[i - 1]!, vars[i]!]
      const fits = indices.every((index) => {
        const [high, low] = [index.stride(a), index.stride(b)]
        return high !== null && low !== null && (a.extent === 1 || b.extent === 1 || high === low * b.extent)
      })
      if (!fits) continue
      const both = fresh(a.extent * b.extent)
      const whole = Index.variable(both)
      const zero = Index.constant(0)
      const index =
        b.extent === 1
          ? new Map([
              [a, whole],
              [b, zero],
            ])
          : new Map([
              [a, zero],
              [b, whole],
            ])
      return rename(d, {
        index,
        lists: new Map<LoopVar, readonly LoopVar[]>([
          [a, []],
          [b, [both]],
        ]),
      })
    }
  }
  return null
}

const repeat = (d: Draft, fresh: Fresh, step: (d: Draft, fresh: Fresh) => Draft | null): Draft => {
  let current = d
  for (let next = step(current, fresh); next !== null; next = step(current, fresh)) current = next
  return current
}

/** Keeps only the last loop of a kernel without reductions as an inner one; splits long lines, so that threads can share them. */
const cutLines = (d: Draft, fresh: Fresh): Draft => {
  const all = [...d.outer, ...d.inner]
  const line = all.at(-1)
  if (line === undefined) return { ...d, outer: [], inner: [fresh(1)] }
  const outer = all.slice(0, -1)
  const rows = outer.reduce((n, v) => n * v.extent, 1)
  const split = { ...d, outer, inner: [line] }
  if (outer.length === 0 || rows >= 64 || line.extent <= 16_384) return split
  const part = divisorUpTo(line.extent, 8192)
  if (part < 1024) return split
  const [high, low] = [fresh(line.extent / part), fresh(part)]
  const sum = Index.variable(high).times(part).plus(Index.variable(low))
  const cut = rename(split, { index: new Map([[line, sum]]), lists: new Map([[line, [high, low]]]) })
  return { ...cut, outer: [...cut.outer, ...cut.inner.slice(0, 1)], inner: cut.inner.slice(1) }
}

/** Adds an inner loop of one iteration where a reduction has no axes. */
const withLine = (d: Draft, fresh: Fresh): Draft => (d.inner.length > 0 ? d : { ...d, inner: [fresh(1)] })

/** Removes the row from the indices of temporaries of one row. */
const localize = (d: Draft, temporaries: ReadonlySet<Value>): Draft => {
  if (temporaries.size === 0) return d
  const zero = Index.constant(0)
  const local = (index: Index, value: Value | null): Index =>
    value !== null && temporaries.has(value) ? index.substitute((v) => (d.outer.includes(v) ? zero : undefined)) : index
  return { ...d, stages: remake(d.stages, local, (vars) => vars) }
}

/** Finishes a kernel. `usedElsewhere` has those of its values that others read. */
export const finishKernel = (open: OpenKernel, usedElsewhere: ReadonlySet<Value>): Kernel => {
  const temporaries = rowTemporariesOf(open, usedElsewhere)
  const local = localize(draft(open, usedElsewhere), new Set(temporaries))
  let count = 0
  const fresh: Fresh = (extent) => new LoopVar(extent, `v${count++}`)
  const joined = repeat(repeat(local, fresh, splitOnce), fresh, joinOnce)
  const cut = open.reduced === null ? cutLines(joined, fresh) : withLine(joined, fresh)
  return { ...cut, rowTemporaries: temporaries }
}

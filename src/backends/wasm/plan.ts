/** Where values live while a program runs: how long each is needed, and places in one stretch of memory, used again. */
import { FirstFit } from '../../core/firstFit.ts'
import { bitsOf } from '../../core/dtype.ts'
import type { Value } from '../../lowering/nodes.ts'
import type { Block, Carry, Lowered, Step } from '../../lowering/steps.ts'
import { bytesOf, valuesOfKernel } from '../../lowering/steps.ts'

/** Offsets are in bytes: behind a pointer of the frame, in the frame, or in memory of the running thread. */
export type Location =
  | { readonly kind: 'pointer'; readonly slot: number; readonly offset: number }
  | { readonly kind: 'frame'; readonly offset: number }
  | { readonly kind: 'thread'; readonly offset: number }

export interface Plan {
  readonly locationOf: (value: Value) => Location
  /** The two buffers that a carry changes between; the first one serves where it stays in place. */
  readonly buffersOf: (carry: Carry) => readonly [number, number]
  /** Scratch memory of a routine: its place in the frame. */
  readonly scratchOf: (step: Step) => number
  readonly frameBytes: number
  /** Pointers at the beginning of the frame: inputs, constants, outputs, then those that loops move. */
  readonly slots: number
  readonly outputSlots: ReadonlyMap<Value, number>
  /** Bytes of all arrays in use at the worst moment: inputs, constants, outputs and temporaries. */
  readonly livePeak: number
  /** Bytes that the plan takes for them: the frame, and what is behind pointers. */
  readonly plannedPeak: number
}

const alignment = 64
const align = (n: number): number => Math.ceil(n / alignment) * alignment

/** Large arrays begin at different places of a page, as those in `heap.ts` do, and for the same reason. */
const large = 2 ** 16
const page = 4096
const stride = 21 * alignment

/** Bytes that an array takes, with what is left free behind it. */
const room = (bytes: number): number => {
  const aligned = align(bytes)
  return aligned < large ? aligned : aligned + ((stride + page - (aligned % page)) % page)
}

interface Interval {
  first: number
  last: number
  readonly bytes: number
}

/** The first and last moment at which each thing is needed; time passes with each step, also of inner blocks. */
class Lifetimes<K> {
  readonly intervals = new Map<K, Interval>()
  #now = 0

  get now(): number {
    return this.#now
  }

  tick(): void {
    this.#now++
  }

  touch(key: K, bytes: number): void {
    const known = this.intervals.get(key)
    if (known === undefined) this.intervals.set(key, { first: this.#now, last: this.#now, bytes })
    else known.last = this.#now
  }

  /** Runs a loop: what was there before it and is needed in it is needed until it ends. */
  loop(body: () => void): void {
    const start = this.#now
    body()
    for (const interval of this.intervals.values()) {
      if (interval.first < start && interval.last >= start) interval.last = this.#now
    }
  }
}

/** Places for intervals so that no two that overlap share memory: first fit, in the order in which they begin. */
const place = <K>(
  intervals: ReadonlyMap<K, Interval>,
): { readonly offsets: Map<K, number>; readonly bytes: number } => {
  const sorted = [...intervals].sort((a, b) => a[1].first - b[1].first || b[1].bytes - a[1].bytes)
  const ends = [...intervals].sort((a, b) => a[1].last - b[1].last)
  const gaps = new FirstFit()
  const offsets = new Map<K, number>()
  let [bytes, ended] = [0, 0]
  for (const [key, { first, bytes: size }] of sorted) {
    for (; ends[ended]![1].last < first; ended++) {
      const [other, { bytes: freed }] = ends[ended]!
      gaps.give(offsets.get(other)!, room(freed))
    }
    const start = gaps.take(room(size))
    offsets.set(key, start)
    bytes = Math.max(bytes, start + align(size))
  }
  return { offsets, bytes }
}

const peakOf = (intervals: Iterable<Interval>): number => {
  const changes = new Map<number, number>()
  const add = (time: number, bytes: number): void => {
    changes.set(time, (changes.get(time) ?? 0) + bytes)
  }
  for (const { first, last, bytes } of intervals) {
    add(first, bytes)
    add(last + 1, -bytes)
  }
  let [now, peak] = [0, 0]
  for (const [, bytes] of [...changes].sort((a, b) => a[0] - b[0])) {
    now += bytes
    peak = Math.max(peak, now)
  }
  return peak
}

const bytesOfCarry = (c: Carry): number => (c.inPlace ? 1 : 2) * align(bytesOf(c.current.aval))

type Key = Value | Carry | Step

/**
 * Lays a lowered program out. `scratch` gives the scratch memory that a routine's step wants; `overlaps` says whether a step and
 * the one after it run at the same time.
 */
export const planMemory = (
  lowered: Lowered,
  scratch: (step: Step) => number,
  overlaps: (step: Step) => boolean = () => false,
): Plan => {
  const { home } = lowered
  const slots = new Map<Value, number>()
  const outputSlots = new Map<Value, number>()
  const point = (v: Value): number => {
    const known = slots.get(home(v))
    if (known !== undefined) return known
    slots.set(home(v), slots.size)
    return slots.size - 1
  }
  for (const v of lowered.inputs) point(v)
  for (const { value } of lowered.constants) point(value)
  const threads = new Map<Value, number>()
  const life = new Lifetimes<Key>()
  const touch = (v: Value): void => {
    if (!threads.has(v) && !slots.has(home(v))) life.touch(home(v), bytesOf(v.aval))
  }
  const outputs = new Set(lowered.outputs.map(home))
  const moving = new Set<Value>()
  markMoving(lowered.steps, (v) => moving.add(home(v)))
  for (const v of outputs) {
    if (!slots.has(v) && !moving.has(v)) outputSlots.set(v, point(v))
  }
  for (const v of moving) point(v)

  const visitLoop = (step: Extract<Step, { kind: 'while' | 'scan' }>): void => {
    const outside = (): void => {
      for (const c of step.carries) {
        touch(c.initial)
        life.touch(c, bytesOfCarry(c))
      }
      if (step.kind === 'scan') for (const s of [...step.inputs, ...step.outputs]) use(s.whole)
      else touch(step.holds)
    }
    outside()
    life.tick()
    life.loop(() => {
      if (step.kind === 'while') visit(step.condition)
      visit(step.body)
    })
    outside()
  }
  // The buffers of a carry are needed as long as what came out of the loop.
  const carryOf = new Map<Value, Carry>()
  const use = (v: Value): void => {
    touch(v)
    const carry = carryOf.get(home(v))
    if (carry !== undefined) life.touch(carry, bytesOfCarry(carry))
  }
  const visit = (block: Block): void => {
    for (const step of block.steps) {
      visitStep(step)
      if (!overlaps(step)) life.tick()
    }
  }
  const visitStep = (step: Step): void => {
    switch (step.kind) {
      case 'kernel': {
        let bytes = 0
        for (const v of step.kernel.rowTemporaries) {
          const row = step.kernel.inner.reduce((n, x) => n * x.extent, bitsOf(v.aval.dtype) / 8)
          threads.set(v, bytes)
          bytes += align(row)
        }
        const { reads, writes } = valuesOfKernel(step.kernel)
        for (const v of [...reads, ...writes]) use(v)
        return
      }
      case 'routine':
        for (const o of step.operands) use(o.value)
        step.results.forEach(use)
        life.touch(step, scratch(step))
        return
      case 'host':
        for (const v of [...step.operands, ...step.results]) use(v)
        return
      case 'copy':
        use(step.from)
        use(step.to)
        return
      case 'cond': {
        use(step.index)
        life.tick()
        for (const b of step.branches) visit(b)
        return
      }
      case 'while':
      case 'scan':
        for (const c of step.carries) {
          carryOf.set(home(c.current), c)
          use(c.initial)
        }
        visitLoop(step)
    }
  }
  visit(lowered)
  for (const v of lowered.outputs) use(v)

  const base = align(4 * slots.size)
  const { offsets, bytes } = place(life.intervals)
  const offsetOf = (key: Key): number => base + (offsets.get(key) ?? 0)
  const fixed = [...slots.keys()].filter((v) => !moving.has(v)).reduce((n, v) => n + bytesOf(v.aval), 0)
  return {
    locationOf: (v) => {
      const local = threads.get(v)
      if (local !== undefined) return { kind: 'thread', offset: local }
      const slot = slots.get(home(v))
      return slot === undefined ? { kind: 'frame', offset: offsetOf(home(v)) } : { kind: 'pointer', slot, offset: 0 }
    },
    buffersOf: (carry) => {
      const first = offsetOf(carry)
      return [first, first + align(bytesOf(carry.current.aval))]
    },
    scratchOf: offsetOf,
    frameBytes: align(base + bytes),
    slots: slots.size,
    outputSlots,
    livePeak: fixed + peakOf(life.intervals.values()),
    plannedPeak: fixed + align(base + bytes),
  }
}

/** Values behind pointers that loops move. */
const markMoving = (steps: readonly Step[], mark: (v: Value) => void): void => {
  for (const step of steps) {
    if (step.kind === 'cond') for (const b of step.branches) markMoving(b.steps, mark)
    if (step.kind !== 'while' && step.kind !== 'scan') continue
    for (const c of step.carries) {
      mark(c.current)
      mark(c.next)
    }
    if (step.kind === 'scan') for (const s of [...step.inputs, ...step.outputs]) mark(s.slice)
    else markMoving(step.condition.steps, mark)
    markMoving(step.body.steps, mark)
  }
}

/** Plans in words. */
import * as must from '../../conversions/arguments.ts'
import type { Plan, PlannedLeaf } from './plan.ts'

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const

const scaled = (n: number, step: number): readonly [value: number, power: number] => {
  const power = n < step ? 0 : Math.min(4, Math.floor(Math.log(n) / Math.log(step)))
  return [n / step ** power, power]
}

const showBytes = (bytes: number): string => {
  const [value, power] = scaled(bytes, 1000)
  return `${value.toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}

const showFlops = (flops: number): string => {
  const [value, power] = scaled(flops, 1000)
  return `${value.toFixed(power === 0 ? 0 : 1)} ${['', 'k', 'M', 'G', 'T'][power]}flop`
}

const whole = (n: number): string => n.toLocaleString('en-US')

/** The name of a module, with `*` for numbers of layers, and the leaf's own. */
const split = (name: string): readonly [module: string, own: string] => {
  const folded = name.replaceAll(/(?<=^|\.)\d+(?=\.|$)/g, '*')
  const at = folded.lastIndexOf('.')
  return at < 0 ? ['', folded] : [folded.slice(0, at), folded.slice(at + 1)]
}

/** Leaves of modules that are alike, and have one fate. */
interface Row {
  readonly module: string
  /** `weight [384,384]` */
  readonly leaves: ReadonlySet<string>
  readonly modules: ReadonlySet<string>
  readonly count: number
  readonly fate: string
}

const fateOf = ({ trained, decayed }: PlannedLeaf): string =>
  trained ? (decayed ? 'trained, decayed' : 'trained') : 'frozen'

const rowsOf = (leaves: readonly PlannedLeaf[]): readonly Row[] => {
  const rows = new Map<string, Row>()
  for (const leaf of leaves) {
    const [module, own] = split(leaf.name)
    const fate = fateOf(leaf)
    const key = `${module} ${fate}`
    const before = rows.get(key)
    const at = leaf.name.lastIndexOf('.')
    rows.set(key, {
      module,
      fate,
      leaves: new Set([...(before?.leaves ?? []), `${own} ${leaf.dtype}[${leaf.shape.join()}]`]),
      modules: new Set([...(before?.modules ?? []), leaf.name.slice(0, Math.max(0, at))]),
      count: (before?.count ?? 0) + leaf.count,
    })
  }
  return [...rows.values()]
}

/** Columns as wide as need be; numbers to the right. */
const table = (rows: readonly (readonly string[])[], right: readonly number[]): readonly string[] => {
  const widths = rows[0]!.map((_, i) => rows.reduce((most, row) => Math.max(most, row[i]!.length), 0))
  return rows.map((row) =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}

const secondsOf = ({ step, flopsPerSecond }: Plan): string => {
  const total = step.products + step.others
  const open = step.open ? ', one round of each loop with a condition' : ''
  const work = `  a step ${showFlops(total)} (${showFlops(step.products)} in products${open})`
  if (flopsPerSecond === null) return work
  const seconds = total / flopsPerSecond
  return `${work}: about ${seconds < 1 ? `${(seconds * 1000).toPrecision(2)} ms` : `${seconds.toPrecision(2)} s`}, an estimate at ${showFlops(flopsPerSecond)} a second everywhere`
}

const areNumbers = (...xs: readonly unknown[]): boolean => xs.every((x) => typeof x === 'number')

const isLeaf = (x: unknown): boolean => {
  const { name, shape, count } = (x ?? {}) as Partial<PlannedLeaf>
  return typeof name === 'string' && Array.isArray(shape) && areNumbers(count)
}

const isPlan = (x: unknown): boolean => {
  const { leaves, memory, forward, step, trained, frozen, decayed } = (x ?? {}) as Partial<Plan>
  if (!must.isListOf(leaves, isLeaf) || !areNumbers(trained, frozen, decayed)) return false
  const { weights, gradients, slots, activations } = memory ?? {}
  return areNumbers(
    weights,
    gradients,
    slots,
    activations,
    forward?.products,
    forward?.others,
    step?.products,
    step?.others,
  )
}

const describeDoor = must.door('describe', { plan: must.kind('a plan, as plan gives it', isPlan) })

/**
 * A plan as text: which leaves are trained, frozen and decayed, layers that are alike in one line; memory; work.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * import { describe, plan } from 'pullback/train'
 * const layer = { weight: np.ones([2, 2]), bias: np.ones([2]) }
 * const text = describe(
 *   plan({
 *     params: { layer: [layer, layer], head: { weight: np.ones([1, 2]) } },
 *     selection: ['layer.*.weight', 'head.**'],
 *     batch: np.ones([4, 2]),
 *     loss: ({ layer, head }, x) => {
 *       const inner = layer.reduce((y, { weight, bias }) => np.tanh(np.add(np.matmul(y, weight), bias)), x)
 *       return np.sum(np.matmul(inner, head.weight.T))
 *     },
 *     optimizer: optim.sgd(0.1),
 *     compile: false,
 *   }),
 * )
 * text.split('\n')[0] // => 10 of 14 parameters are trained (71.43 %), 10 of them decayed.
 * text.split('\n').slice(3, 6).join('\n') // => head     1  weight float32[1,2]           2  trained, decayed\nlayer.*  2  bias float32[2]               4  frozen\nlayer.*  2  weight float32[2,2]           8  trained, decayed
 * ```
 */
export const describe = (given: Plan): string => {
  describeDoor(given)
  const { leaves, trained, frozen, decayed, memory, forward } = given
  const share = trained + frozen === 0 ? 0 : (100 * trained) / (trained + frozen)
  const rows = rowsOf(leaves).map((row) => [
    row.module === '' ? '-' : row.module,
    String(row.modules.size),
    [...row.leaves].join(' '),
    whole(row.count),
    row.fate,
  ])
  const bytes = [
    ['  weights', showBytes(memory.weights), ''],
    ['  gradients', showBytes(memory.gradients), ''],
    ['  optimizer', showBytes(memory.slots), ''],
    ['  activations', showBytes(memory.activations), 'saved for the backward pass, before compiling'],
    ...(memory.peak === null
      ? []
      : [
          ['  peak', showBytes(memory.peak), 'at the worst moment of a compiled step, state before and after included'],
        ]),
  ]
  return [
    `${whole(trained)} of ${whole(trained + frozen)} parameters are trained (${share.toFixed(2)} %), ${whole(decayed)} of them decayed.`,
    '',
    ...table([['module', '×', 'leaves', 'parameters', ''], ...rows], [1, 3]),
    '',
    'memory',
    ...table(bytes, [1]),
    '',
    'work',
    `  forward ${showFlops(forward.products + forward.others)}`,
    secondsOf(given),
  ].join('\n')
}

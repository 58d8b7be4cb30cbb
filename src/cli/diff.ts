/** `pullback diff`: how two files of tensors, or two models, differ. */
import { sameShape } from '../core/shape.ts'
import type { TensorFile } from '../io/index.ts'
import type { Command, Given, Terminal } from './command.ts'
import { orFail } from './command.ts'
import { printable, table } from './table.ts'
import { openWeights } from './weights.ts'

/** How two tensors of one name differ. */
interface Difference {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtypes: readonly [string, string]
  /** The largest |a - b|; NaN against a number counts as infinite, against NaN as 0. */
  readonly largest: number
  /** The same, divided by the largest |a|. */
  readonly relative: number
  /** The number of elements that differ. */
  readonly elements: number
}

const compare = async (name: string, a: TensorFile, b: TensorFile): Promise<Difference> => {
  const [infoA, infoB] = [a.tensors.get(name)!, b.tensors.get(name)!]
  // float64 holds every value of all dtypes but the largest 64-bit integers.
  const [x, y] = [
    orFail(await a.read(name, { dtype: 'float64' })()).dataSync('float64'),
    orFail(await b.read(name, { dtype: 'float64' })()).dataSync('float64'),
  ]
  let [largest, scale, elements] = [0, 0, 0]
  for (let i = 0; i < x.length; i++) {
    const [p, q] = [x[i]!, y[i]!]
    scale = Math.max(scale, Math.abs(Number.isNaN(p) ? 0 : p))
    if (p === q || (Number.isNaN(p) && Number.isNaN(q))) continue
    elements++
    const d = Math.abs(p - q)
    largest = Math.max(largest, Number.isNaN(d) ? Infinity : d)
  }
  const relative = largest === 0 ? 0 : largest / scale
  return { name, shape: infoA.shape, dtypes: [infoA.dtype, infoB.dtype], largest, relative, elements }
}

const reportOf = async (a: TensorFile, b: TensorFile) => {
  const shared = [...a.tensors.keys()].filter((name) => b.tensors.has(name))
  const shapes: { readonly name: string; readonly a: readonly number[]; readonly b: readonly number[] }[] = []
  const differences: Difference[] = []
  let equal = 0
  for (const name of shared) {
    const [x, y] = [a.tensors.get(name)!.shape, b.tensors.get(name)!.shape]
    if (!sameShape(x, y)) {
      shapes.push({ name, a: x, b: y })
      continue
    }
    const difference = await compare(name, a, b)
    if (difference.elements > 0) differences.push(difference)
    else equal++
  }
  differences.sort((p, q) => q.largest - p.largest || (p.name < q.name ? -1 : 1))
  return {
    onlyInA: [...a.tensors.keys()].filter((name) => !b.tensors.has(name)),
    onlyInB: [...b.tensors.keys()].filter((name) => !a.tensors.has(name)),
    shapes,
    differences,
    equal,
  }
}

/** JSON has no infinities. */
const finite = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value

const run = async (given: Given, { out }: Terminal): Promise<void> => {
  const [pathA, pathB] = given.words as readonly [string, string]
  const [a, b] = [await openWeights(pathA), await openWeights(pathB)]
  const report = await reportOf(a.weights, b.weights)
  if (given.flag('json')) {
    out(`${JSON.stringify(report, finite, 2)}\n`)
    return
  }
  for (const name of report.onlyInA) out(`only in A: ${printable(name)}\n`)
  for (const name of report.onlyInB) out(`only in B: ${printable(name)}\n`)
  for (const s of report.shapes)
    out(`shapes differ: ${printable(s.name)} [${s.a.join(', ')}] and [${s.b.join(', ')}]\n`)
  if (report.differences.length > 0) {
    const rows = report.differences.map((d) => [
      printable(d.name),
      `[${d.shape.join(', ')}]`,
      d.dtypes[0] === d.dtypes[1] ? d.dtypes[0] : d.dtypes.join(' / '),
      d.largest.toPrecision(4),
      d.relative.toPrecision(4),
      String(d.elements),
    ])
    const heads = ['name', 'shape', 'dtype', 'largest', 'relative', 'elements']
    out(`${table(heads, rows, new Set(['largest', 'relative', 'elements']))}\n`)
  }
  const differ = report.differences.length + report.shapes.length + report.onlyInA.length + report.onlyInB.length
  out(
    `${differ === 0 ? 'no difference' : `${report.differences.length} tensors differ`}; ${report.equal} are the same\n`,
  )
}

export const diff: Command = {
  name: 'diff',
  usage: 'A B',
  summary: 'Compares two files of tensors, or two models: names, shapes, largest differences.',
  options: { json: { type: 'boolean', help: 'the same as JSON' } },
  words: [2, 2],
  run,
}

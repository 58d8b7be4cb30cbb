/** `pullback inspect`: the contents of a file of tensors or a model's folder. Only headers are read. */
import { sizeOf } from '../core/shape.ts'
import type { TensorInfo } from '../io/index.ts'
import type { Command, Given, Terminal } from './command.ts'
import { bytesText, grouped, printable, table } from './table.ts'
import type { Opened } from './weights.ts'
import { architectureOf, openWeights } from './weights.ts'

interface Tally {
  tensors: number
  parameters: number
  bytes: number
}

const tally = (infos: Iterable<TensorInfo>): Tally => {
  const sum: Tally = { tensors: 0, parameters: 0, bytes: 0 }
  for (const { shape, bytes } of infos) {
    sum.tensors++
    sum.parameters += sizeOf(shape)
    sum.bytes += bytes
  }
  return sum
}

const byDType = (infos: readonly TensorInfo[]): { readonly [dtype: string]: Tally } =>
  Object.fromEntries(
    [...new Set(infos.map(({ dtype }) => dtype))].map((dtype) => [
      dtype,
      tally(infos.filter((i) => i.dtype === dtype)),
    ]),
  )

const architecture = ({ files, weights }: Opened): string | null => {
  if (files !== null) return architectureOf(files.config)
  const general = weights.metadata.get('general.architecture')
  return typeof general === 'string' ? general : null
}

/** Strings and numbers among a file's metadata; lists (of a tokenizer, for example) are only counted. */
const metadataOf = ({ weights }: Opened): { readonly [key: string]: string | number | boolean } =>
  Object.fromEntries(
    [...weights.metadata].map(([key, value]) => {
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return [key, value]
      return [key, Array.isArray(value) ? `${value.length} values` : String(value)]
    }),
  )

const reportOf = (path: string, opened: Opened) => {
  const infos = [...opened.weights.tensors.values()]
  return {
    path,
    format: opened.weights.format,
    architecture: architecture(opened),
    ...tally(infos),
    dtypes: byDType(infos),
    metadata: metadataOf(opened),
    config: opened.files?.config ?? null,
    table: infos.map(({ name, dtype, shape, bytes }) => ({ name, dtype, shape, parameters: sizeOf(shape), bytes })),
  }
}

const run = async (given: Given, { out }: Terminal): Promise<void> => {
  const [path] = given.words as readonly [string]
  const report = reportOf(path, await openWeights(path))
  if (given.flag('json')) {
    out(`${JSON.stringify(report, null, 2)}\n`)
    return
  }
  const dtypes = Object.entries(report.dtypes).map(
    ([dtype, { tensors, parameters }]) => `${dtype}: ${grouped(parameters)} in ${grouped(tensors)}`,
  )
  const facts = [
    ['format', report.format],
    ['architecture', report.architecture ?? 'not known'],
    ['parameters', `${grouped(report.parameters)} in ${grouped(report.tensors)} tensors`],
    ['dtypes', dtypes.join('; ')],
    ['bytes', `${grouped(report.bytes)} (${bytesText(report.bytes)})`],
    ...Object.entries(report.metadata).map(([key, value]) => [key, String(value)] as const),
  ]
  const width = Math.max(...facts.map(([name]) => name.length))
  const short = (text: string): string => (text.length > 100 ? `${text.slice(0, 97)}...` : text)
  for (const [name, value] of facts) out(`${printable(name.padEnd(width))}  ${printable(short(value))}\n`)
  const rows = report.table.map((t) => [
    printable(t.name),
    t.dtype,
    `[${t.shape.join(', ')}]`,
    grouped(t.parameters),
    grouped(t.bytes),
  ])
  const heads = ['name', 'dtype', 'shape', 'parameters', 'bytes']
  out(`\n${table(heads, rows, new Set(['parameters', 'bytes']))}\n`)
}

export const inspect: Command = {
  name: 'inspect',
  usage: 'PATH',
  summary: 'Shows what a file of tensors or the folder of a model holds.',
  options: { json: { type: 'boolean', help: 'the same as JSON' } },
  words: [1, 1],
  run,
}

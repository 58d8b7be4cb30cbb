/** What programs keep, each in a process of its own. */
import { join } from 'node:path'
import { inChild } from '../harness/child.ts'
import { duration, markdown, megabytes } from '../report/format.ts'
import type { Kept } from './variants.ts'
import { batch, depth, variantNames, variants, width } from './variants.ts'

const targetBytes = 300 * 2 ** 20

const script = (name: string): string => join(import.meta.dirname, `${name}.ts`)

const deepNetwork = async (): Promise<string> => {
  const rows: string[][] = []
  for (const variant of variantNames) {
    const { savedBytes, peakBytes, milliseconds } = await inChild<Kept>(script('deepNetwork'), [variant])
    rows.push([variants[variant], megabytes(savedBytes), megabytes(peakBytes), duration(milliseconds * 1000)])
  }
  return markdown(['checkpoint', 'saved for the backward pass', 'most resident', 'a gradient'], rows)
}

const loop = async (): Promise<string> => {
  const { peakBytes } = await inChild<Pick<Kept, 'peakBytes'>>(script('loop'), [])
  const mark = peakBytes < targetBytes ? 'met' : 'missed'
  return (
    'A synchronous loop of 1,000,000 small operations: ' +
    `${megabytes(peakBytes)} resident at most (target: under ${megabytes(targetBytes)}; ${mark}).`
  )
}

export const measureMemory = async (): Promise<string> =>
  `The gradient of a perceptron of ${depth} layers of width ${width} with gelu, at a batch of ${batch}, under \`jit\`:\n\n` +
  `${await deepNetwork()}\n\n${await loop()}`

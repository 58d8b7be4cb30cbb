/** Runs the vector mathematics of float64 over arrays, and measures errors in units of the last place. */
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import type { Expr } from '../../../../src/backends/wasm/asm/index.ts'
import { i32, load, ModuleBuilder } from '../../../../src/backends/wasm/asm/index.ts'

import type { HostFunction, Vector, VectorMath } from '../../../../src/backends/wasm/math/index.ts'
import { createFloat64Math, hostFunctions, importHostFunctions } from '../../../../src/backends/wasm/math/index.ts'

/** The part of WebAssembly's JavaScript interface that is used here; the libraries of types for ES and Node lack it. */
interface Engine {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: { run: (bytes: number) => void } }
}

const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly

// Node 20 has relaxed SIMD behind this flag, later ones have it without.
setFlagsFromString('--experimental-wasm-relaxed-simd')

export type Formula = (math: VectorMath, x: Vector, y: Vector) => Vector
/** Elementwise; the second operand is zeros unless it is given. */
export type Elementwise = (xs: readonly number[], ys?: readonly number[]) => Float64Array

/** Elements that the memory has room for, in each of three arrays. */
const ROOM = 1 << 18
const X = 0
const Y = 8 * ROOM
const Z = 16 * ROOM

/** A function over arrays of any length (an odd last element is calculated twice). */
export const compile = (formula: Formula, relaxed = false): Elementwise => {
  const module = new ModuleBuilder()
  module.importMemory('env', 'memory', { initial: 1, maximum: 65536, shared: false })
  const host = importHostFunctions(module, Object.keys(hostFunctions) as HostFunction[])
  const math = createFloat64Math({ module, relaxed, host })
  const body = (i: Expr<'i32'>): Vector => formula(math, load('v128.load', i, X), load('v128.load', i, Y))
  module.function(
    ['i32'],
    null,
    (code) => {
      code.for(i32(0), code.param<'i32'>(0), 16, (i) => {
        code.store('v128.store', i, body(i), Z)
      })
    },
    'run',
  )
  const memory = new engine.Memory({ initial: (24 * ROOM) / 65536, maximum: 65536 })
  const instance = new engine.Instance(new engine.Module(module.finish()), { env: { memory }, math: hostFunctions })
  return (xs, ys = []) => {
    const [x, y, z] = [X, Y, Z].map((at) => new Float64Array(memory.buffer, at, ROOM)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ]
    y.fill(0, 0, xs.length + 1)
    x.set(xs)
    y.set(ys)
    x[xs.length] = x[xs.length - 1]!
    y[xs.length] = y[xs.length - 1]!
    instance.exports.run(8 * xs.length)
    return z.slice(0, xs.length)
  }
}

// Errors

const bits = new BigInt64Array(1)
const float = new Float64Array(bits.buffer)

export const bitsOf = (x: number): bigint => {
  float[0] = x
  return bits[0]!
}

export const floatOf = (x: bigint): number => {
  bits[0] = x
  return float[0]!
}

/** What the last bit of a float64 stands for. */
export const lastPlace = (x: number): number => {
  const exponent = Number((bitsOf(x) >> 52n) & 0x7ffn)
  return exponent <= 52 ? 2 ** Math.max(-1074, exponent - 1075) : floatOf(BigInt(exponent - 52) << 52n)
}

/** The distance from the true value, which is `remainder` last places above the float64 `nearest` to it. */
export const errorOf = (value: number, nearest: number, remainder: number, unit = lastPlace(nearest)): number =>
  value === nearest ? Math.abs(remainder) : Math.abs((value - nearest) / unit - remainder)

/** Recorded true values: see test/goldens/record_math64.py. */
export interface Recorded {
  readonly xs: readonly number[]
  readonly ys: readonly number[]
  readonly nearest: readonly number[]
  readonly remainders: readonly number[]
}

const file = new URL('../../../goldens/data/math64.json', import.meta.url)
const texts = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>

export const recorded = (name: string, operands: 1 | 2): Recorded => {
  const data = Buffer.from(texts[name]!, 'base64')
  const width = 8 * operands + 9
  const starts = Array.from({ length: data.length / width }, (_, i) => i * width)
  return {
    xs: starts.map((at) => data.readDoubleLE(at)),
    ys: operands === 1 ? [] : starts.map((at) => data.readDoubleLE(at + 8)),
    nearest: starts.map((at) => data.readDoubleLE(at + 8 * operands)),
    remainders: starts.map((at) => data.readInt8(at + width - 1) / 200),
  }
}

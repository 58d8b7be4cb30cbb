/** Runs the vector mathematics of float32 over arrays, and measures errors in units of the last place. */
import { setFlagsFromString } from 'node:v8'
import type { Expr } from '../../../../src/backends/wasm/asm/index.ts'
import { i32, load, ModuleBuilder } from '../../../../src/backends/wasm/asm/index.ts'
import type { MathName, Vector, VectorMath } from '../../../../src/backends/wasm/math/index.ts'
import {
  createFloat32Math,
  hostFunctions,
  hostFunctionsOf,
  importHostFunctions,
} from '../../../../src/backends/wasm/math/index.ts'

/** The part of WebAssembly's JavaScript interface that is used here; the libraries of types for ES and Node lack it. */
interface Engine {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: { run: (bytes: number) => void } }
  readonly validate: (bytes: Uint8Array) => boolean
}

const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly

// Node 20 has relaxed SIMD behind this flag, later ones have it without.
setFlagsFromString('--experimental-wasm-relaxed-simd')

export type Formula = (math: VectorMath, x: Vector, y: Vector) => Vector
/** Elementwise, over whole vectors; the second operand is zeros unless it is given. */
export type Elementwise = (xs: Float32Array, ys?: Float32Array) => Float32Array

/** Elements that the memory has room for, in each of three arrays. */
export const ROOM = 1 << 19
const X = 0
const Y = 4 * ROOM
const Z = 8 * ROOM

const moduleFor = (formula: Formula, uses: readonly MathName[], relaxed: boolean): Uint8Array => {
  const module = new ModuleBuilder()
  module.importMemory('env', 'memory', { initial: 1, maximum: 65536, shared: false })
  const host = importHostFunctions(
    module,
    uses.flatMap((name) => hostFunctionsOf('float32', name)),
  )
  const math = createFloat32Math({ module, relaxed, host })
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
  return module.finish()
}

/** A function over arrays of four, eight, ... elements, which uses no other operations than those that are named. */
export const compile = (formula: Formula, uses: readonly MathName[], relaxed = false): Elementwise => {
  const memory = new engine.Memory({ initial: (12 * ROOM) / 65536, maximum: 65536 })
  const module = new engine.Module(moduleFor(formula, uses, relaxed))
  const { run } = new engine.Instance(module, { env: { memory }, math: hostFunctions }).exports
  const [x, y, z] = [X, Y, Z].map((at) => new Float32Array(memory.buffer, at, ROOM)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  return (xs, ys) => {
    if (xs.length % 4 !== 0 || xs.length > ROOM) throw new Error(`${xs.length} elements`)
    x.set(xs)
    if (ys === undefined) y.fill(0, 0, xs.length)
    else y.set(ys)
    run(4 * xs.length)
    return z.slice(0, xs.length)
  }
}

export const hasRelaxed = engine.validate(moduleFor((math, x) => math.exp(x), ['exp'], true))

// Representation

const bits = new Int32Array(1)
const float = new Float32Array(bits.buffer)

export const bitsOf = (x: number): number => {
  float[0] = x
  return bits[0]!
}

export const floatOf = (x: number): number => {
  bits[0] = x
  return float[0]!
}

const double = new Float64Array(1)
const halves = new Int32Array(double.buffer)

/** The distance of float32 numbers around x, 2^-149 at least. */
const lastPlace = (x: number): number => {
  double[0] = x
  const exponent = ((halves[1]! >>> 20) & 0x7ff) - 1023
  return 2 ** (Math.min(Math.max(exponent, -126), 127) - 23)
}

const greatest = 2 ** 128

/**
 * How far a result is from a float64 that should have been rounded to it, in units of the last place. Infinities count as 2^128,
 * the first number that rounds to them, so that results next to overflow are compared as any others. NaN must be NaN, and a zero
 * have the right sign.
 */
export const errorOf = (got: number, wanted: number): number => {
  if (Number.isNaN(got) || Number.isNaN(wanted)) return Object.is(got, wanted) ? 0 : Infinity
  if (got === 0 && Math.fround(wanted) === 0) return Object.is(got, Math.fround(wanted)) ? 0 : Infinity
  const bounded = (x: number): number => Math.min(Math.max(x, -greatest), greatest)
  return Math.abs(bounded(got) - bounded(wanted)) / lastPlace(bounded(wanted))
}

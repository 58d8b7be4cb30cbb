/** The frozen projections of VeRA, as PyTorch draws them: MT19937, so that files of PEFT need not have them. */
import { Aval } from '../../core/aval.ts'
import type { NDArray } from '../../trace/value.ts'
import { fromHost } from '../../trace/value.ts'

const [N, M] = [624, 397]

/** 32-bit words of MT19937: Matsumoto and Nishimura, "Mersenne Twister" (1998), seeded as `init_genrand` does. */
const mersenneTwister = (seed: number): (() => number) => {
  const state = new Uint32Array(N)
  state[0] = seed
  for (let i = 1; i < N; i++) {
    const last = state[i - 1]! ^ (state[i - 1]! >>> 30)
    state[i] = Math.imul(1812433253, last) + i
  }
  let at = N
  const twist = (): void => {
    for (let i = 0; i < N; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % N]! & 0x7fffffff)
      state[i] = state[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
    }
    at = 0
  }
  return () => {
    if (at === N) twist()
    let y = state[at++]!
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }
}

/** Kaiming's uniform values, within √6 / √inputs: PyTorch's `uniform_` takes 24 bits of each word, and rounds once. */
const kaiming = (next: () => number, rows: number, columns: number): NDArray => {
  const bound = Math.sqrt(3) * (Math.SQRT2 / Math.sqrt(columns))
  const low = Math.fround(-bound)
  const span = Math.fround(Math.fround(bound) - low)
  const values = Float32Array.from({ length: rows * columns }, () =>
    Math.fround(((next() & 0xffffff) / 0x1000000) * span + low),
  )
  // Not an operation: while a function is traced, its result would belong to that trace, but the cache outlives it.
  return fromHost(new Aval('float32', [rows, columns]), values)
}

/** The parameters of projections. */
export interface ProjectionSpec {
  /** `projection_prng_key`. */
  readonly seed: number
  readonly rank: number
  /** The largest numbers of inputs and outputs of the adapted modules. */
  readonly inputs: number
  readonly outputs: number
}

/** A of shape `[rank, inputs]` and B of shape `[outputs, rank]`, of which modules take the first columns and rows. */
interface Projections {
  readonly a: NDArray
  readonly b: NDArray
}

// Cached by the specification object: drawing takes milliseconds, and a step should not do it twice.
const drawn = new WeakMap<ProjectionSpec, Projections>()

/** The projections of a seed. */
export const projectionsOf = (spec: ProjectionSpec): Projections => {
  const known = drawn.get(spec)
  if (known !== undefined) return known
  const next = mersenneTwister(spec.seed >>> 0)
  const a = kaiming(next, spec.rank, spec.inputs)
  const b = kaiming(next, spec.outputs, spec.rank)
  drawn.set(spec, { a, b })
  return { a, b }
}

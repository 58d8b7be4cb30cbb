/** Who takes part, and how each is started. */
import { spawnSync } from 'node:child_process'

export type LibraryName = 'pullback' | 'xla' | 'jax' | 'tensorflow' | 'plain'
/** Libraries in Python, for orientation. */
export type PythonName = 'jax' | 'torch'

export interface Contestant {
  /** Its column in the table. */
  readonly name: string
  readonly runs:
    { readonly library: LibraryName; readonly threads: boolean; readonly flags: readonly string[] } | PythonRuns
  /** Pullback's own, whose best time counts; a peer, of which the best counts; or there for orientation. */
  readonly role: 'own' | 'peer' | 'orientation'
}

export interface PythonRuns {
  readonly python: PythonName
}

// Node 20 has relaxed SIMD behind a flag; later versions and browsers have it without.
const relaxed = ['--experimental-wasm-relaxed-simd']

const node = (
  name: string,
  role: Contestant['role'],
  library: LibraryName,
  { threads = false, flags = [] as readonly string[] } = {},
): Contestant => ({ name, role, runs: { library, threads, flags } })

/** Each as it comes in Node, and at its best. */
export const contestants: readonly Contestant[] = [
  node('Pullback', 'own', 'pullback'),
  node('Pullback, relaxed SIMD', 'own', 'pullback', { flags: relaxed }),
  node('jax-js', 'peer', 'jax'),
  node('jax-js, relaxed SIMD', 'peer', 'jax', { flags: relaxed }),
  node('jax-js, threads, relaxed SIMD', 'peer', 'jax', { threads: true, flags: relaxed }),
  node('TensorFlow.js', 'peer', 'tensorflow'),
  node('TensorFlow.js, threads', 'peer', 'tensorflow', { threads: true }),
  node('plain loops', 'orientation', 'plain'),
]

/** Pullback's programs on XLA, for orientation: its own engine is what is measured. */
export const xlaContestant: Contestant = node('Pullback, XLA', 'orientation', 'xla')

const pythonContestants = [
  { name: 'JAX', role: 'orientation', runs: { python: 'jax' } },
  { name: 'PyTorch', role: 'orientation', runs: { python: 'torch' } },
] as const satisfies readonly Contestant[]

/** Those whose library the interpreter has. */
export const pythonContestantsOf = (interpreter: string): readonly Contestant[] =>
  pythonContestants.filter(({ runs: { python } }) => {
    const code = `import importlib.util, sys; sys.exit(importlib.util.find_spec('${python}') is None)`
    return spawnSync(interpreter, ['-c', code]).status === 0
  })

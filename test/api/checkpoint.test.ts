import {
  checkpoint,
  checkpointName,
  checkpointPolicies,
  customJvp,
  grad,
  hessian,
  jit,
  lax,
  makeProgram,
  np,
  optimize,
  parseProgram,
  printProgram,
  pureCallback,
  savedResiduals,
  ShapeDtypeStruct,
  valueAndGrad,
  vmap,
} from 'pullback'
import type { CheckpointOptions, NDArray, Program } from 'pullback'
import { assertAllClose, assertClose } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { subprograms } from '../../src/ir/walk.ts'
import { legalise } from '../../src/backends/wasm/legalise.ts'
import { at64 } from './support/everywhere.ts'

const { dotsSaveable, everythingSaveable, nothingSaveable, saveFromBothPolicies } = checkpointPolicies
const { saveAnyNamesButThese, saveAnythingExceptTheseNames, saveOnlyTheseNames } = checkpointPolicies

const x = np.array([0.3, -1.2], { dtype: 'float64' })

describe('saveFromBothPolicies', () => {
  const layer = (v: NDArray, w: NDArray): NDArray => {
    const product = checkpointName(np.sin(np.matmul(w, v)), 'a')
    return np.cos(checkpointName(np.tanh(np.sin(product)), 'b'))
  }
  const w = np.array([[1, 2], [3, 4]], { dtype: 'float64' }) // prettier-ignore
  const origins = (policy: CheckpointOptions['policy']): readonly string[] =>
    savedResiduals(checkpoint(layer, policy === undefined ? {} : { policy }), x, w)
      .map((r) => r.origin.replace(/ at .*/, ''))
      .filter((origin) => !origin.startsWith('argument'))
      .sort()

  it('keeps what either of two policies keeps', () => {
    expect(origins(saveFromBothPolicies(saveOnlyTheseNames('a'), saveOnlyTheseNames('b')))).toEqual(
      origins(saveOnlyTheseNames('a', 'b')),
    )
    expect(origins(saveFromBothPolicies(dotsSaveable, saveOnlyTheseNames('b')))).toEqual(["dotGeneral", "name 'b'"]) // prettier-ignore
    expect(origins(saveFromBothPolicies(saveAnyNamesButThese('a'), nothingSaveable))).toEqual(["name 'b'"])
    expect(origins(saveFromBothPolicies(nothingSaveable, everythingSaveable))).toEqual(origins(everythingSaveable))
    expect(origins(saveFromBothPolicies(nothingSaveable, nothingSaveable))).toEqual([])
  })

  it('nests, in any order, and is plain data', () => {
    const [a, b, c] = [dotsSaveable, saveOnlyTheseNames('a'), saveAnythingExceptTheseNames('a')]
    const left = saveFromBothPolicies(saveFromBothPolicies(a, b), c)
    expect(left).toEqual(saveFromBothPolicies(a, saveFromBothPolicies(b, c)))
    expect(origins(left)).toEqual(origins(saveFromBothPolicies(c, saveFromBothPolicies(b, a))))
    expect(JSON.parse(JSON.stringify(left))).toEqual(left)
  })

  it('changes no derivative, and prints and parses', () => {
    const policy = saveFromBothPolicies(dotsSaveable, saveOnlyTheseNames('b', 'c'))
    const [f, g] = [layer, checkpoint(layer, { policy, preventCse: false })].map((h) => (v: NDArray) => np.sum(h(v, w)))
    assertClose('gradient', grad(g!)(x), grad(f!)(x))
    assertClose('hessian', hessian(g!)(x), hessian(f!)(x))
    const text = printProgram(makeProgram(g!)(x))
    expect(text).toContain('policies=[["dotsSaveable"], ["saveOnlyTheseNames", "b", "c"]], preventCse=false')
    const back = parseProgram(text)
    expect(back._tag === 'Right' && printProgram(back.right)).toBe(text)
  })
})

describe('preventCse', () => {
  const chain = (v: NDArray): NDArray => np.sin(np.sin(np.sin(v)))
  const total = (f: (v: NDArray) => NDArray) => (v: NDArray) => np.sum(f(v))

  /** How often an operation stands in a program and the programs in it. */
  const count = (program: Program, op: string): number =>
    program.equations.reduce(
      (n, eqn) => n + subprograms(eqn).reduce((m, [, p]) => m + count(p, op), eqn.op === op ? 1 : 0),
      0,
    )
  const derived = (options: CheckpointOptions): Program =>
    optimize(makeProgram(valueAndGrad(total(checkpoint(chain, options))))(x))

  it('by default nothing is found outside that a checkpoint computes again, by passes or by the compiler', () => {
    // Three sines and, for the cosines, two again.
    for (const options of [{}, { preventCse: true }]) {
      expect(count(derived(options), 'sin')).toBe(5)
      expect(count(legalise(derived(options)), 'sin')).toBe(5)
    }
  })

  it('false lets passes find it', () => {
    const program = derived({ preventCse: false })
    expect(count(program, 'sin')).toBe(3)
    expect(count(legalise(program), 'sin')).toBe(3)
    // Still a checkpoint, which is handed the two sines in place of computing them.
    const [again] = program.equations.filter((eqn) => eqn.op === 'checkpoint')
    expect(again!.params.program.inputs.length).toBeGreaterThanOrEqual(3)
  })

  it('is the same function with the same derivatives either way', () => {
    const [f, g] = [total(chain), total(checkpoint(chain, { preventCse: false }))]
    assertAllClose('compiled', jit(valueAndGrad(g))(x), valueAndGrad(f)(x))
    assertClose('hessian', jit(hessian(g))(x), hessian(f)(x))
    assertClose('gradient of a compiled gradient', hessian(jit(g))(x), hessian(f)(x))
    const slope = (h: typeof f) => (v: NDArray) => np.sum(np.square(jit(grad(h))(v)))
    assertClose('through jit', grad(slope(g))(x), grad(slope(f))(x))
    assertClose('batched', jit(vmap(grad(g)))(np.stack([x, x])), vmap(grad(f))(np.stack([x, x])))
  })

  it('keeps memory low without jit, and what is differentiated later stays checkpointed', () => {
    const f = checkpoint(chain, { preventCse: false })
    expect(savedResiduals(f, x).join()).toBe('f64[2] from argument [0]')
    expect(savedResiduals(jit(f), x).join()).toBe('f64[2] from argument [0]')
  })

  it('in loops there is nothing to find: forward and backward steps are in different loops', () => {
    const loop = (options: CheckpointOptions) => (v: NDArray) =>
      np.sum(lax.scan((c: NDArray) => [checkpoint(chain, options)(c), null], v, null, { length: 3 })[0])
    const sines = (options: CheckpointOptions): number =>
      count(optimize(makeProgram(valueAndGrad(loop(options)))(x)), 'sin')
    expect(sines({ preventCse: false })).toBe(sines({}))
    assertClose('gradient', jit(grad(loop({ preventCse: false })))(x), grad(loop({}))(x))
  })

  it('what has an effect or other operands is not taken for the same', () => {
    const f = (v: NDArray, u: NDArray): readonly NDArray[] => [
      np.sin(u),
      checkpoint((a: NDArray) => np.add(np.sin(a), np.exp(np.sin(a))), { preventCse: false })(v),
    ]
    expect(count(optimize(makeProgram(f)(x, x)), 'sin')).toBe(2)
    const g = (v: NDArray): readonly NDArray[] => f(v, v)
    expect(count(optimize(makeProgram(g)(x)), 'sin')).toBe(1)
    assertAllClose('values', jit(g)(x), g(x))
  })
})

describe('recomputation', () => {
  /** A sine whose evaluations are counted, and how often it runs in the gradient of what `wrap` makes of it. */
  const counted = (wrap: (f: (x: NDArray) => NDArray) => (x: NDArray) => NDArray, compile = false): number => {
    let calls = 0
    const onHost = (x: NDArray): NDArray => {
      calls++
      return np.sin(x)
    }
    const sine = customJvp((x: NDArray) => pureCallback(onHost, new ShapeDtypeStruct([], 'float64'), x)).defjvp(
      ([x], [t]) => [pureCallback(onHost, new ShapeDtypeStruct([], 'float64'), x), np.multiply(t, np.cos(x))],
    )
    const f = wrap((x) => np.square(checkpointName(sine(x), 'sine')))
    const g = compile ? jit(valueAndGrad(f)) : valueAndGrad(f)
    const [, slope] = g(at64(0.3))
    const once = calls
    assertClose('gradient', slope, grad(wrap((x) => np.square(np.sin(x))))(at64(0.3)))
    return once
  }
  const keep = checkpointPolicies.saveOnlyTheseNames('sine')
  const inScan =
    (body: (x: NDArray) => NDArray) =>
    (x: NDArray): NDArray =>
      lax.scan((c: NDArray) => [body(c), null], x, null, { length: 3 })[0]

  it.each([false, true])(
    'happens once for each checkpoint, and not where the policy keeps the value (jit: %s)',
    (jitted) => {
      expect(counted((f) => f, jitted)).toBe(1)
      expect(counted((f) => checkpoint(f), jitted)).toBe(2)
      expect(counted((f) => checkpoint(f, { policy: keep }), jitted)).toBe(1)
      expect(counted((f) => checkpoint(f, { policy: checkpointPolicies.everythingSaveable }), jitted)).toBe(1)
      expect(counted((f) => inScan(f), jitted)).toBe(3)
      expect(counted((f) => inScan(checkpoint(f)), jitted)).toBe(6)
    },
  )

  it('of nested checkpoints happens at each level', () => {
    expect(counted((f) => checkpoint((x: NDArray) => np.sin(checkpoint(f)(x))))).toBe(3)
  })
})

/** Every named error, raised by a caller's mistake, with its message: the operation, what was given, a hint. */
import { afterEach, describe, expect, it } from 'vitest'
import {
  checkProgram,
  customGradient,
  customJvp,
  customVjp,
  debug,
  evalProgram,
  evalShape,
  grad,
  hessian,
  jit,
  jvp,
  lax,
  linearize,
  linearTranspose,
  makeProgram,
  nn,
  np,
  optim,
  parseProgram,
  random,
  tree,
  valueAndGrad,
  vjp,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'

interface Mistake {
  readonly what: string
  readonly does: () => unknown
  readonly throws: string
  readonly saying: readonly RegExp[]
}

const two = np.array([1, 2])
const three = np.array([1, 2, 3])
const ints = np.array([1, 2], { dtype: 'int32' })
const as = <T>(x: unknown): T => x as T
/** A value of a type that is not allowed, where the type depends on it. */
const wrong = (x: unknown): never => x as never

const leak = (): NDArray => {
  let kept: NDArray | undefined
  grad((x: NDArray) => {
    kept = x
    return x
  })(np.array(1))
  return kept!
}

const shapes: readonly Mistake[] = [
  { what: 'broadcasting', does: () => np.add(two, three), throws: 'ShapeError', saying: [/add/, /\[2\]/, /\[3\]/] },
  {
    what: 'matmul',
    does: () => np.matmul(np.ones([2, 3]), np.ones([2, 3])),
    throws: 'ShapeError',
    saying: [/matmul/, /2.*3/],
  },
  { what: 'reshape', does: () => np.reshape(three, [2, 2]), throws: 'ShapeError', saying: [/reshape/, /3/, /2/] },
  {
    what: 'an axis out of range',
    does: () => np.sum(three, { axis: 1 }),
    throws: 'ShapeError',
    saying: [/sum/, /axis/, /1/],
  },
  {
    what: 'an axis named twice',
    does: () => np.sum(np.ones([2, 2]), { axis: [0, -2] }),
    throws: 'ShapeError',
    saying: [/axis|axes/],
  },
  {
    what: 'tangents of another shape',
    does: () => jvp(np.sin, [two], [three]),
    throws: 'ShapeError',
    saying: [/jvp: the tangent at \[0\] is f32\[3\], its value f32\[2\]/],
  },
  {
    what: 'cotangents of another shape',
    does: () => vjp((x: NDArray) => ({ y: np.sin(x) }), two)[1]({ y: three }),
    throws: 'ShapeError',
    saying: [/vjp: the cotangent at \.y is f32\[3\], its value f32\[2\]/],
  },
  {
    what: 'cotangents of another shape, of a transpose',
    does: () => linearTranspose((x: NDArray) => np.multiply(x, 2), two)(three),
    throws: 'ShapeError',
    saying: [/linearTranspose: the cotangent is f32\[3\]/],
  },
  {
    what: 'updates of another shape',
    does: () => optim.applyUpdates({ layers: [{ w: two }] }, { layers: [{ w: three }] }),
    throws: 'ShapeError',
    saying: [/optim\.applyUpdates: the update at \.layers\[0\]\.w is f32\[3\], its parameter f32\[2\]/],
  },
  {
    what: 'updates that would broadcast',
    does: () => optim.applyUpdates(two, np.ones([3, 2])),
    throws: 'ShapeError',
    saying: [/the update is f32\[3,2\], its parameter f32\[2\]/],
  },
  { what: 'max of nothing', does: () => np.max(np.zeros([0])), throws: 'ShapeError', saying: [/max/i] },
  {
    what: 'concatenate',
    does: () => np.concatenate([np.ones([2, 2]), np.ones([3, 3])]),
    throws: 'ShapeError',
    saying: [/concatenate/],
  },
  { what: 'stack', does: () => np.stack([two, three]), throws: 'ShapeError', saying: [/stack|shape/] },
  { what: 'ragged nested arrays', does: () => np.array([[1, 2], [3]]), throws: 'ShapeError', saying: [/rectangular/] },
  {
    what: 'einsum',
    does: () => np.einsum('ij,jk->ik', np.ones([2, 3]), np.ones([2, 3])),
    throws: 'ShapeError',
    saying: [/einsum/, /j/],
  },
  {
    what: 'grad of a vector function',
    does: () => grad((x: NDArray) => x)(three),
    throws: 'ShapeError',
    saying: [/grad/, /scalar/, /jacrev/],
  },
  {
    what: 'a linear layer',
    does: () => nn.linear(3, 2).apply(nn.linear(3, 2).init(random.key(0)), two),
    throws: 'ShapeError',
    saying: [/nn\.linear/, /3/],
  },
  { what: 'sizes under vmap', does: () => vmap(np.add)(two, three), throws: 'ShapeError', saying: [/vmap/, /2/, /3/] },
  {
    what: 'a batch axis out of range',
    does: () => vmap(np.sin)(np.array(1)),
    throws: 'ShapeError',
    saying: [/vmap/, /rank 0/],
  },
  {
    what: 'lax does not broadcast',
    does: () => lax.add(two, np.ones([2, 2])),
    throws: 'ShapeError',
    saying: [/add/, /np broadcast/],
  },
  {
    what: 'squared errors of other shapes',
    does: () => optim.squaredError(two, np.ones([2, 1])),
    throws: 'ShapeError',
    saying: [/squaredError/, /one shape/],
  },
  {
    what: 'a key of another shape',
    does: () => random.normal(three, [2]),
    throws: 'ShapeError',
    saying: [/key/, /random\.key/],
  },
  {
    what: 'a number for a shape',
    does: () => random.normal(random.key(0), as(3)),
    throws: 'ShapeError',
    saying: [/random\.normal/, /list of extents/],
  },
]

const dtypes: readonly Mistake[] = [
  {
    what: 'grad of integers',
    does: () => grad((x: NDArray) => np.sum(x))(ints),
    throws: 'DTypeError',
    saying: [/grad/, /i32\[2\]/, /astype/, /allowInt/],
  },
  {
    what: 'grad of a tree with integers',
    does: () => grad((p: { a: { n: NDArray } }) => np.sum(p.a.n))({ a: { n: ints } }),
    throws: 'DTypeError',
    saying: [/\.a\.n/],
  },
  {
    what: 'grad of an integer function',
    does: () => grad((x: NDArray) => np.argmax(x))(three),
    throws: 'DTypeError',
    saying: [/float scalar/],
  },
  {
    what: 'hessian of integers',
    does: () => hessian((x: NDArray) => np.sum(x))(ints),
    throws: 'DTypeError',
    saying: [/i32/],
  },
  {
    what: 'a function of floats on integers',
    does: () => lax.sin(np.zeros([2], { dtype: 'int8' })),
    throws: 'DTypeError',
    saying: [/sin/, /floats/, /i8\[2\]/, /astype.*float32/],
  },
  {
    what: 'an unknown dtype',
    does: () => np.zeros([2], { dtype: as('float31') }),
    throws: 'DTypeError',
    saying: [/float31/, /float32/],
  },
  { what: 'float indices', does: () => np.take(three, np.array([0.5])), throws: 'DTypeError', saying: [/take/, /int/] },
  { what: 'lax does not promote', does: () => lax.add(two, ints), throws: 'DTypeError', saying: [/add/, /np promote/] },
  {
    what: 'an integer to a negative power',
    does: () => np.power(ints, -1),
    throws: 'DTypeError',
    saying: [/power/, /astype/],
  },
  {
    what: 'subtraction of bools',
    does: () => np.subtract(np.array([true]), np.array([false])),
    throws: 'DTypeError',
    saying: [/sub/],
  },
  {
    what: 'tangents of another dtype',
    does: () => jvp(np.sin, [two], [np.ones([2], { dtype: 'float64' })]),
    throws: 'DTypeError',
    saying: [/jvp/, /f64/, /f32/],
  },
  {
    what: 'cotangents of another dtype',
    does: () => vjp(np.sin, two)[1](ints),
    throws: 'DTypeError',
    saying: [/vjp: the cotangent is i32\[2\], its value f32\[2\]/],
  },
  {
    what: 'cotangents of another shape and dtype',
    does: () => vjp(np.sin, two)[1](np.ones([3], { dtype: 'float64' })),
    throws: 'DTypeError',
    saying: [/the cotangent is f64\[3\], its value f32\[2\]/],
  },
  {
    what: 'float labels',
    does: () => optim.softmaxCrossEntropyWithIntegerLabels(np.ones([2, 2]), two),
    throws: 'DTypeError',
    saying: [/labels|indices/i],
  },
]

const tracers: readonly Mistake[] = [
  {
    what: 'a branch under jit',
    does: () => jit((x: NDArray) => (x.item() > 0 ? x : x.neg()))(np.array(1)),
    throws: 'TracerError',
    saying: [/item/, /np\.where/, /staticArgnums/],
  },
  {
    what: 'an operator of JS',
    does: () => grad((x: NDArray) => np.array(as<number>(x) * 2))(np.array(1)),
    throws: 'TracerError',
    saying: [/mul/, /methods/],
  },
  {
    what: 'an index under jit',
    does: () => jit((x: NDArray) => [10, 20][as<number>(x)]!)(np.array(1)),
    throws: 'TracerError',
    saying: [/index/, /np\.take/],
  },
  {
    what: 'elements under vmap',
    does: () => vmap((x: NDArray) => x.toArray() as number)(two),
    throws: 'TracerError',
    saying: [/toArray/, /vmap/],
  },
  { what: 'a leaked tracer', does: () => leak().add(1), throws: 'TracerError', saying: [/escaped/, /grad/, /Return/] },
  {
    what: 'a boolean mask under jit',
    does: () => jit((x: NDArray) => x.at(np.greater(x, 1)).get())(three),
    throws: 'TracerError',
    saying: [/np\.where|mask/],
  },
]

const trees: readonly Mistake[] = [
  {
    what: 'trees that part',
    does: () =>
      tree.map((x: number, y: number) => x + y, { a: 1, b: [2] }, as<{ a: number; b: number[] }>({ a: 1, b: 2 })),
    throws: 'TreeError',
    saying: [/\.b/],
  },
  {
    what: 'missing keys',
    does: () => optim.applyUpdates({ w: two, v: two }, { w: two }),
    throws: 'TreeError',
    saying: [/applyUpdates/],
  },
  {
    what: 'a string among the arguments',
    does: () =>
      grad(as<(p: { x: NDArray; s: string }) => NDArray>((p: { x: NDArray }) => np.sum(p.x)))({ x: two, s: 'relu' }),
    throws: 'TreeError',
    saying: [/\.s/, /relu/, /partition/],
  },
  {
    what: 'cotangents of another structure',
    does: () => vjp((x: NDArray) => ({ y: x }), two)[1](as({ z: two })),
    throws: 'TreeError',
    saying: [/vjp: cotangents have the structure/],
  },
  {
    what: 'a function where an array is wanted',
    does: () => jit((x: NDArray) => x)(as(() => 1)),
    throws: 'TreeError',
    saying: [/function/, /static/],
  },
  {
    what: 'a class registered twice',
    does: () => {
      class C {
        readonly x = 1
      }
      for (let i = 0; i < 2; i++)
        tree.registerPytreeNode(
          C,
          (c) => ({ children: [c.x] }),
          () => new C(),
        )
    },
    throws: 'TreeError',
    saying: [/C/, /already/],
  },
]

/** What is no function, where one is wanted: it is named at once, and not when it is called. */
const noFunctions: { readonly [what: string]: readonly [does: () => unknown, saying: RegExp] } = {
  customJvp: [() => customJvp(wrong(3)), /customJvp: f must be a function, got 3/],
  customVjp: [() => customVjp(wrong(two)), /customVjp: f must be a function, got an array f32\[2\]/],
  customGradient: [() => customGradient(wrong(null)), /customGradient: f must be a function, got null/],
  defjvp: [() => customJvp(np.sin).defjvp(wrong(3)), /customJvp.*defjvp: rule must be a function/],
  defvjp: [
    () => customVjp((x: NDArray) => x).defvjp((x) => [x, null], wrong(3)),
    /customVjp.*defvjp: backward must be a function/,
  ],
  jvp: [() => jvp(wrong(3), [two], [two]), /jvp: f must be a function/],
  vjp: [
    () => vjp(wrong(np.sin(two)), two),
    /vjp: f must be a function, got an array f32\[2\]\. Give the function itself/,
  ],
  linearize: [() => linearize(wrong(3), two), /linearize: f must be a function/],
  linearTranspose: [() => linearTranspose(wrong(3), two), /linearTranspose: f must be a function/],
  makeProgram: [() => makeProgram(wrong(3)), /makeProgram: f must be a function/],
  evalShape: [() => evalShape(wrong(3), two), /evalShape: f must be a function/],
  scan: [() => lax.scan(wrong(3), two, two), /scan: f must be a function/],
  map: [() => lax.map(wrong(3), two), /map: f must be a function/],
  'the condition of whileLoop': [() => lax.whileLoop(wrong(true), (x) => x, two), /whileLoop: cond must be a function/],
  'the body of whileLoop': [() => lax.whileLoop(() => true, wrong(3), two), /whileLoop: body must be a function/],
  foriLoop: [() => lax.foriLoop(0, 2, wrong(two), two), /foriLoop: body must be a function/],
  cond: [() => lax.cond(true, wrong(two), () => two), /cond: expected a function/],
  switch: [() => lax.switch(0, [wrong(two)], two), /switch: branches must be a list of functions/],
  customRoot: [() => lax.customRoot((x) => x, two, wrong(3), wrong(3)), /customRoot: solve must be a function/],
  customLinearSolve: [
    () => lax.customLinearSolve(wrong(3), two, wrong(3)),
    /customLinearSolve: matvec must be a function/,
  ],
  fixedPoint: [() => lax.fixedPoint(wrong(3), two), /fixedPoint: f must be a function/],
}

/** Schedules whose options are missing, or stand where none is looked for. */
const badSchedules: { readonly [what: string]: readonly [does: () => unknown, saying: RegExp] } = {
  'linearSchedule, of numbers': [
    () => (optim.linearSchedule as (...xs: unknown[]) => unknown)(0, 1, 10),
    /optim\.linearSchedule: options go in one object, .*\{ initValue, endValue, transitionSteps \}.* got 0/,
  ],
  'linearSchedule, without steps': [
    () => optim.linearSchedule(as({ initValue: 0, endValue: 1 })),
    /optim\.linearSchedule: transitionSteps must be a number, got undefined/,
  ],
  polynomialSchedule: [
    () => optim.polynomialSchedule(as({ initValue: 0, endValue: 1, transitionSteps: 2 })),
    /optim\.polynomialSchedule: power must/,
  ],
  exponentialDecay: [() => optim.exponentialDecay(as(0.1)), /optim\.exponentialDecay: options .* got 0\.1/],
  cosineDecaySchedule: [
    () => optim.cosineDecaySchedule({ initValue: NaN, decaySteps: 2 }),
    /optim\.cosineDecaySchedule: initValue must be a number, got NaN/,
  ],
  'cosineDecaySchedule, alpha': [
    () => optim.cosineDecaySchedule({ initValue: 1, decaySteps: 2, alpha: as('0') }),
    /optim\.cosineDecaySchedule: alpha must be a number/,
  ],
  piecewiseConstantSchedule: [
    () => optim.piecewiseConstantSchedule(as(undefined)),
    /optim\.piecewiseConstantSchedule: options go in one object/,
  ],
  piecewiseInterpolateSchedule: [
    () => optim.piecewiseInterpolateSchedule(as({ interpolateType: 'linear' })),
    /optim\.piecewiseInterpolateSchedule: initValue must/,
  ],
  linearOnecycleSchedule: [
    () => optim.linearOnecycleSchedule(as({ transitionSteps: 5 })),
    /optim\.linearOnecycleSchedule: peakValue must/,
  ],
  cosineOnecycleSchedule: [() => optim.cosineOnecycleSchedule(as(5)), /optim\.cosineOnecycleSchedule: options go/],
  warmupConstantSchedule: [
    () => optim.warmupConstantSchedule(as({ initValue: 0, peakValue: 1 })),
    /optim\.warmupConstantSchedule: warmupSteps must/,
  ],
  warmupCosineDecaySchedule: [
    () => optim.warmupCosineDecaySchedule(as({ initValue: 0, peakValue: 1, warmupSteps: 2 })),
    /optim\.warmupCosineDecaySchedule: decaySteps must/,
  ],
  warmupExponentialDecaySchedule: [
    () => optim.warmupExponentialDecaySchedule(as({ initValue: 0, peakValue: 1, warmupSteps: 2, transitionSteps: 3 })),
    /optim\.warmupExponentialDecaySchedule: decayRate must/,
  ],
}

const arguments_: readonly Mistake[] = [
  ...Object.entries(badSchedules).map(([what, [does, saying]]) => ({
    what: `options: ${what}`,
    does,
    throws: 'ArgumentError',
    saying: [saying],
  })),
  ...Object.entries(noFunctions).map(([what, [does, saying]]) => ({
    what: `no function: ${what}`,
    does,
    throws: 'ArgumentError',
    saying: [saying],
  })),
  {
    what: 'whileLoop without a carry',
    does: () => lax.whileLoop(() => true, (x) => x, as(undefined)), // prettier-ignore
    throws: 'ArgumentError',
    saying: [/whileLoop\(cond, body, init\) needs an initial carry/],
  },
  {
    what: 'foriLoop without a carry',
    does: () => lax.foriLoop(0, 2, (_, x) => x, as(undefined)),
    throws: 'ArgumentError',
    saying: [/foriLoop\(lower, upper, body, init\) needs an initial carry/],
  },
  {
    what: 'a Promise from a transformed function',
    does: () => grad(as<(x: NDArray) => NDArray>(async (x: NDArray) => Promise.resolve(x)))(np.array(1)),
    throws: 'ArgumentError',
    saying: [/Promise/, /await/],
  },
  {
    what: 'a Promise for an array',
    does: () => np.sin(as(Promise.resolve(1))),
    throws: 'ArgumentError',
    saying: [/Promise/, /await/],
  },
  { what: 'a string for an array', does: () => np.sin(as('1')), throws: 'ArgumentError', saying: [/string/] },
  {
    what: 'a called function for jit',
    does: () => jit(as<() => NDArray>(np.array(1))),
    throws: 'ArgumentError',
    saying: [/jit\(f\)\(x\)/],
  },
  {
    what: 'argnums out of range',
    does: () => {
      grad((x: NDArray) => x, { argnums: 3 })(np.array(1))
    },
    throws: 'ArgumentError',
    saying: [/argnums/, /3/],
  },
  {
    what: 'hasAux without a pair',
    does: () =>
      valueAndGrad(
        as<(x: NDArray) => [NDArray, NDArray]>((x: NDArray) => x),
        { hasAux: true },
      )(np.array(1)),
    throws: 'ArgumentError',
    saying: [/hasAux/, /\[value, aux\]/],
  },
  {
    what: 'primals and tangents that are no lists',
    does: () => jvp(np.sin, as<[NDArray]>(two), as<[NDArray]>(two)),
    throws: 'ArgumentError',
    saying: [/jvp\(f, \[x\], \[t\]\)/],
  },
  { what: 'vmap of nothing', does: () => vmap(() => 1)(), throws: 'ArgumentError', saying: [/axisSize/] },
  {
    what: 'an optimizer without parameters',
    does: () => {
      const o = optim.adamw(0.1)
      o.update(two, o.init(two))
    },
    throws: 'ArgumentError',
    saying: [/params/, /addDecayedWeights/],
  },
  {
    what: 'a label without a transformation',
    does: () => optim.multiTransform({ a: optim.sgd(1) }, { x: 'b' }).init({ x: two }),
    throws: 'ArgumentError',
    saying: [/"b"/, /\.x/],
  },
  {
    what: 'too many draws',
    does: () => random.choice(random.key(0), 3, [4], { replace: false }),
    throws: 'ArgumentError',
    saying: [/choice/, /4/, /3/],
  },
  {
    what: 'a program given too few inputs',
    does: () => evalProgram(makeProgram(np.add)(two, two), [two]),
    throws: 'ArgumentError',
    saying: [/evalProgram/, /2/],
  },
  {
    what: 'a rate that is no probability',
    does: () => nn.dropout(random.key(0), two, 1.5),
    throws: 'ArgumentError',
    saying: [/dropout/, /1\.5/],
  },
  {
    what: 'an axis instead of options',
    does: () => np.mean(np.ones([2, 3]), as(0)),
    throws: 'ArgumentError',
    saying: [/mean/, /\{ axis: 0 \}/],
  },
  {
    what: 'a whole number out of range',
    does: () => np.array([2 ** 40], { dtype: 'int32' }),
    throws: 'ArgumentError',
    saying: [/1099511627776/, /int32/],
  },
  {
    what: 'a maximum of chosen elements without a bound',
    does: () => np.max(three, { where: np.array([true, false, true]) }),
    throws: 'ArgumentError',
    saying: [/max/, /initial/],
  },
]

const indices: readonly Mistake[] = [
  { what: 'too many indices', does: () => three.at(0, 0).get(), throws: 'IndexError', saying: [/2/, /rank 1|1 ax/] },
  {
    what: 'two ellipses',
    does: () => np.ones([2, 2]).at('...', '...').get(),
    throws: 'IndexError',
    saying: [/\.\.\./],
  },
]

const linear: readonly Mistake[] = [
  {
    what: 'linearize of integers used as floats',
    does: () => linearize((x: NDArray) => np.sin(x), as<NDArray>('x')),
    throws: 'TreeError',
    saying: [/linearize/],
  },
]

describe.each([
  ['shapes', shapes],
  ['dtypes', dtypes],
  ['tracers', tracers],
  ['trees', trees],
  ['arguments', arguments_],
  ['indices', indices],
  ['linear maps', linear],
])('mistakes with %s', (_, mistakes) => {
  it.each(mistakes)('$what', ({ does, throws, saying }) => {
    let error: Error | undefined
    try {
      does()
    } catch (e) {
      error = e as Error
    }
    expect(error?.name).toBe(throws)
    for (const pattern of saying) expect(error?.message).toMatch(pattern)
  })
})

describe('debug switches', () => {
  afterEach(() => {
    debug.nans(false)
    debug.infs(false)
    debug.keyReuse(false)
  })

  it('nans: the operation that first gives one raises, with the line', () => {
    debug.nans(true)
    expect(() => np.log(np.array(-1))).toThrow(
      expect.objectContaining({
        name: 'NonFiniteError',
        message: expect.stringMatching(/log .*NaN at .*errors\.test\.ts:\d+/) as string,
      }),
    )
    expect(np.log(np.array(0)).item()).toBe(-Infinity)
  })

  it('nans: in compiled functions too, with the line of the operation', () => {
    const f = jit((x: NDArray) => np.sqrt(x).add(1))
    debug.nans(true)
    expect(f(np.array(4)).item()).toBe(3)
    expect(() => f(np.array(-4))).toThrow(/sqrt .*NaN at .*errors\.test\.ts:\d+/)
  })

  it('nans: in gradients', () => {
    debug.nans(true)
    expect(() => grad((x: NDArray) => np.where(np.greater(x, 0), np.sqrt(x), 0))(np.array(-1))).toThrow(/sqrt/)
  })

  it('infs', () => {
    debug.infs(true)
    expect(() => np.divide(1, np.array(0))).toThrow(expect.objectContaining({ name: 'NonFiniteError' }))
    expect(np.log(np.array(-1)).item()).toBeNaN()
  })

  it('keyReuse: a key is consumed once', () => {
    debug.keyReuse(true)
    const key = random.key(0)
    random.normal(key, [2])
    expect(() => random.uniform(key, [2])).toThrow(
      expect.objectContaining({
        name: 'KeyReuseError',
        message: expect.stringMatching(/random\.uniform.*random\.normal.*split/) as string,
      }),
    )
    const [a, b] = random.split(random.key(1))
    expect(() => [random.normal(a, []), random.normal(b, [])]).not.toThrow()
    expect(() => random.normal(random.clone(key), [])).not.toThrow()
  })
})

describe('programs', () => {
  it('that do not parse are values, with the place', () => {
    const parsed = parseProgram('program(a: f32[]) {\n  b: f32[] = frobnicate a\n  return b\n}')
    expect(parsed).toMatchObject({ _tag: 'Left' })
    expect(JSON.stringify(parsed)).toMatch(/frobnicate/)
  })

  it('that are ill-typed do not pass the check', () => {
    const parsed = parseProgram('program(a: f32[2], b: f32[3]) {\n  c: f32[2] = add a b\n  return c\n}')
    if (parsed._tag === 'Left') throw new Error(parsed.left.message)
    expect(() => {
      checkProgram(parsed.right)
    }).toThrow(expect.objectContaining({ name: 'ShapeError', message: expect.stringContaining('add') as string }))
  })
})

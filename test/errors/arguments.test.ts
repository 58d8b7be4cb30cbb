/** Arguments that make no sense: values where functions are wanted, options that are missing or out of range. */
import {
  customGradient,
  customJvp,
  customVjp,
  evalProgram,
  evalShape,
  grad,
  jit,
  jvp,
  lax,
  linearize,
  linearTranspose,
  makeProgram,
  nn,
  np,
  optim,
  random,
  valueAndGrad,
  vjp,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import type { Mistake } from './support/mistakes.ts'
import { two, three, as, wrong, describeMistakes } from './support/mistakes.ts'

/** What is not a function, where one is wanted: it is named at once, and not when it is called. */
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
    what: 'primals and tangents that are not lists',
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
    what: 'a rate that is not a probability',
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

describeMistakes('arguments', arguments_)

/** Elements of a dtype that an operation does not take. */
import { grad, hessian, jvp, lax, np, optim, vjp } from 'pullback'
import type { NDArray } from 'pullback'
import type { Mistake } from './support/mistakes.ts'
import { two, three, ints, as, describeMistakes } from './support/mistakes.ts'

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

describeMistakes('dtypes', dtypes)

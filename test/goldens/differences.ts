/** Cases on which Pullback differs from JAX on purpose, each with its reason. */
export const differences: { readonly [name: string]: string } = {
  'np.fmod: bools': 'true by false is 0, as the remainder of integers by 0 is there and here; of bools XLA gives 1',
  'np.array: nested integers': 'JS numbers in nested arrays are float32, as they have no integer type',
  'vjp np.power: zero base': 'the derivative of x**0 at 0 is 0, not NaN',
  'jvp np.power: zero base': 'the derivative of x**0 at 0 is 0, not NaN',
  'vjp np.logaddexp: infinities': 'equal infinities share the derivative equally; JAX gives 1 to each, or NaN',
  'jvp np.logaddexp: infinities': 'equal infinities share the derivative equally; JAX gives 1 to each, or NaN',
  'np.poly: none': 'the polynomial without zeros is the vector [1]; JAX gives a number',
  'nn.squareplus: special values': 'far below 0 the result keeps its digits; JAX takes the difference of equals',
  'nn.squareplus: b 1': 'far below 0 the result keeps its digits; JAX takes the difference of equals',
  'np.quantile: infinities': 'at an end infinity beside it does not count; JAX has 0 times infinity',
  'np.modf: floats': 'the fraction of an infinity is 0, as in C and NumPy; JAX gives NaN',
  'vjp np.sinc: float64': 'the derivative is right beside 0 too, where JAX gives 0',
  'jvp np.sinc: float64': 'the derivative is right beside 0 too, where JAX gives 0 or worse',
  'nn.hardTanh: unsigned integers':
    'no unsigned number is below -1; JAX compares with the greatest, to which it wraps around',
  'jvp lax.reduceMax: nothing': 'the derivative of a constant is 0; JAX shares it among nothing, 0 / 0',
  'jvp lax.reduceMin: nothing': 'the derivative of a constant is 0; JAX shares it among nothing, 0 / 0',
  ...Object.fromEntries(
    ['int8', 'int16', 'int32', 'int64']
      .flatMap((dtype) => [`${dtype} with uint64`, `uint64 with ${dtype}`])
      .map((name) => [
        name,
        'as the shorter pairs are without 64 bits in JAX, they are the signed integer; JAX gives a float',
      ]),
  ),
  ...Object.fromEntries(
    ['uint8', 'uint16', 'uint32']
      .flatMap((dtype) =>
        ['nn.logSigmoid', 'nn.softmax', 'nn.logSoftmax', 'nn.hardTanh'].map((fn) => `${fn}: ${dtype}`),
      )
      .map((name) => [
        name,
        'unsigned integers become floats before anything is subtracted from them; in JAX they wrap',
      ]),
  ),
  ...Object.fromEntries(
    ['float32', 'int32', 'uint32', 'bool'].map((dtype) => [
      `np.takeAlongAxis: nothing, ${dtype}`,
      'every index into nothing is out of range, and fills; JAX gives zeros',
    ]),
  ),
  ...Object.fromEntries(
    ['max, same', 'max, padding', 'min, padding'].map((what) => [
      `jvp lax.reduceWindow: ${what}`,
      'the tangent is that of the first of equal elements, as in reverse mode; JAX takes another one forward',
    ]),
  ),
}

/** Cases recorded as exact in which XLA rounds differently, and how far apart the results may be. */
export const roundings: { readonly [name: string]: { readonly rtol: number; readonly atol: number } } = {
  // XLA on CPUs multiplies by an approximate reciprocal; our quotients are correctly rounded.
  'np.divide: every pair of special values': { rtol: 1.2e-7, atol: 0 },
  'np.divide: float64': { rtol: 2.3e-16, atol: 0 },
  'np.divide: broadcasts a column and a row': { rtol: 1.2e-7, atol: 0 },
  'np.divide: negative int32': { rtol: 1.2e-7, atol: 0 },
  ...Object.fromEntries(
    // XLA takes the exponential of a multiple of log 2.
    ['int8', 'int16', 'int32'].map((dtype) => [`np.exp2: ${dtype}`, { rtol: 3e-6, atol: 0 }]),
  ),
  // Sums of terms of either sign, whose roundings are others.
  'vjp np.divide: broadcast': { rtol: 1e-5, atol: 0 },
  // XLA fuses the multiplication and the addition.
  'random.uniform: float64 from -3 to 3': { rtol: 3e-16, atol: 1e-15 },
}

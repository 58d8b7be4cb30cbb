/** Activations at NaN, and of integers and bools: dtypes and weakness recorded by hand from JAX 0.10.2, whose goldens do not say what is weak. */
import { grad, jit, jvp, nn, np, vjp, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { describe, expect, it } from 'vitest'

type Activation = (x: NDArray | number | boolean) => NDArray
const int32 = np.array([-2, 0, 3], { dtype: 'int32' })
const bools = np.array([true, false])
const typeOf = (x: NDArray): string => `${x.aval.weak ? 'weak ' : ''}${x.dtype}`

describe('derivatives at NaN', () => {
  const points = np.array([NaN, -1, 0, 3, 6, 7])
  const slopes: readonly (readonly [name: string, f: Activation, wanted: readonly number[]])[] = [
    ['relu', nn.relu, [0, 0, 0, 1, 1, 1]],
    ['relu6', nn.relu6, [0, 0, 0, 1, 0, 0]],
    ['hardTanh', nn.hardTanh, [1, 1, 1, 0, 0, 0]],
  ]
  it.each(slopes)('of %s are those of JAX, in both modes, compiled and batched', (_, f, wanted) => {
    const ones = np.onesLike(points)
    expect(vjp((x: NDArray) => f(x), points)[1](ones)[0].toArray()).toEqual(wanted)
    expect(jvp((x: NDArray) => f(x), [points], [ones])[1].toArray()).toEqual(wanted)
    const slope = grad((x: NDArray) => f(x))
    expect(vmap(slope)(points).toArray()).toEqual(wanted)
    expect(jit(vmap(slope))(points).toArray()).toEqual(wanted)
  })

  it('NaN itself stays NaN', () => {
    for (const f of [nn.relu, nn.relu6, nn.hardTanh, nn.hardSigmoid]) expect(f(NaN).item()).toBe(NaN)
  })
})

describe('types of what is not a float', () => {
  const types: readonly (readonly [name: string, f: Activation, ofIntegers: string, ofBools: string])[] = [
    ['relu', nn.relu, 'int32', 'weak int32'],
    ['hardTanh', nn.hardTanh, 'int32', 'weak int32'],
    ['relu6', nn.relu6, 'weak float32', 'weak float32'],
    ['hardSigmoid', nn.hardSigmoid, 'weak float32', 'weak float32'],
    ['hardSilu', nn.hardSilu, 'weak float32', 'weak float32'],
    ['leakyRelu', nn.leakyRelu, 'weak float32', 'weak float32'],
    ['elu', nn.elu, 'weak float32', 'weak float32'],
    ['celu', nn.celu, 'weak float32', 'weak float32'],
    ['selu', nn.selu, 'weak float32', 'weak float32'],
    ['sparsePlus', nn.sparsePlus, 'weak float32', 'weak float32'],
    ['sparseSigmoid', nn.sparseSigmoid, 'weak float32', 'weak float32'],
    ['softplus', nn.softplus, 'float32', 'weak float32'],
    ['softSign', nn.softSign, 'float32', 'weak float32'],
    ['mish', nn.mish, 'float32', 'weak float32'],
    ['squareplus', nn.squareplus, 'float32', 'float32'],
    ['gelu', nn.gelu, 'float32', 'float32'],
    ['tanh', nn.tanh, 'float32', 'float32'],
  ]
  it.each(types)('%s', (_, f, ofIntegers, ofBools) => {
    expect(typeOf(f(int32))).toBe(ofIntegers)
    expect(typeOf(f(bools))).toBe(ofBools)
    expect(f(np.ones([1], { dtype: 'float64' })).dtype).toBe('float64')
  })

  it('of numbers they are weak, but for gelu', () => {
    for (const [name, f] of types) expect([name, f(1.5).aval.weak]).toEqual([name, name !== 'gelu'])
  })

  it('hardTanh of unsigned integers is right, where JAX wraps -1 around', () => {
    expect(nn.hardTanh(np.array([0, 1, 7], { dtype: 'uint32' })).toArray()).toEqual([0, 1, 1])
  })
})

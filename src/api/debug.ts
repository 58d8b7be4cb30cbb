/** The `debug` namespace: watching a computation. Switches stay set until changed. */
import { settings } from '../core/settings.ts'
import * as must from '../conversions/arguments.ts'

const switchParameters = { on: must.boolean }

/**
 * The first operation that produces a NaN throws a NonFiniteError with its name.
 *
 * @example
 * ```ts
 * import { debug, np } from 'pullback'
 * debug.nans(true)
 * np.log(np.array(-1)) // throws NonFiniteError
 * debug.nans(false)
 * ```
 */
export const nans = (on: boolean): void => {
  must.checkArguments('debug.nans', switchParameters, on)
  settings.nans = on
}

/**
 * The first operation that produces an infinity throws a NonFiniteError with its name.
 *
 * @example
 * ```ts
 * import { debug, np } from 'pullback'
 * debug.infs(true)
 * np.divide(1, np.array(0)) // throws NonFiniteError
 * debug.infs(false)
 * ```
 */
export const infs = (on: boolean): void => {
  must.checkArguments('debug.infs', switchParameters, on)
  settings.infs = on
}

/**
 * Consuming a random key twice throws a KeyReuseError. Keys are distinguished by identity, not by value.
 *
 * @example
 * ```ts
 * import { debug, random } from 'pullback'
 * debug.keyReuse(true)
 * const key = random.key(0)
 * random.normal(key).shape.length // => 0
 * random.uniform(key) // throws KeyReuseError
 * debug.keyReuse(false)
 * ```
 */
export const keyReuse = (on: boolean): void => {
  must.checkArguments('debug.keyReuse', switchParameters, on)
  settings.keyReuse = on
}

/**
 * A rule given to `customJvp` or `customVjp` is compared with finite differences when it is first used on concrete values;
 * a rule that is wrong by more than a few per cent throws a CustomRuleError. So do rules that are meant to differ (clipped
 * gradients, straight-through estimators).
 *
 * @example
 * ```ts
 * import { customJvp, debug, grad, np } from 'pullback'
 * const wrong = customJvp((x: NDArray) => np.sin(x)).defjvp(([x], [t]) => [np.sin(x), np.multiply(t, np.sin(x))])
 * debug.customRules(true)
 * grad(wrong)(np.array(1)) // throws CustomRuleError
 * debug.customRules(false)
 * ```
 */
export const customRules = (on: boolean): void => {
  must.checkArguments('debug.customRules', switchParameters, on)
  settings.customRules = on
}

/**
 * A `lax.whileLoop` that ends at its `maxSteps` while its condition still holds throws a LoopBoundError; without this it ends
 * silently. This applies to loops that are traced from now on: a function that `jit` has already compiled is not checked. The
 * check evaluates the condition once more after the loop, on the host.
 *
 * @example
 * ```ts
 * import { debug, lax, np } from 'pullback'
 * const grow = (x: NDArray) => lax.whileLoop((y) => y.less(100), (y) => y.mul(2), x, { maxSteps: 3 })
 * grow(np.array(1)) // => 8.
 * debug.loopBounds(true)
 * grow(np.array(1)) // throws LoopBoundError
 * debug.loopBounds(false)
 * ```
 */
export const loopBounds = (on: boolean): void => {
  must.checkArguments('debug.loopBounds', switchParameters, on)
  settings.loopBounds = on
}

/**
 * Advice printed once for each `jit`: large captured constants, loops traced step by step. On by default.
 *
 * @example
 * ```ts
 * import { debug, jit, np } from 'pullback'
 * const table = np.ones([1000, 1000])
 * debug.warnings(false)
 * jit((i: NDArray) => np.take(table, i).sum())(np.array([1, 2], { dtype: 'int32' })) // => 2.
 * debug.warnings(true)
 * ```
 */
export const warnings = (on: boolean): void => {
  must.checkArguments('debug.warnings', switchParameters, on)
  settings.warnings = on
}

export { callback, print } from './callbacks.ts'

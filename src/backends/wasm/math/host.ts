/**
 * Functions on float64 that rare cases call in JavaScript. They are imported, and a module's imports come before its functions:
 * whoever builds a module declares those that its operations may need first.
 */
import { erfInv, logaddexp } from '../../../primitives/special.ts'
import type { Func, ModuleBuilder } from '../asm/index.ts'

/**
 * The JavaScript functions by name: what a module is instantiated with as `math`. Other threads have them from worker-math.ts,
 * where a new one has to be added.
 */
export const hostFunctions = {
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  erfInv,
  atan2: Math.atan2,
  logaddexp,
  rem: (x: number, y: number): number => x % y,
}

export type HostFunction = keyof typeof hostFunctions

/** Declares functions as imports from `math`; gives them by name. */
export const importHostFunctions = (
  module: ModuleBuilder,
  names: Iterable<HostFunction>,
): ((name: HostFunction) => Func) => {
  const declared = new Map<HostFunction, Func>()
  for (const name of new Set(names)) {
    const params = Array.from({ length: hostFunctions[name].length }, () => 'f64' as const)
    declared.set(name, module.importFunction('math', name, params, 'f64'))
  }
  return (name) => {
    const found = declared.get(name)
    if (found === undefined) throw new Error(`math.${name} is used, but was not declared as an import`)
    return found
  }
}

/**
 * What rare cases of the mathematics call in JavaScript, on float64: only what the platform has itself. A worker gets them as text
 * (see workerSource.ts), so that each has both forms here. They are imported, and a module's imports come before its functions:
 * whoever builds a module declares those that its operations may need first.
 */
import type { Func, ModuleBuilder } from '../asm/index.ts'

interface Platform {
  readonly here: (x: number, y: number) => number
  readonly text: string
}

const ofMath = (name: 'sin' | 'cos' | 'tan' | 'atan2'): Platform => ({ here: Math[name], text: `Math.${name}` })

const platform = {
  sin: ofMath('sin'),
  cos: ofMath('cos'),
  tan: ofMath('tan'),
  atan2: ofMath('atan2'),
  rem: { here: (x, y) => x % y, text: '(x, y) => x % y' },
} satisfies { readonly [name: string]: Platform }

export type HostFunction = keyof typeof platform

const entries = Object.entries(platform) as [HostFunction, Platform][]

/** The functions by name: what a module is instantiated with as `math`. */
export const hostFunctions = Object.fromEntries(entries.map(([name, { here }]) => [name, here])) as {
  readonly [H in HostFunction]: Platform['here']
}

/** The same object, as an expression. */
export const hostText = `({ ${entries.map(([name, { text }]) => `${name}: ${text}`).join(', ')} })`

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

/** Names in the recorded cases, and the functions that they stand for. */
import { lax, nn, np, optim, random } from 'pullback'
import type { Index, IndexedPlace, NDArray } from 'pullback'
import { composites } from './composites.ts'

export type AnyFunction = (...args: readonly unknown[]) => unknown

const at =
  (method: keyof IndexedPlace): AnyFunction =>
  (x, index, ...rest) =>
    ((x as NDArray).at(...(index as Index[]))[method] as AnyFunction)(...rest)

const namespaces: { readonly [name: string]: object } = {
  np,
  'np.linalg': np.linalg,
  nn,
  'nn.initializers': nn.initializers,
  lax,
  optim,
  random,
}

/** The function of a recorded name, if there is one. */
export const resolve = (name: string): AnyFunction | undefined => {
  const composite = composites[name]
  if (composite !== undefined) return composite
  const dot = name.lastIndexOf('.')
  const [namespace, member] = [name.slice(0, dot), name.slice(dot + 1)]
  if (namespace === 'at') return at(member as keyof IndexedPlace)
  return (namespaces[namespace] as { readonly [k: string]: AnyFunction } | undefined)?.[member]
}

/** The `random` namespace. */
export type { Key, Keys } from './keys.ts'
export { bits, clone, foldIn, key, split } from './keys.ts'
export * from './choices.ts'
export * from './samplers.ts'

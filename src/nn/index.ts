/** The `nn` namespace: activations, the softmax family, initializers and layers. */
export * from './activations.ts'
export * as initializers from './initializers.ts'
export type { Initializer } from './initializers.ts'
export * from './layers.ts'
export * from './softmax.ts'

/**
 * The trained part of a tuning method: a tree of arrays, by the names of what they change, with the settings of their
 * application.
 */
import type { OpaqueBrand, opaqueBrand } from '../core/leafTypes.ts'
import { registerPytreeNode } from '../core/registration.ts'
import type { NDArray } from '../trace/value.ts'

/** Arrays by the names of modules, `encoder.layer.0.attention.self.query`, and their own names there, `lora_A`. */
export interface AdapterWeights {
  readonly [module: string]: { readonly [name: string]: NDArray }
}

/** Settings as stored in files: plain data. */
export interface AdapterConfig {
  /** The method: `lora`, `dora`, `ia3`. */
  readonly method: string
}

/**
 * The trained part of a model. It is a pytree: `grad` with respect to it returns an adapter of gradients, optimizers keep state
 * only for its arrays, and `jit` retraces when the settings change, not when the arrays do.
 */
export class Adapter<C extends AdapterConfig = AdapterConfig> implements OpaqueBrand {
  declare readonly [opaqueBrand]?: true
  readonly config: C
  readonly weights: AdapterWeights
  /** Leaves of the model that are also trained and replace its own, by name: a fresh head. */
  readonly saved: { readonly [name: string]: NDArray }

  constructor(config: C, weights: AdapterWeights, saved: { readonly [name: string]: NDArray } = {}) {
    this.config = config
    this.weights = weights
    this.saved = saved
  }
}

registerPytreeNode<Adapter>(
  Adapter,
  ({ config, weights, saved }) => ({ children: [weights, saved], keys: ['weights', 'saved'], aux: config }),
  (config, [weights, saved]) =>
    new Adapter(config as AdapterConfig, weights as AdapterWeights, saved as { readonly [name: string]: NDArray }),
)

/** The initialisation of LoRA's factors. */
import { ArgumentError } from '../../core/errors.ts'
import type { DType } from '../../core/dtype.ts'
import * as np from '../../numpy/index.ts'
import * as random from '../../random/index.ts'
import type { Key } from '../../random/keys.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Parameter } from '../targets.ts'
import { denseOf, widened } from './operators.ts'
import type { AdaptedModule } from './settings.ts'

/**
 * The initialisation of A and B. `default`: A uniform within 1/√inputs (Kaiming with a = √5), B zero. `gaussian`: A normal with
 * standard deviation 1/rank, B zero. `pissa`: the first singular vectors of the weight (Meng et al., 2024); `olora`: the first
 * columns of its QR decomposition (Büyükakyüz, 2024). The last two subtract their part from the weight: see `residual`.
 */
export type LoraInit = 'default' | 'gaussian' | 'pissa' | 'olora'

export const loraInits: readonly LoraInit[] = ['default', 'gaussian', 'pissa', 'olora']

/** Whether an initialisation takes a part of the weight, which is then subtracted from the base. */
export const takesPart = (init: string): init is 'pissa' | 'olora' => init === 'pissa' || init === 'olora'

/** A of shape `[rank, inputs]` and B of shape `[outputs, rank]`. */
export interface Factors {
  readonly a: NDArray
  readonly b: NDArray
}

/** The weight as `[outputs, inputs]`. */
const facing = (value: Parameter, outputs: 0 | 1): NDArray => {
  const dense = widened(denseOf(value))
  return outputs === 0 ? dense : dense.T
}

/** The part of a weight with which factors of that rank are initialised: `scale B A`. */
export const principalFactors = (
  operation: string,
  init: 'pissa' | 'olora',
  { module, value, outputs }: Pick<AdaptedModule, 'module' | 'value' | 'outputs'>,
  rank: number,
  scale: number,
): Factors => {
  const weight = facing(value, outputs)
  const most = Math.min(...weight.shape)
  if (rank > most) {
    throw new ArgumentError(
      `${operation}: '${init}' takes a rank of at most ${most}, as ${module} is ${value.shape.join(' by ')}; got ${rank}.`,
    )
  }
  if (init === 'olora') {
    const [q, r] = np.linalg.qr(weight)
    return { a: r.slice(0, rank), b: q.get(':', np.slice(0, rank)) }
  }
  const [u, s, vt] = np.linalg.svd(weight, { fullMatrices: false })
  const root = np.sqrt(np.divide(s.slice(0, rank), scale))
  return {
    a: np.multiply(np.expandDims(root, 1), vt.slice(0, rank)),
    b: np.multiply(u.get(':', np.slice(0, rank)), root),
  }
}

/** Initial factors of a linear layer, whose product is zero: PEFT's `reset_lora_parameters`. */
export const freshFactors = (
  init: 'default' | 'gaussian',
  key: Key,
  [inputs, outputs]: readonly [inputs: number, outputs: number],
  rank: number,
  dtype: DType,
): Factors => {
  const bound = 1 / Math.sqrt(Math.max(1, inputs))
  const a =
    init === 'default'
      ? random.uniform(key, [rank, inputs], { dtype, minval: -bound, maxval: bound })
      : np.multiply(random.normal(key, [rank, inputs], { dtype }), 1 / rank)
  return { a, b: np.zeros([outputs, rank], { dtype }) }
}

/** Initial factors of a table: A is zero and B normal. */
export const freshTableFactors = (
  key: Key,
  [inputs, outputs]: readonly [inputs: number, outputs: number],
  rank: number,
  dtype: DType,
): Factors => ({ a: np.zeros([rank, inputs], { dtype }), b: random.normal(key, [outputs, rank], { dtype }) })

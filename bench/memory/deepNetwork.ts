/** The gradient of a deep perceptron, with as much or as little kept as the argument says: `deepNetwork.ts <variant>` */
import { checkpoint, checkpointPolicies, grad, jit, nn, np, random, savedResiduals } from 'pullback'
import type { NDArray } from 'pullback'
import { peakResidentBytes } from './peak.ts'
import type { Kept, Variant } from './variants.ts'
import { batch, depth, segment, width } from './variants.ts'

type Layers = readonly nn.LinearParams[]

const dense = nn.linear(width, width)

const through = (layers: Layers, x: NDArray): NDArray => layers.reduce((h, layer) => nn.gelu(dense.apply(layer, h)), x)

const segments = (layers: Layers, size: number): readonly Layers[] =>
  Array.from({ length: layers.length / size }, (_, i) => layers.slice(i * size, (i + 1) * size))

/** In stretches of so many layers, each of which goes through `f`. */
const inSegments =
  (size: number, f: typeof through) =>
  (layers: Layers, x: NDArray): NDArray =>
    segments(layers, size).reduce((h, part) => f(part, h), x)

const networks: { readonly [V in Variant]: typeof through } = {
  none: through,
  dots: inSegments(1, checkpoint(through, { policy: checkpointPolicies.dotsSaveable })),
  layers: inSegments(1, checkpoint(through)),
  segments: inSegments(segment, checkpoint(through)),
}

const network = networks[process.argv[2] as Variant]
const loss = (layers: Layers, x: NDArray): NDArray => np.mean(np.square(network(layers, x)))

const params = Array.from(random.split(random.key(0), depth), (key) => dense.init(key))
const x = random.normal(random.key(1), [batch, width])
const gradient = jit(grad(loss))

const step = (): number => {
  const start = performance.now()
  gradient(params, x)[0]!.kernel.at(0, 0).get().item()
  return performance.now() - start
}

const bytesOf = ({ aval }: ReturnType<typeof savedResiduals>[number]): number =>
  aval.size * (aval.dtype === 'bool' ? 1 : 4)

const saved = savedResiduals(loss, params, x).filter(({ origin }) => !origin.startsWith('argument'))
step()
const times = [step(), step(), step()]
const kept: Kept = {
  savedBytes: saved.reduce((sum, residual) => sum + bytesOf(residual), 0),
  peakBytes: peakResidentBytes(),
  milliseconds: Math.min(...times),
}
process.send!(kept)

/** A first network, and what it does, drawn: its graph with the derivative of every step, and the chain rule read off it. */
import { grad, jit, makeProgram, nn, np, optim, programGraph, random, toDot, toMermaid, tree } from 'pullback'
import type { NDArray, ProgramGraph } from 'pullback'

const model = nn.sequential(nn.linear(2, 8), nn.tanh, nn.linear(8, 1))
type Params = ReturnType<typeof model.init>

const loss = (params: Params, x: NDArray, y: NDArray): NDArray => {
  const logits = model.apply(params, x).get(':', 0)
  return np.mean(optim.sigmoidBinaryCrossEntropy(logits, y))
}

/** Either, but not both. */
const x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) // prettier-ignore
const y = np.array([0, 1, 1, 0])

const train = (steps: number): Params => {
  const gradient = jit(grad(loss))
  let params = model.init(random.key(0))
  for (let i = 0; i < steps; i++) params = tree.map((p, g) => p.sub(g.mul(1)), params, gradient(params, x, y))
  return params
}

/** The derivative of a value by another: products along all paths of the graph between them, added up. For graphs of numbers. */
const alongPaths = (edges: ProgramGraph['edges'], of: string, by: string): number => {
  if (of === by) return 1
  let sum = 0
  for (const { derivatives } of edges) {
    for (const d of derivatives) {
      if (d.of === of) sum += (d.jacobian?.item() ?? NaN) * alongPaths(edges, d.by, by)
    }
  }
  return sum
}

export interface Drawn {
  readonly predictions: readonly boolean[]
  readonly mermaid: string
  readonly opened: string
  readonly dot: string
  /** By each parameter of a smaller network: from the graph, and by `grad`. */
  readonly slopes: readonly (readonly [path: string, fromGraph: number, fromGrad: number])[]
}

/** A network of one neuron a layer, small enough for every number to stand in the graph. */
interface Small {
  readonly hidden: { readonly w: NDArray; readonly b: NDArray }
  readonly out: { readonly w: NDArray; readonly b: NDArray }
}

const smallLoss = ({ hidden, out }: Small, x: NDArray, y: NDArray): NDArray => {
  const h = nn.silu(x.mul(hidden.w).add(hidden.b))
  return np.square(h.mul(h).mul(out.w).add(out.b).sub(y))
}

export const run = (steps: number): Drawn => {
  const params = train(steps)
  const predictions = model.apply(params, x).get(':', 0).greater(0).toArray({ rank: 1, dtype: 'bool' })
  const program = makeProgram(loss)(params, x, y)

  const small: Small = { hidden: { w: np.array(0.5), b: np.array(-0.25) }, out: { w: np.array(1.5), b: np.array(1) } }
  const [at, target] = [np.array(2), np.array(0.75)]
  const graph = programGraph(makeProgram(smallLoss)(small, at, target), {
    derivatives: true,
    at: tree.leaves([small, at, target]),
  })
  const result = graph.edges.find((edge) => graph.nodes.some(({ id, kind }) => id === edge.to && kind === 'output'))
  const slopes = tree.leavesWithPath(grad(smallLoss)(small, at, target)).map(([path, slope]) => {
    const name = path.join('.')
    const input = graph.nodes.find(({ label }) => label.endsWith(name))
    return [name, alongPaths(graph.edges, result?.name ?? '', input?.gives[0] ?? ''), slope.item()] as const
  })
  return {
    predictions,
    mermaid: toMermaid(program, { derivatives: true }),
    opened: toMermaid(program, { expand: true }),
    dot: toDot(program),
    slopes,
  }
}

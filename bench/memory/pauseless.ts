/**
 * Loops that never pause against the same loops with a turn of the event loop between calls: `tsx
 * bench/memory/pauseless.ts`. The ratio says what it costs that no finaliser runs.
 */
import { jit, nn, np, random } from '../../src/index.ts'
import type { NDArray } from '../../src/index.ts'

const MB = 2 ** 20
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const chain = (x: NDArray): NDArray => np.sin(x).mul(2).add(1).mul(x)

interface Loop {
  readonly name: string
  readonly call: () => unknown
  readonly calls: number
}

const loopsOf = (megabytes: number): readonly Loop[] => {
  const x = random.normal(random.key(0), [(megabytes * MB) / 4])
  const compiled = jit(chain)
  const calls = Math.ceil(2048 / megabytes / 4)
  const name = `chain, ${megabytes} MB`
  return [
    { name: `${name}, jit`, call: () => compiled(x), calls },
    { name: `${name}, eager`, call: () => chain(x), calls },
  ]
}

const softmaxLoops = (): readonly Loop[] => {
  const x = random.normal(random.key(1), [4096, 1024])
  const compiled = jit((y: NDArray) => nn.softmax(y))
  return [
    { name: 'softmax [4096, 1024], jit', call: () => compiled(x), calls: 40 },
    { name: 'softmax [4096, 1024], eager', call: () => nn.softmax(x), calls: 40 },
  ]
}

/** A step of 22 M parameters with two moments each, nothing donated. */
const stepLoop = (): Loop => {
  const shapes = Array.from({ length: 21 }, () => [1024, 1024])
  let state = [0, 1, 2].map(() => shapes.map((shape) => np.ones(shape)))
  const step = jit(([w, m, v]: readonly NDArray[][]) => [
    w!.map((x, i) => x.sub(m![i]!.mul(0.01))),
    m!.map((x, i) => x.mul(0.9).add(w![i]!.mul(0.1))),
    v!.map((x, i) => x.mul(0.99).add(np.square(w![i]!))),
  ])
  return {
    name: 'step of 22 M parameters',
    call: () => {
      state = step(state) as NDArray[][]
    },
    calls: 8,
  }
}

const millisecondsOf = async ({ call, calls }: Loop, pause: (() => Promise<void>) | null): Promise<number> => {
  await turn()
  const start = performance.now()
  for (let i = 0; i < calls; i++) {
    call()
    if (pause !== null) await pause()
  }
  return (performance.now() - start) / calls
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!

const only = process.argv[2]
const all = [...softmaxLoops(), ...[1, 16, 64].flatMap(loopsOf), stepLoop()]
for (const loop of all.filter(({ name }) => only === undefined || name.includes(only))) {
  const ways = { paused: turn, synchronous: null, resolved: () => Promise.resolve() }
  const times: Record<string, number[]> = { paused: [], synchronous: [], resolved: [] }
  for (let round = 0; round < 4; round++) {
    for (const [way, pause] of Object.entries(ways)) times[way]!.push(await millisecondsOf(loop, pause))
  }
  const [paused, synchronous, resolved] = Object.values(times).map(median)
  const ratio = (ms: number): string => `${ms.toFixed(1)} ms (${(ms / paused!).toFixed(2)})`
  console.log(
    `${loop.name}: with a turn ${paused!.toFixed(1)} ms, without ${ratio(synchronous!)}, awaiting ${ratio(resolved!)}`,
  )
}
process.exit()

/** One contestant in a process of its own: makes work, and runs it when told. */
import type { Name, Works } from './tasks.ts'
import type { Reply, Request } from './timing.ts'

const tensorFlow = async (backend: 'cpu' | 'wasm'): Promise<Works> => {
  const { useBackend, works } = await import('./contestants/tensorflow.ts')
  await useBackend(backend)
  return works
}

const contestants: { readonly [N in Name]: () => Promise<Works> } = {
  Pullback: async () => (await import('./contestants/pullback.ts')).works,
  'plain loops': async () => (await import('./contestants/plain.ts')).works,
  'TensorFlow.js cpu': () => tensorFlow('cpu'),
  'TensorFlow.js wasm': () => tensorFlow('wasm'),
  'jax-js': async () => (await import('./contestants/jax.ts')).works,
}

const works = await contestants[process.argv[2] as Name]()
let run: () => unknown = () => undefined
let per = 1

const make = (request: Extract<Request, { readonly kind: 'make' }>): Reply => {
  const work = works[request.measure]?.()
  if (work === undefined) return { able: false }
  run = work.run
  per = work.per ?? 1
  return { able: true, results: Array.from({ length: request.results }, () => Number(run())) }
}

const time = (calls: number): Reply => {
  const start = performance.now()
  for (let i = 0; i < calls; i++) run()
  const milliseconds = performance.now() - start
  return { milliseconds, per }
}

process.on('message', (request: Request) => {
  process.send!(request.kind === 'make' ? make(request) : time(request.calls))
})
process.send!({ ready: true })

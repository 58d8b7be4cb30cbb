/** A contestant in a process of its own: makes work, and runs it when told. `worker.ts <library> <threads>` */
import type { Library } from '../contestants/library.ts'
import type { Work } from '../tasks/row.ts'
import type { LibraryName } from './contestants.ts'
import type { Replies, Request } from './protocol.ts'

const libraries: { readonly [N in LibraryName]: () => Promise<{ readonly library: Library }> } = {
  pullback: () => import('../contestants/pullback/library.ts'),
  xla: () => import('../contestants/xla/library.ts'),
  jax: () => import('../contestants/jax/library.ts'),
  tensorflow: () => import('../contestants/tensorflow/library.ts'),
  plain: () => import('../contestants/plain/library.ts'),
}

const [name, threads] = process.argv.slice(2)
const { library } = await libraries[name as LibraryName]()
await library.setUp(threads === 'true')

let work: Work = { run: () => undefined }
let isAsync = false

const make = async ({ family, row }: Extract<Request, { readonly kind: 'make' }>): Promise<Replies['make']> => {
  const works = await library.families[family]?.()
  const maker = works?.[row]
  if (maker === undefined) return { able: false }
  work = maker()
  isAsync = false
  return { able: true }
}

const losses = async (steps: number): Promise<Replies['losses']> => {
  const given: number[] = []
  for (let i = 0; i < steps; i++) given.push(Number(await work.run()))
  return { losses: given }
}

/** Awaits promises only: awaiting what is there already would cost a tiny call more than the call itself. */
const time = async (calls: number): Promise<Replies['time']> => {
  const start = performance.now()
  for (let i = 0; i < calls; i++) {
    const result = work.run()
    if (isAsync) await result
    else if (result instanceof Promise) {
      isAsync = true
      await result
    }
  }
  return { milliseconds: performance.now() - start }
}

const answer = async (request: Request): Promise<Replies[Request['kind']]> => {
  switch (request.kind) {
    case 'make':
      return make(request)
    case 'values':
      return { values: await work.values!() }
    case 'losses':
      return losses(request.steps)
    case 'time':
      return time(request.calls)
  }
}

// A pool's threads would keep it alive when the bench is interrupted.
process.on('disconnect', () => process.exit())
process.on('message', (request: Request) => {
  answer(request).then(
    (reply) => process.send!(reply),
    (error: unknown) =>
      process.send!({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})
process.send!({ ready: true })

/** A contestant's process, as the bench sees it. */
import { fork, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Contestant, PythonRuns } from './contestants.ts'
import type { Replies, Reply, Request } from './protocol.ts'

/** How requests get to the process and replies back. */
interface Channel {
  readonly process: ChildProcess
  send(request: Request): void
  receive(): Promise<unknown>
}

const folder = join(import.meta.dirname, '..')

const startNode = ({ runs, name }: Contestant): Channel => {
  if ('python' in runs) throw new Error(`${name} is not for Node.`)
  // What TensorFlow.js prints about faster packages goes nowhere.
  const child = fork(join(folder, 'harness', 'worker.ts'), [runs.library, String(runs.threads)], {
    execArgv: [...process.execArgv, ...runs.flags],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', process.env['BENCH_DEBUG'] === undefined ? 'ignore' : 'inherit', 'ipc'],
  })
  return {
    process: child,
    send: (request) => void child.send(request),
    receive: async () => ((await once(child, 'message')) as [unknown])[0],
  }
}

/** Arrays come from Python in base64: their bytes, little-endian. */
const revive = (key: string, value: unknown): unknown =>
  key === 'values' ? (value as readonly string[]).map(floats) : value

const floats = (base64: string): Float32Array => {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'))
  return new Float32Array(bytes.buffer)
}

/** Requests and replies are lines of JSON on its standard input and output. */
const startPython = ({ python }: PythonRuns, interpreter: string): Channel => {
  const child = spawn(interpreter, [join(folder, 'python', 'worker.py'), python], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  return {
    process: child,
    send: (request) => void child.stdin.write(`${JSON.stringify(request)}\n`),
    receive: async () => JSON.parse(((await once(lines, 'line')) as [string])[0], revive) as unknown,
  }
}

export class ContestantProcess {
  readonly contestant: Contestant
  readonly #channel: Channel
  readonly #ended: Promise<never>

  private constructor(contestant: Contestant, channel: Channel) {
    this.contestant = contestant
    this.#channel = channel
    this.#ended = once(channel.process, 'exit').then(([code]) => {
      throw new Error(`${contestant.name}: its process ended (${String(code)}).`)
    })
    // Ending it is no failure unless somebody waits for an answer.
    this.#ended.catch(() => undefined)
  }

  /** @param python - the interpreter for those in Python. */
  static async start(contestant: Contestant, python: string): Promise<ContestantProcess> {
    const { runs } = contestant
    const channel = 'python' in runs ? startPython(runs, python) : startNode(contestant)
    const started = new ContestantProcess(contestant, channel)
    await started.#receive()
    return started
  }

  #receive(): Promise<unknown> {
    return Promise.race([this.#channel.receive(), this.#ended])
  }

  async ask<K extends Request['kind']>(request: Extract<Request, { readonly kind: K }>): Promise<Replies[K]> {
    this.#channel.send(request)
    const reply = (await this.#receive()) as Reply<K>
    if ('error' in reply) throw new Error(`${this.contestant.name}: ${reply.error}`)
    return reply
  }

  stop(): void {
    this.#channel.process.kill()
  }
}

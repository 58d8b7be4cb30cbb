/**
 * Medians of interleaved rounds. Contestants take turns, so that what the machine does meanwhile hits all of them; each
 * has a process of its own, since one library's garbage and WebAssembly memory slow the others' loops down.
 */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { MeasureName, Name } from './tasks.ts'

/** What the parent asks of a contestant: make some work and give its first results, or run it so many times. */
export type Request =
  | { readonly kind: 'make'; readonly measure: MeasureName; readonly results: number }
  | { readonly kind: 'time'; readonly calls: number }

export interface Made {
  /** Whether the contestant can do it at all. */
  readonly able: boolean
  readonly results?: readonly number[]
}

interface Timed {
  readonly milliseconds: number
  readonly per: number
}

export type Reply = Made | Timed

export interface Timing {
  readonly name: Name
  /** Median microseconds for one unit of work. */
  readonly microseconds: number
}

const rounds = 21
const turn = 50
// V8 needs thousands of calls before it has compiled all that a gradient goes through.
const warmUp = 1000

const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)]!

/** A library in its process. */
export class Contestant {
  readonly name: Name
  readonly #process: ChildProcess

  private constructor(name: Name, process: ChildProcess) {
    this.name = name
    this.#process = process
  }

  static async start(name: Name): Promise<Contestant> {
    // What TensorFlow.js prints about faster packages goes nowhere.
    const child = fork(join(import.meta.dirname, 'worker.ts'), [name], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    child.once('exit', (code) => {
      if (code !== null) throw new Error(`${name} ended with ${code}.`)
    })
    await once(child, 'message')
    return new Contestant(name, child)
  }

  async #ask(request: Request): Promise<Reply> {
    this.#process.send(request)
    const [reply] = (await once(this.#process, 'message')) as [Reply]
    return reply
  }

  async make(measure: MeasureName, results: number): Promise<Made> {
    return (await this.#ask({ kind: 'make', measure, results })) as Made
  }

  /** Microseconds for one unit of work, of so many calls. */
  async unit(calls: number): Promise<number> {
    const { milliseconds, per } = (await this.#ask({ kind: 'time', calls })) as Timed
    return (milliseconds * 1000) / calls / per
  }

  /** Runs until V8 has compiled what it will; gives how many calls make up a turn. */
  async warm(): Promise<number> {
    let calls = 1
    for (let spent = 0; spent < warmUp;) {
      const { milliseconds } = (await this.#ask({ kind: 'time', calls })) as Timed
      spent += milliseconds
      calls = Math.max(1, Math.round((turn * calls) / Math.max(milliseconds, 1e-3)))
    }
    return calls
  }

  stop(): void {
    this.#process.kill()
  }
}

/** The median time of each contestant at the work that it has made. */
export const race = async (contestants: readonly Contestant[]): Promise<readonly Timing[]> => {
  const calls: number[] = []
  for (const contestant of contestants) calls.push(await contestant.warm())
  const times: number[][] = contestants.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) times[i]!.push(await contestant.unit(calls[i]!))
  }
  return contestants.map(({ name }, i) => ({ name, microseconds: median(times[i]!) }))
}

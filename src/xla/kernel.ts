/** One piece of a program, compiled by XLA. Each set of donated inputs has its own compiled variant. */
import type { ProgramStore } from '../backends/store.ts'
import type { Aval } from '../core/aval.ts'
import type { Constant, Program } from '../ir/program.ts'
import { moduleText } from '../stablehlo/index.ts'
import type { ConcreteBody } from '../trace/body.ts'
import { hostOf } from '../trace/body.ts'
import { loadOrCompile } from './cache.ts'
import type { Client } from './client.ts'
import { Launch } from './launch.ts'
import type { Ptr } from './pjrt/ffi.ts'
import type { Places } from './places.ts'

/** Where kernels run. */
export interface Site {
  readonly client: Client
  readonly places: Places
  /** What compiled code depends on, besides the text: plugin, processor, options. */
  readonly identity: string
  readonly store: ProgramStore | null
}

/** Constants with more elements, unless they are all equal, are sent once as arguments; others are part of the text. */
const FEW = 64

const isLarge = ({ value: { aval, data } }: Constant): boolean =>
  aval.size > FEW && !data.every((x) => Object.is(x, data[0]))

type Aliases = readonly (number | null)[]

export class Kernel {
  readonly #site: Site
  readonly #program: Program
  readonly #large: readonly Constant[]
  readonly #inputs: readonly Aval[]
  readonly #outputs: readonly Aval[]
  readonly #variants = new Map<string, Launch>()
  #constants: readonly Ptr[] | null = null

  constructor(site: Site, program: Program) {
    this.#site = site
    const large = program.constants.filter(isLarge)
    this.#large = large
    this.#inputs = program.inAvals
    this.#outputs = program.outAvals
    this.#program =
      large.length === 0
        ? program
        : program.with({
            inputs: [...program.inputs, ...large.map((c) => c.variable)],
            constants: program.constants.filter((c) => !large.includes(c)),
          })
  }

  /** An input may be donated if `lends` is true for it and its body is offered. */
  run(bodies: readonly ConcreteBody[], lends: readonly boolean[], operation: string): readonly ConcreteBody[] {
    const { places, client } = this.#site
    places.clean()
    const buffers = bodies.map((body, i) => this.#bufferOf(body, this.#inputs[i]!, operation))
    this.#constants ??= this.#large.map(({ value: { data, aval } }) => client.put(data, aval.dtype, aval.shape))
    const aliases = this.#aliasesOf(bodies, lends)
    const results = this.variant(aliases).run([...buffers, ...this.#constants])
    if (aliases !== null) {
      bodies.forEach((body, i) => {
        if (aliases[i] !== null && client.isDeleted(buffers[i]!)) places.take(body)
      })
    }
    return results.map((buffer, k) => places.adopt(buffer, this.#outputs[k]!))
  }

  /** The buffer with an input's elements, which are sent if they are not on the device. */
  #bufferOf(body: ConcreteBody, aval: Aval, operation: string): Ptr {
    const { places, client } = this.#site
    const known = places.bufferOf(body)
    if (known !== null) return known
    const buffer = client.put(hostOf(aval, body, operation), aval.dtype, aval.shape)
    places.place(body, buffer, aval)
    return buffer
  }

  /** Pairs each offered input with the first free output of its type; null if there are no pairs. */
  #aliasesOf(bodies: readonly ConcreteBody[], lends: readonly boolean[]): Aliases | null {
    if (!bodies.some((body, i) => body.isOffered && lends[i]!)) return null
    const free = new Set(this.#outputs.keys())
    const aliases = bodies.map((body, i) => {
      // An array passed twice is still read while results are written.
      if (!lends[i]! || !body.isOffered || bodies.indexOf(body) !== bodies.lastIndexOf(body)) return null
      const found = [...free].find((k) => this.#outputs[k]!.matches(this.#inputs[i]!))
      if (found === undefined) return null
      free.delete(found)
      return found
    })
    return aliases.some((k) => k !== null) ? aliases : null
  }

  /** The program with these inputs donated, compiled at its first use. */
  variant(aliases: Aliases | null): Launch {
    const key = aliases === null ? '' : aliases.join(' ')
    const known = this.#variants.get(key)
    if (known !== undefined) return known
    const text = moduleText(this.#program, aliases === null ? {} : { aliases })
    const loaded = loadOrCompile(this.#site, text)
    const launch = new Launch(this.#site.client, loaded, this.#program.inputs.length)
    this.#variants.set(key, launch)
    return launch
  }

  dispose(): void {
    const { client } = this.#site
    for (const { loaded } of this.#variants.values()) client.destroyProgram(loaded)
    for (const buffer of this.#constants ?? []) client.destroyBuffer(buffer)
    this.#variants.clear()
    this.#constants = null
  }
}

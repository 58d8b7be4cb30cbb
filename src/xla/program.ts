/** A program on a plugin: its pieces in order, with steps of JavaScript between them. */
import type { Explanation, ExplainedStep } from '../backends/explanation.ts'
import { run } from '../backends/reference/reference.ts'
import { literalData } from '../ir/literal.ts'
import type { Program, Variable } from '../ir/program.ts'
import { ConcreteBody, bodyOf, hostOf } from '../trace/body.ts'
import type { Site } from './kernel.ts'
import { Kernel } from './kernel.ts'
import type { Piece } from './pieces.ts'
import { isLiteral, piecesOf } from './pieces.ts'

interface Step {
  readonly piece: Piece
  /** Null for a step of JavaScript. */
  readonly kernel: Kernel | null
  /** For each input, whether it may be donated. */
  readonly lends: readonly boolean[]
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MB`

/** A step of the host: by the reference, on elements in ordinary memory. */
const onHost = ({ program }: Piece, bodies: readonly ConcreteBody[], operation: string): readonly ConcreteBody[] => {
  const data = bodies.map((body, i) => hostOf(program.inputs[i]!.aval, body, operation))
  return run(program, data).map((elements, k) => bodyOf(program.outAvals[k]!, elements))
}

export class XlaProgram {
  readonly #program: Program
  readonly #site: Site
  readonly #steps: readonly Step[]
  readonly #constants: ReadonlyMap<unknown, ConcreteBody>
  #calls = 0
  #isDisposed = false

  constructor(site: Site, program: Program) {
    this.#program = program
    this.#site = site
    this.#constants = new Map(program.constants.map((c) => [c.variable, new ConcreteBody(c.value.data)]))
    this.#steps = piecesOf(program).map((piece) => ({
      piece,
      kernel: piece.isOnHost ? null : new Kernel(site, piece.program),
      lends: piece.isLast,
    }))
  }

  get isDisposed(): boolean {
    return this.#isDisposed
  }

  run(inputs: readonly ConcreteBody[], operation: string): readonly ConcreteBody[] {
    const values = new Map<Variable, ConcreteBody>(this.#program.inputs.map((v, i) => [v, inputs[i]!]))
    const made: ConcreteBody[] = []
    this.#calls++
    try {
      for (const step of this.#steps) {
        const bodies = step.piece.reads.map((v) => values.get(v)!)
        const results =
          step.kernel === null ? onHost(step.piece, bodies, operation) : step.kernel.run(bodies, step.lends, operation)
        step.piece.writes.forEach((v, k) => values.set(v, results[k]!))
        made.push(...results)
      }
      return this.#collect(values, new Set(inputs), made)
    } catch (error) {
      for (const body of made) body.release()
      throw error
    } finally {
      this.#calls--
      if (this.#isDisposed) this.dispose()
    }
  }

  /** The outputs; inputs and repeated outputs are shared. Intermediate results are released. */
  #collect(
    values: ReadonlyMap<unknown, ConcreteBody>,
    given: ReadonlySet<ConcreteBody>,
    made: readonly ConcreteBody[],
  ): readonly ConcreteBody[] {
    const seen = new Set<ConcreteBody>(given)
    const outputs = this.#program.outputs.map((atom) => {
      if (isLiteral(atom)) return new ConcreteBody(literalData(atom))
      const constant = this.#constants.get(atom)
      if (constant !== undefined) return constant.share()
      const body = values.get(atom)!
      if (seen.has(body)) return body.share()
      seen.add(body)
      return body
    })
    for (const body of made) if (!seen.has(body)) body.release()
    return outputs
  }

  /** XLA's analysis of each piece. */
  explain(): Explanation {
    const described = this.#steps.map((step) => this.#describe(step))
    const peak = Math.max(0, ...described.map(({ bytes }) => bytes))
    return {
      steps: described.map(({ step }) => step),
      livePeak: peak,
      plannedPeak: peak,
      toString: () => described.map(({ line }) => line).join('\n'),
    }
  }

  #describe({ piece, kernel }: Step): { readonly step: ExplainedStep; readonly line: string; readonly bytes: number } {
    const operations = piece.program.equations.map((eqn) => eqn.op)
    if (kernel === null) {
      const what = `${operations.join(' ')} in this process`
      return { step: { depth: 0, kind: 'host', what, operations, bytes: 0, flops: 0 }, line: what, bytes: 0 }
    }
    const { costs, memory } = this.#site.client.analyse(kernel.variant(null).loaded)
    const cost = (name: string): number => Number(costs?.[name] ?? 0)
    const [flops, accessed] = [cost('flops'), cost('bytes accessed')]
    const what = `a program of ${operations.length} operations, compiled by XLA`
    const parts = [
      what,
      ...(costs === null ? [] : [`${flops} flops, ${megabytes(accessed)} read and written`]),
      ...(memory === null
        ? []
        : [
            `arguments ${megabytes(memory.arguments)}, results ${megabytes(memory.outputs)}, ` +
              `temporaries ${megabytes(memory.temporaries)}`,
          ]),
    ]
    return {
      step: { depth: 0, kind: 'kernel', what, operations, bytes: accessed, flops },
      line: parts.join('; '),
      bytes: memory === null ? 0 : memory.arguments + memory.outputs - memory.aliased + memory.temporaries,
    }
  }

  /** Frees everything, after the calls in progress: a callback may cause other programs to replace this one. */
  dispose(): void {
    this.#isDisposed = true
    if (this.#calls === 0) for (const { kernel } of this.#steps) kernel?.dispose()
  }
}

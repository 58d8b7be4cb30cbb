/** Random well-typed programs over all operations. */
import * as fc from 'fast-check'
import { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import { dtypes as allDTypes, isFloat, isLong } from '../core/dtype.ts'
import { range, sameShape, sizeOf } from '../core/shape.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Atom, Equation } from '../ir/program.ts'
import { Literal, Program, Variable, equation } from '../ir/program.ts'
import { primitiveOf } from '../primitives/all.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import type { Draw, Wanted } from './draw.ts'
import { domains } from './draw.ts'
import { Entropy, choices } from './entropy.ts'
import { operations, recipes } from './recipes/index.ts'
import { arrayOf } from './samples.ts'

/** A program, and arrays that it can be run on. */
export interface RandomProgram {
  readonly program: Program
  readonly inputs: readonly NDArray[]
}

/** Options of `programs`. */
export interface ProgramOptions {
  /** The maximal number of equations; some come with a second one that makes an operand. 12 by default. */
  readonly maxEquations?: number
  /** Dtypes of inputs; all by default. */
  readonly dtypes?: readonly DType[]
  /** Operations to choose from; all but `callback` by default. */
  readonly operations?: readonly OpName[]
  /** Extents of inputs' axes to choose from, the simplest first; 0 to 3 by default. */
  readonly extents?: readonly number[]
  /** Most elements of a value; 400 by default. */
  readonly maxSize?: number
}

const floats = allDTypes.filter(isFloat)
const numbers = allDTypes.filter((d) => d !== 'bool')
// The dtypes that are chosen more often than others.
const common: readonly DType[] = ['float32', 'float64', 'int32', 'float32', 'float64', 'uint32', 'bool', ...allDTypes]

/** One step: which operation, and the choices that its recipe makes. */
interface Step {
  readonly op: OpName
  readonly entropy: readonly number[]
}

const MAX_RANK = 6

const fits = (aval: Aval, { dtypes, shape, minRank = 0, maxRank = Infinity, minExtent = 0 }: Wanted): boolean =>
  dtypes.includes(aval.dtype) &&
  (shape === undefined || sameShape(shape, aval.shape)) &&
  aval.rank >= minRank &&
  aval.rank <= maxRank &&
  aval.shape.every((n) => n >= minExtent)

const typesOf = <N extends OpName>(op: N, params: OpParams[N], operands: readonly Atom[]): readonly Aval[] =>
  primitiveOf(op).type(
    params as never,
    operands.map((x) => x.aval),
  )

/** Builds a program, equation by equation. */
class Writer {
  readonly equations: Equation[] = []
  readonly values: Variable[]
  readonly #maxSize: number

  constructor(inputs: readonly Variable[], maxSize: number) {
    this.values = [...inputs]
    this.#maxSize = maxSize
  }

  /** Adds an equation, unless its results are too large. */
  emit<N extends OpName>(op: N, params: OpParams[N], operands: readonly Atom[]): void {
    const avals = typesOf(op, params, operands)
    if (avals.every((a) => a.size <= this.#maxSize && a.rank <= MAX_RANK)) this.#append(op, params, operands, avals)
  }

  /** A constant array, if no value so far fits. */
  constant(dtype: DType, shape: readonly number[], value: number): Atom {
    const literal = new Literal(isLong(dtype) ? BigInt(value) : value, dtype)
    if (shape.length === 0) return literal
    return this.#append('broadcast', { shape, dims: [] }, [literal], [new Aval(dtype, shape)])[0]!
  }

  #append<N extends OpName>(
    op: N,
    params: OpParams[N],
    operands: readonly Atom[],
    avals: readonly Aval[],
  ): readonly Variable[] {
    const outputs = avals.map((a) => new Variable(a))
    this.equations.push(equation(op, params, operands, outputs))
    this.values.push(...outputs)
    return outputs
  }
}

/** Draws that choose among a program's values. */
class ProgramDraw implements Draw {
  readonly float = floats
  readonly numbers = numbers
  readonly smooth = false
  readonly #entropy: Entropy
  readonly #writer: Writer

  constructor(entropy: Entropy, writer: Writer) {
    this.#entropy = entropy
    this.#writer = writer
  }

  below(bound: number): number {
    return this.#entropy.below(bound)
  }
  pick<T>(options: readonly T[]): T {
    return this.#entropy.pick(options)
  }
  shuffle<T>(options: readonly T[]): T[] {
    return this.#entropy.shuffle(options)
  }

  operand(wanted: Wanted): Atom {
    // The newest values come first, so that programs grow deep rather than wide.
    const candidates = this.#writer.values.filter((v) => fits(v.aval, wanted)).reverse()
    if (candidates.length > 0) return this.pick(candidates)
    const shape = wanted.shape ?? range(wanted.minRank ?? 0).map(() => 2)
    return this.#writer.constant(this.pick(wanted.dtypes), shape, this.below(2))
  }
}

const write = (inputs: readonly Variable[], steps: readonly Step[], maxSize: number): Program => {
  const writer = new Writer(inputs, maxSize)
  for (const { op, entropy } of steps) {
    const recipe = recipes[op] as (draw: Draw) => { params: never; operands: readonly Atom[] }
    const { params, operands } = recipe(new ProgramDraw(new Entropy(entropy), writer))
    writer.emit(op, params, operands)
  }
  const used = new Set(writer.equations.flatMap((e) => e.inputs))
  const results = writer.values.filter((v) => !used.has(v))
  return new Program({ inputs, equations: writer.equations, outputs: results })
}

interface InputPlan {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly seed: number
}

/** The leading axes of a shape, as far as it has at most `maxSize` elements. */
const within = (shape: readonly number[], maxSize: number): readonly number[] =>
  shape.filter((_, i) => sizeOf(shape.slice(0, i + 1)) <= maxSize)

const inputPlans = (
  dtypes: readonly DType[],
  extents: readonly number[],
  maxSize: number,
): fc.Arbitrary<readonly InputPlan[]> =>
  fc.array(
    fc.record({
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.constantFrom(...extents), { maxLength: 3 }).map((shape) => within(shape, maxSize)),
      seed: fc.integer({ min: 1, max: 4096 }),
    }),
    { minLength: 1, maxLength: 3 },
  )

/** All except functions on the host, which are not plain data. */
const plain = operations.filter((op) => op !== 'callback')

const programOptions: must.OptionTable<ProgramOptions> = {
  maxEquations: must.natural,
  dtypes: must.listOf(must.dtype),
  operations: must.listOf(must.oneOf(operations)),
  extents: must.listOf(must.natural),
  maxSize: must.natural,
}
const programsDoor = must.door('programs', { options: must.optionsOf(programOptions) })

/**
 * Arbitrary well-typed programs and inputs for them. They shrink to fewer equations, then to simpler ones.
 *
 * @example
 * ```ts
 * import { checkProgram } from 'pullback'
 * import { programs } from 'pullback/testing'
 * import * as fc from 'fast-check'
 * fc.assert(fc.property(programs(), ({ program }) => checkProgram(program) === undefined))
 * ```
 */
export const programs = (options: ProgramOptions = {}): fc.Arbitrary<RandomProgram> => {
  programsDoor(options)
  const {
    maxEquations = 12,
    dtypes = common,
    operations: among = plain,
    extents = [2, 3, 1, 2, 3, 2, 3, 0],
    maxSize = 400,
  } = options
  const step = fc.record({ op: fc.constantFrom(...among), entropy: choices(16) })
  return fc
    .tuple(inputPlans(dtypes, extents, maxSize), fc.array(step, { maxLength: maxEquations, size: 'max' }))
    .map(([plans, steps]) => {
      const avals = plans.map(({ dtype, shape }) => new Aval(dtype, shape))
      const inputs = avals.map((aval, i) => arrayOf(aval, domains.general, plans[i]!.seed))
      const program = write(
        avals.map((aval) => new Variable(aval)),
        steps,
        maxSize,
      )
      const show = (): string => `${String(program)}\non ${inputs.map(String).join('; ')}`
      return Object.assign({ program, inputs }, { [fc.toStringMethod]: show })
    })
}

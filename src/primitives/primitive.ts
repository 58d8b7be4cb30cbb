import type { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import type { Marks } from '../core/marks.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Equation, Program } from '../ir/program.ts'
import type { NDArray } from '../trace/value.ts'
import type { FoldName } from './folds.ts'
import type { Freedom } from './freedom.ts'

/** A tangent or cotangent; null is the symbolic zero, which costs nothing. */
export type Tangent = NDArray | null

/** In a transpose rule: an operand that the operation is linear in, with only its type known. */
export class Linear {
  readonly aval: Aval
  constructor(aval: Aval) {
    this.aval = aval
  }
}

/** A range along one axis of a value, in full along all others. */
export interface Part {
  readonly axis: number
  readonly start: number
  readonly limit: number
}

/** Position of the batch axis in a value; null where the value is the same for every element. */
export type BatchAxis = number | null

export interface Batched {
  readonly outputs: readonly NDArray[]
  readonly axes: readonly BatchAxis[]
}

export interface Dual {
  readonly primals: readonly NDArray[]
  readonly tangents: readonly Tangent[]
  /** For operations with undetermined results. */
  readonly freedoms?: readonly Freedom[]
}

/** A program derived from another one, and which outputs (or inputs) of that one it has. */
export interface Derived {
  readonly program: Program
  readonly out: Marks
}

/** The result of `ProgramTransforms.hoist`. */
export interface Hoisted {
  /** From the invariant inputs to the values that the body needs of them. */
  readonly outer: Program
  /** The body, with those values as its first inputs. */
  readonly inner: Program
}

/** The result of `ProgramTransforms.split`. */
export interface Split {
  readonly known: Program
  readonly unknown: Program
  readonly outUnknown: Marks
  readonly residualInputs: readonly number[]
}

/** An application after pruning unused results. */
export interface Pruned {
  /** The parameters of the same operation. */
  readonly params: OpParams[OpName]
  /** The operands that remain. */
  readonly operands: Marks
  /** The results that remain: those in use, and others that cannot be removed. */
  readonly results: Marks
}

/**
 * Removes what is not used from the programs that an operation holds. It is passed to its rule, so that `primitives/` need not
 * import `passes/`. Results are cached on the program.
 */
export interface Pruning {
  /** The inputs that the marked outputs, and equations with an effect, depend on. */
  needs(program: Program, outputs: Marks): Marks
  /** The program of the marked outputs; it takes the marked inputs, which include those that it needs. */
  take(program: Program, inputs: Marks, outputs: Marks): Program
}

/**
 * The transforms of programs, passed to the rules of operations with programs among their parameters, so that `primitives/`
 * need not import `transforms/`. All results are cached on the program.
 */
export interface ProgramTransforms {
  /**
   * Inputs: primals, then the tangents marked in `nonzero`. Outputs: primals, then the tangents marked in `out`: those that are
   * not symbolic zeros, and those in `forced`.
   */
  jvp(program: Program, nonzero: Marks, forced?: Marks): Derived
  /**
   * Of a program that is linear in the inputs marked in `linear`. Inputs: the other inputs, then the cotangents marked
   * in `nonzero`. `out` has an entry for each linear input, and marks those whose cotangents are outputs: where they are not
   * symbolic zeros, and where the input is in `forced`.
   */
  transpose(program: Program, linear: Marks, nonzero: Marks, forced?: Marks): Derived
  /**
   * Batch axes of all mapped inputs and of the outputs marked in `out` are 0. Outputs in `forced` always have one; `'all'`
   * forces all.
   */
  batch(program: Program, size: number, mapped: Marks, forced?: Marks | 'all'): Derived
  /**
   * Splits a program by what is known. `known`: known inputs to known outputs, then residuals. `unknown`: residuals
   * (`residualInputs` of them are known inputs, then those that `known` returns), then the unknown inputs, to the outputs
   * marked in `outUnknown`, which include those in `forced`.
   */
  split(program: Program, unknown: Marks, forced?: Marks): Split
  /** Moves what depends only on inputs in `invariant` out of the body of a loop. */
  hoist(program: Program, invariant: Marks): Hoisted
  readonly depends: Depends
  /** The program with its calls inlined. */
  inlineCalls(program: Program): Program
  /** Whether an equation has an effect, and must be neither removed nor repeated. */
  readonly hasEffect: (eqn: Equation) => boolean
  /** The program of a function on arrays of the given types, which uses only its arguments. */
  stage(f: (args: readonly NDArray[]) => readonly NDArray[], avals: readonly Aval[]): Program
}

/** Which outputs of a program depend on the inputs in `marks`. */
export type Depends = (program: Program, marks: Marks) => Marks

/** Runs a program on elements, on the calling back end. */
export type RunProgram = (program: Program, inputs: readonly TypedArray[]) => readonly TypedArray[]

/** Records an operation, to be applied once its unknown operands are known. */
export type Defer = <N extends OpName>(op: N, params: OpParams[N], operands: readonly NDArray[]) => readonly NDArray[]

/** Properties of an operation, for code that does not know its name. */
export interface Facts {
  /** Output element i depends on element i of each operand only. */
  readonly elementwise?: boolean
  /** Linear in all operands together. */
  readonly linear?: boolean
  /** Output elements are operand elements, rearranged. */
  readonly view?: boolean
  /** Returns its one operand unchanged: a mark, which derivatives and debuggers read. */
  readonly mark?: boolean
  /** The operands that are indices: the first of them, and their number. */
  readonly indices?: readonly [first: number, count: number]
  /** Combines elements along axes. */
  readonly reduces?: boolean
  /**
   * Combines elements along the parameter `axes`, in any order; the result for no elements is the identity of the fold
   * (`identityOf`).
   */
  readonly fold?: FoldName
  /** The approximate number of simple instructions for an element; 1 by default. */
  readonly cost?: number
  /**
   * How a result is rounded. 'alike': once, by the IEEE standard. 'freely': the standard has no such instruction, and back ends
   * may differ in the last digits. 'in any order': the same, since it adds up elements or their products. By default results
   * are not rounded.
   */
  readonly rounds?: 'alike' | 'freely' | 'in any order'
  /** Runs on the host, whatever the back end: it calls a user-defined function. */
  readonly onHost?: boolean
  /** The operands may be swapped: `cse` sorts them. */
  readonly commutative?: boolean
  /** Holds programs among its parameters. */
  readonly higherOrder?: boolean
  /** Its results are not determined for some operands: its derivative tells which choices are valid. */
  readonly leavesOpen?: boolean
  /**
   * How operands of fewer than 32 bits are treated. Without this fact (and for floats in all cases but the first) they are
   * widened to the dtype of `widened`. 'as they are': elements are only moved, or the operation supports them. 'as signed', 'as
   * unsigned': integers by their bits. 'as floats': integers, which saturate when converted back.
   */
  readonly narrow?: 'as they are' | 'as signed' | 'as unsigned' | 'as floats'
}

/** Everything that defines an operation. */
export interface Primitive<N extends OpName> {
  /** Output types; throws a named error for invalid operands. */
  type(params: OpParams[N], operands: readonly Aval[]): readonly Aval[]
  /**
   * The reference implementation, on elements in row-major order. Results are new arrays, or an operand's own array where the
   * elements are the same; operands are never written to.
   */
  evaluate(
    params: OpParams[N],
    data: readonly TypedArray[],
    operands: readonly Aval[],
    outputs: readonly Aval[],
    run: RunProgram,
  ): readonly TypedArray[]
  /** Derivative: the outputs, and their tangents for the `tangents` of the operands (not all of them zero). */
  jvp(params: OpParams[N], primals: readonly NDArray[], tangents: readonly Tangent[], programs: ProgramTransforms): Dual
  /** For operations linear in some operands: cotangents of those, null elsewhere and for zeros. */
  transpose?(
    params: OpParams[N],
    cotangents: readonly Tangent[],
    operands: readonly (NDArray | Linear)[],
    programs: ProgramTransforms,
  ): readonly Tangent[]
  /**
   * For operations whose result is a part of their one operand: that part, so that cotangents of several parts can be
   * concatenated. Null where the result is another selection; then `transpose` is used.
   */
  part?(params: OpParams[N], operand: Aval): Part | null
  /**
   * Partial evaluation, for operations with programs among their parameters: computes what depends on the known operands and
   * defers the rest. Without this rule an operation with an unknown operand is deferred as a whole.
   */
  partial?(
    params: OpParams[N],
    operands: readonly NDArray[],
    unknown: readonly boolean[],
    defer: Defer,
    programs: ProgramTransforms,
  ): readonly NDArray[]
  /** The operation applied along a further axis of some operands (at least one axis is not null). */
  batch(
    params: OpParams[N],
    operands: readonly NDArray[],
    axes: readonly BatchAxis[],
    size: number,
    programs: ProgramTransforms,
  ): Batched
  /** Which results depend on the operands in `marks`; without this rule all do, if any operand is marked. */
  depends?(params: OpParams[N], marks: Marks, depends: Depends): Marks
  /** The application without what only unused results need; without this rule it stays whole while any result is used. */
  prune?(params: OpParams[N], used: Marks, programs: Pruning): Pruned
  /** Whether an application has an effect: then it is neither removed nor repeated. False by default. */
  hasEffect?(params: OpParams[N]): boolean
  /** For an operation whose results are those of a program of its operands: that program. Its derivative may have its own rule. */
  body?(params: OpParams[N]): Program
  /** For an operation that only applies a program to its operands: that program, and its name. */
  applies?(params: OpParams[N]): { readonly program: Program; readonly name: string }
  readonly facts: Facts
}

export type Primitives = { readonly [N in OpName]: Primitive<N> }

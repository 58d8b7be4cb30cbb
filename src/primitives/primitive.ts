import type { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import type { Marks } from '../core/marks.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Equation, Program } from '../ir/program.ts'
import type { NDArray } from '../trace/value.ts'
import type { FoldName } from './folds.ts'
import type { Freedom } from './freedom.ts'

/** A tangent or cotangent; null is the zero that is known to be one, and costs nothing. */
export type Tangent = NDArray | null

/** In a transpose rule: an operand that the operation is linear in, of which only the type is known. */
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

/** Place of the batch axis in a value; null where the value is the same for every element. */
export type BatchAxis = number | null

export interface Batched {
  readonly outputs: readonly NDArray[]
  readonly axes: readonly BatchAxis[]
}

export interface Dual {
  readonly primals: readonly NDArray[]
  readonly tangents: readonly Tangent[]
  /** For operations that leave something open. */
  readonly freedoms?: readonly Freedom[]
}

/** A program made from another one, and the outputs of that one (or inputs) that it is about. */
export interface Derived {
  readonly program: Program
  readonly out: Marks
}

/** What `ProgramTransforms.hoist` gives. */
export interface Hoisted {
  /** From the invariant inputs to what the body needs of them. */
  readonly outer: Program
  /** The body, with those values as its first inputs. */
  readonly inner: Program
}

/** What `ProgramTransforms.split` gives. */
export interface Split {
  readonly known: Program
  readonly unknown: Program
  readonly outUnknown: Marks
  readonly residualInputs: readonly number[]
}

/** What is left of an application of which only some results are used. */
export interface Pruned {
  /** Of the same operation. */
  readonly params: OpParams[OpName]
  /** The operands that it still takes. */
  readonly operands: Marks
  /** The results that it still gives: those in use, and others that it cannot do without. */
  readonly results: Marks
}

/**
 * Removal of what is not used from the programs that an operation holds; handed to its rule, so that `primitives/` need
 * not import `passes/`. Results are remembered by the program.
 */
export interface Pruning {
  /** The inputs that the marked outputs, and whatever has an effect, depend on. */
  needs(program: Program, outputs: Marks): Marks
  /** The program of the marked outputs; it takes the marked inputs, those that it needs among them. */
  take(program: Program, inputs: Marks, outputs: Marks): Program
}

/**
 * The transforms of programs, handed to the rules of operations that have programs among their parameters, so that
 * `primitives/` need not import `transforms/`. All results are remembered by the program.
 */
export interface ProgramTransforms {
  /**
   * Inputs: primals, then the tangents marked in `nonzero`. Outputs: primals, then the tangents marked in `out`: those
   * that are not known zeros, and those in `forced`.
   */
  jvp(program: Program, nonzero: Marks, forced?: Marks): Derived
  /**
   * Of a program that is linear in the inputs marked in `linear`. Inputs: the other inputs, then the cotangents marked
   * in `nonzero`. `out` has an entry for each linear input, and marks those whose cotangents are outputs: where they
   * are not known zeros, and where the input is in `forced`.
   */
  transpose(program: Program, linear: Marks, nonzero: Marks, forced?: Marks): Derived
  /**
   * Batch axes of all mapped inputs and of the outputs marked in `out` are 0. Outputs in `forced` have one in any case;
   * `'all'` forces all.
   */
  batch(program: Program, size: number, mapped: Marks, forced?: Marks | 'all'): Derived
  /**
   * Splits a program by what is known. `known`: known inputs to known outputs, then residuals. `unknown`: residuals
   * (`residualInputs` of which are known inputs as they stand, then those that `known` gives), then the unknown
   * inputs, to the outputs marked in `outUnknown`; those in `forced` are among them.
   */
  split(program: Program, unknown: Marks, forced?: Marks): Split
  /** Takes what depends on nothing but inputs in `invariant` out of the body of a loop. */
  hoist(program: Program, invariant: Marks): Hoisted
  readonly depends: Depends
  /** The program without calls: bodies stand in their place. */
  inlineCalls(program: Program): Program
  /** Whether an equation must be neither removed nor repeated. */
  readonly hasEffect: (eqn: Equation) => boolean
  /** The program of a function on arrays of the given types, which refers to nothing but its arguments. */
  stage(f: (args: readonly NDArray[]) => readonly NDArray[], avals: readonly Aval[]): Program
}

/** Which outputs of a program depend on the inputs in `marks`. */
export type Depends = (program: Program, marks: Marks) => Marks

/** Runs a program on elements, on the back end that asks. */
export type RunProgram = (program: Program, inputs: readonly TypedArray[]) => readonly TypedArray[]

/** Writes an operation down to be applied once its unknown operands are known. */
export type Defer = <N extends OpName>(op: N, params: OpParams[N], operands: readonly NDArray[]) => readonly NDArray[]

/** What shared code may ask of an operation without knowing its name. */
export interface Facts {
  /** Output element i depends on element i of each operand only. */
  readonly elementwise?: boolean
  /** Linear in all operands together. */
  readonly linear?: boolean
  /** Output elements are operand elements, moved. */
  readonly view?: boolean
  /** Gives its one operand as it is: a mark, which derivatives and debuggers read. */
  readonly mark?: boolean
  /** The operands that say where something is: the first of them, and how many there are. */
  readonly indices?: readonly [first: number, count: number]
  /** Combines elements along axes. */
  readonly reduces?: boolean
  /** The same, in any order, of the parameter `axes`; of no elements there is the fold's own identity (`identityOf`). */
  readonly fold?: FoldName
  /** About how many simple instructions an element comes to; 1 by default. */
  readonly cost?: number
  /**
   * Which roundings a result has. 'alike': that of the IEEE standard, once. 'freely': no instruction of the standard does it, and back
   * ends may differ in last places. 'in any order': so may they, for it adds up elements or their products. None by default.
   */
  readonly rounds?: 'alike' | 'freely' | 'in any order'
  /** Runs on the host, whatever the back end: it calls a function of the user's. */
  readonly onHost?: boolean
  /** The operands may be exchanged: what `cse` sorts by. */
  readonly commutative?: boolean
  /** Holds programs among its parameters. */
  readonly higherOrder?: boolean
  /** Its results are not determined for some operands: its derivative says how they may be chosen. */
  readonly leavesOpen?: boolean
  /**
   * What becomes of operands of fewer than 32 bits. Without this fact (and for floats in any case but the first) they are
   * widened to the dtype that `widened` names. 'as they are': elements are only moved, or the operation knows them.
   * 'as signed', 'as unsigned': integers by their bits. 'as floats': integers saturate on their way back.
   */
  readonly narrow?: 'as they are' | 'as signed' | 'as unsigned' | 'as floats'
}

/** An operation's whole life. */
export interface Primitive<N extends OpName> {
  /** Output types; throws a named error for operands that do not fit. */
  type(params: OpParams[N], operands: readonly Aval[]): readonly Aval[]
  /**
   * The reference meaning, on elements in row-major order. Results are fresh, or an operand's own array where the
   * elements are the same; operands are never written to.
   */
  evaluate(
    params: OpParams[N],
    data: readonly TypedArray[],
    operands: readonly Aval[],
    outputs: readonly Aval[],
    run: RunProgram,
  ): readonly TypedArray[]
  /** Derivative: outputs, and how they move when the operands move by `tangents` (not all of them zero). */
  jvp(params: OpParams[N], primals: readonly NDArray[], tangents: readonly Tangent[], programs: ProgramTransforms): Dual
  /** For operations linear in some operands: cotangents of those, null elsewhere and for zeros. */
  transpose?(
    params: OpParams[N],
    cotangents: readonly Tangent[],
    operands: readonly (NDArray | Linear)[],
    programs: ProgramTransforms,
  ): readonly Tangent[]
  /**
   * For operations whose result is a part of their one operand: which, so that cotangents of several parts may be put side by
   * side. Null where the result is another selection; then `transpose` is asked.
   */
  part?(params: OpParams[N], operand: Aval): Part | null
  /**
   * Partial evaluation, for operations with programs among their parameters: does what the known operands allow and
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
  /** Which results depend on the operands in `marks`; without this rule all do, if any is marked. */
  depends?(params: OpParams[N], marks: Marks, depends: Depends): Marks
  /** The application with nothing in it that only unused results need; without this rule it stays whole while one is used. */
  prune?(params: OpParams[N], used: Marks, programs: Pruning): Pruned
  /** Whether an application does something besides giving results: it is neither removed nor repeated. No by default. */
  hasEffect?(params: OpParams[N]): boolean
  /** For an operation whose results are those of a program of its operands: that program. Its derivative may be told otherwise. */
  body?(params: OpParams[N]): Program
  /** For an operation that does nothing but apply a program to its operands: that program, and what it is called. */
  applies?(params: OpParams[N]): { readonly program: Program; readonly name: string }
  readonly facts: Facts
}

export type Primitives = { readonly [N in OpName]: Primitive<N> }

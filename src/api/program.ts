/** The program, types and shapes of a function, without running it. */
import { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import type { leafBrand, LeafBrand, MapLeaves } from '../core/leafTypes.ts'
import type { TreeDef } from '../core/treedef.ts'
import { flatten, leafPaths, unflatten } from '../core/tree.ts'
import { keystr } from '../core/path.ts'
import { ArgumentError, DTypeError, ProgramError, ShapeError, SynchronousReadError } from '../core/errors.ts'
import { sameShape } from '../core/shape.ts'
import { show } from '../core/show.ts'
import { Program } from '../ir/program.ts'
import { checkedNesting } from '../passes/check.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { applyProgram } from '../transforms/apply.ts'
import { isOutOfReach } from '../transforms/builder.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { standIn } from '../trace/value.ts'
import { stage } from '../transforms/stage.ts'
import { requireFunctions } from './arguments.ts'
import { flattenArrays, flattenResult } from './leaves.ts'
import { parameterNames } from './parameterNames.ts'
import type { AnyTree, ArrayArguments, Fn, Operands } from './types.ts'

// Any size is allowed: no array is made.
const structDoor = must.door('ShapeDtypeStruct', {
  shape: must.kind('a shape: a list of extents, such as [2, 3]', must.listOf(must.natural).accepts, {
    error: ShapeError,
  }),
  dtype: must.dtype,
})

/**
 * The shape and dtype of an array that need not exist: replaces an array where only its type matters.
 *
 * @example
 * ```ts
 * import { ShapeDtypeStruct } from 'pullback'
 * new ShapeDtypeStruct([2, 3], 'float32') // => f32[2,3]
 * ```
 */
export class ShapeDtypeStruct implements LeafBrand {
  declare readonly [leafBrand]: true
  readonly shape: Shape
  readonly dtype: DType
  constructor(shape: Shape, dtype: DType) {
    structDoor(shape, dtype)
    this.shape = shape
    this.dtype = dtype
  }
  toString(): string {
    return new Aval(this.dtype, this.shape).toString()
  }
}

/** Arguments, whose leaves may be `ShapeDtypeStruct`s. */
export type Types<A extends readonly unknown[]> = {
  readonly [I in keyof A]: MapLeaves<A[I], ShapeDtypeStruct> | A[I]
}

/** The types of arguments, whose leaves may be `ShapeDtypeStruct`s, and their trees. */
export const avalsOf = (
  operation: string,
  args: readonly unknown[],
): { readonly avals: readonly Aval[]; readonly treedef: TreeDef } => {
  const { leaves, treedef } = flatten(args)
  const standIns = leaves.map((x) => (x instanceof ShapeDtypeStruct ? standIn(new Aval(x.dtype, x.shape)) : x))
  const arrays = flattenArrays(operation, unflatten(treedef, standIns))
  return { avals: arrays.leaves.map((x) => x.aval), treedef }
}

/** The paths of leaves among a function's arguments, such as `params.layers[0].kernel`. */
const placesOf = (f: (...args: never[]) => unknown, count: number, treedef: TreeDef): readonly string[] => {
  const names = parameterNames(f, count)
  return leafPaths(treedef).map(([i, ...path]) => {
    const name = names[Number(i)] ?? ''
    return name === '' ? keystr(path).replace(/^\./, '') || `args[${i}]` : name + keystr(path)
  })
}

/** A program contains the elements of the arrays that its function captures, so it must be possible to read them. */
const requireReadable = (operation: string, captured: readonly NDArray[]): void => {
  const far = captured.find(isOutOfReach)
  if (far === undefined) return
  throw new SynchronousReadError(
    `${operation}: the function refers to ${String(far)}, whose elements cannot be read at once. Make it an argument, or refer ` +
      'to what await deviceGet(x) gives.',
  )
}

const stageTrees = (operation: string, f: (...args: never[]) => unknown, args: readonly unknown[], named = false) => {
  const { avals, treedef } = avalsOf(operation, args)
  let outTree: TreeDef | undefined
  const staged = stage(
    operation,
    (xs) => {
      const result = flattenResult(operation, f(...(unflatten(treedef, xs) as never[])))
      outTree = result.treedef
      return result.leaves
    },
    avals,
    named ? placesOf(f, args.length, treedef) : [],
  )
  return { ...staged, outTree: outTree! }
}

/**
 * The program that a function traces to, for arguments of these types. Printable with `String(program)`.
 *
 * @param f - a function of trees of arrays.
 * @returns a function of arguments (arrays or `ShapeDtypeStruct`s) that returns the program, not optimised.
 * @example
 * ```ts
 * import { makeProgram, np } from 'pullback'
 * makeProgram((x: NDArray) => np.sin(x))(np.zeros([2])).outAvals // => f32[2]
 * ```
 */
export const makeProgram = <A extends readonly unknown[] = ArrayArguments>(
  f: Fn<A, unknown>,
): ((...args: Types<A>) => Program) => {
  requireFunctions('makeProgram', { f })
  return (...args) => {
    const { program, captured } = stageTrees('makeProgram', f, args, true)
    requireReadable('makeProgram', captured)
    return program
  }
}

const isList = (x: unknown): boolean => Array.isArray(x)

/** Programs nested deeper would overflow the stack in some transformation. */
const MAX_NESTING = 256

/** Throws unless the program passes `checkProgram`; each program is checked once. */
const requireSound = (program: Program): void => {
  const check = (): number => checkedNesting(program)
  const nesting = Program.is(program) ? program.derive('nesting', check) : check()
  if (nesting > MAX_NESTING) {
    throw new ProgramError(
      `evalProgram: the program holds programs nested ${nesting} deep; there may be ${MAX_NESTING} levels at most.`,
    )
  }
}

const evalProgramDoor = must.door('evalProgram', {
  program: must.instance('a program', Program),
  args: must.listOf(must.arrayLike, 'a list of arrays'),
})

/**
 * Applies a program to arrays, equation by equation. It may be transformed like any function: `grad` of it, `vmap` of it.
 *
 * @throws what `checkProgram` throws for an invalid program; ArgumentError, ShapeError or DTypeError if the number or the types
 *   of the arguments differ from the program's inputs.
 * @example
 * ```ts
 * import { evalProgram, makeProgram, np } from 'pullback'
 * const program = makeProgram((x: NDArray) => np.square(x))(np.array(0))
 * evalProgram(program, [np.array(3)])[0] // => 9.
 * ```
 */
export const evalProgram = (program: Program, args: readonly ArrayLike[]): readonly NDArray[] => {
  requireSound(program)
  evalProgramDoor(program, args)
  const { inAvals } = program
  if (!isList(args)) throw new ArgumentError(`evalProgram takes a list of arguments, got ${show(args)}.`)
  if (args.length !== inAvals.length) {
    throw new ArgumentError(`evalProgram: the program has ${inAvals.length} inputs, got ${args.length} arguments.`)
  }
  const arrays = args.map((x) => asArray(x))
  arrays.forEach((x, i) => {
    const wanted = inAvals[i]!
    const message = `evalProgram: input ${i} is ${wanted}, the argument ${x.aval}.`
    if (x.dtype !== wanted.dtype) throw new DTypeError(message)
    if (!sameShape(x.shape, wanted.shape)) throw new ShapeError(message)
  })
  return applyProgram(program, arrays)
}

/**
 * Shapes and dtypes of a function's results, without computing anything.
 *
 * @returns the tree of the result with a `ShapeDtypeStruct` at every leaf.
 * @example
 * ```ts
 * import { evalShape, np, ShapeDtypeStruct } from 'pullback'
 * evalShape((x: NDArray) => np.sum(x, { axis: 0 }), new ShapeDtypeStruct([2, 3], 'float32')) // => f32[3]
 * ```
 */
export function evalShape<A extends readonly unknown[], R extends AnyTree>(
  f: Fn<Operands<NoInfer<A>>, R>,
  ...args: A
): MapLeaves<R, ShapeDtypeStruct>
export function evalShape<A extends readonly unknown[], R extends AnyTree>(
  f: Fn<A, R>,
  ...args: Types<A>
): MapLeaves<R, ShapeDtypeStruct>
export function evalShape<A extends readonly unknown[], R>(
  f: Fn<A, R>,
  ...args: readonly unknown[]
): MapLeaves<R, ShapeDtypeStruct> {
  requireFunctions('evalShape', { f })
  const { program, outTree } = stageTrees('evalShape', f, args)
  return unflatten(
    outTree,
    program.outAvals.map((a) => new ShapeDtypeStruct(a.shape, a.dtype)),
  ) as MapLeaves<R, ShapeDtypeStruct>
}

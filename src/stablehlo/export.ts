/** Functions of arrays as modules that other engines run. */
import { argnums, positionsOf } from '../api/arguments.ts'
import type { Argnums } from '../api/arguments.ts'
import { avalsOf, evalShape, makeProgram } from '../api/program.ts'
import * as must from '../conversions/arguments.ts'
import type { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import type { Path } from '../core/path.ts'
import { sameShape } from '../core/shape.ts'
import type { Shape } from '../core/shape.ts'
import { flatten, leafPaths } from '../core/tree.ts'
import type { Program } from '../ir/program.ts'
import { optimize } from '../passes/pipeline.ts'
import { moduleText } from './module.ts'
import { sha256 } from './sha256.ts'

/** An array of a module's arguments or results. */
export interface ExportedArray {
  /** Where it stands: the number of the argument first, of arguments; then names of fields and places in lists. */
  readonly path: Path
  readonly dtype: DType
  readonly shape: Shape
}

/** A function as a module. */
export interface ExportedProgram {
  /** The module, in MLIR's text form: a function `main` of all arrays, in the order of `inputs`. */
  readonly text: string
  /** SHA-256 of the text in UTF-8, in hexadecimal: equal for equal programs, whenever they were traced. */
  readonly hash: string
  /** Arrays of the arguments, in the order in which `main` takes them. */
  readonly inputs: readonly ExportedArray[]
  /** Arrays of the result, in the order in which `main` gives them. */
  readonly outputs: readonly ExportedArray[]
  /** Of each input, the output that may be written over it; null for none. */
  readonly aliases: readonly (number | null)[]
  /** What was written: the optimised program. */
  readonly program: Program
}

/** Options of `exportProgram`. */
export interface ExportOptions {
  /** Arguments whose memory may serve for results, as `donateArgnums` of `jit`. */
  readonly donateArgnums?: Argnums
}

const exportDoor = must.door('exportProgram', {
  f: must.func,
  options: must.optionsOf<ExportOptions>({ donateArgnums: argnums }),
})

const arraysOf = (tree: unknown, avals: readonly Aval[]): readonly ExportedArray[] =>
  leafPaths(flatten(tree).treedef).map((path, i) => ({
    path,
    dtype: avals[i]!.dtype,
    shape: avals[i]!.shape,
  }))

/** Gives each donated input the first output of its type that none has yet. */
const aliasesOf = (inputs: readonly Aval[], outputs: readonly Aval[], isDonated: (i: number) => boolean) => {
  const free = new Set(outputs.keys())
  return inputs.map((x, i) => {
    if (!isDonated(i)) return null
    const found = [...free].find((o) => outputs[o]!.dtype === x.dtype && sameShape(outputs[o]!.shape, x.shape))
    if (found === undefined) return null
    free.delete(found)
    return found
  })
}

/**
 * A function of arrays as StableHLO (https://openxla.org/stablehlo), which XLA compiles: JAX, TensorFlow and PJRT plugins run it. Given
 * arguments, or `ShapeDtypeStruct`s in their place, it gives the module's text and what its arguments and results are. All extents
 * are as they are given. Random numbers, control flow, derivatives and factorisations are in it; callbacks cannot be.
 *
 * @param f - a function of trees of arrays.
 * @param options - `donateArgnums`.
 * @throws ArgumentError for a function that calls back into this process; TracerError where tracing `f` would.
 * @example
 * ```ts
 * import { grad, np, ShapeDtypeStruct } from 'pullback'
 * import { exportProgram } from 'pullback/stablehlo'
 * const loss = ({ w }: { w: NDArray }, x: NDArray) => np.sum(np.tanh(np.matmul(x, w)))
 * const { text, inputs } = exportProgram(grad(loss))({ w: np.zeros([3, 2]) }, np.zeros([8, 3]))
 * text.includes('func.func public @main(%p0: tensor<3x2xf32>, %p1: tensor<8x3xf32>) -> (tensor<3x2xf32>)') // => true
 * inputs.map(({ path }) => path.join('.')) // => 0.w,1
 * ```
 */
export const exportProgram = <A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  options: ExportOptions = {},
): ((...args: A) => ExportedProgram) => {
  exportDoor(f, options)
  return (...args) => {
    const program = optimize(makeProgram<readonly never[]>(f)(...(args as unknown as readonly never[])))
    const { avals } = avalsOf('exportProgram', args)
    const donated = new Set(
      options.donateArgnums === undefined
        ? []
        : positionsOf('exportProgram', 'donateArgnums', options.donateArgnums, args.length),
    )
    const inputs = arraysOf(args, avals)
    const aliases = aliasesOf(avals, program.outAvals, (i) => donated.has(Number(inputs[i]!.path[0])))
    const result: unknown = evalShape(f as never, ...(args as never))
    const text = moduleText(program, { aliases })
    return {
      text,
      hash: sha256(text),
      inputs,
      outputs: arraysOf(result, program.outAvals),
      aliases,
      program,
    }
  }
}

/** Functions of arrays as models that onnxruntime runs. */
import { argnums, positionsOf } from '../api/arguments.ts'
import type { Argnums } from '../api/arguments.ts'
import { avalsOf, evalShape, makeProgram } from '../api/program.ts'
import * as must from '../conversions/arguments.ts'
import type { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import type { HostArray } from '../core/host.ts'
import type { Path } from '../core/path.ts'
import type { Shape } from '../core/shape.ts'
import { flatten, leafPaths } from '../core/tree.ts'
import type { Program } from '../ir/program.ts'
import { optimize } from '../passes/pipeline.ts'
import { isNDArray, toHost } from '../trace/value.ts'
import { modelOf } from './module.ts'

/** An array of a model's inputs or outputs. */
export interface OnnxArray {
  /** What the model calls it. */
  readonly name: string
  /** Where it stands: the number of the argument first, of arguments; then names of fields and places in lists. */
  readonly path: Path
  readonly dtype: DType
  readonly shape: Shape
}

/** A function as a model. */
export interface OnnxModel {
  /** The file `.onnx`. */
  readonly bytes: Uint8Array
  /** Arrays of the arguments that are not baked in, in the order in which the model has them. */
  readonly inputs: readonly OnnxArray[]
  /** Arrays of the result, in order. */
  readonly outputs: readonly OnnxArray[]
  /** What was written: the optimised program. */
  readonly program: Program
}

/** Options of `exportOnnx`. */
export interface OnnxOptions {
  /** Arguments whose arrays the model has inside, such as its parameters. */
  readonly bakeArgnums?: Argnums
  /** Names of the inputs, those baked in left out. */
  readonly inputNames?: readonly string[]
  /** Names of the outputs. */
  readonly outputNames?: readonly string[]
}

const names = must.listOf(must.string, 'a list of names')
const exportDoor = must.door('exportOnnx', {
  f: must.func,
  options: must.optionsOf<OnnxOptions>({ bakeArgnums: argnums, inputNames: names, outputNames: names }),
})

/** Names that are not taken, nor doubled: each with what makes it different before it. */
const distinct = (
  wanted: readonly string[],
  longer: readonly string[],
  taken: readonly string[],
): readonly string[] => {
  const counts = new Map<string, number>()
  for (const name of [...wanted, ...taken]) counts.set(name, (counts.get(name) ?? 0) + 1)
  return wanted.map((name, i) => (counts.get(name) === 1 ? name : longer[i]!))
}

/** The path within an argument; with the argument's number before it where that alone does not tell, or says nothing. */
const namesOfInputs = (paths: readonly Path[]): readonly string[] => {
  const longer = paths.map(([argument, ...rest]) => [`arg${argument}`, ...rest].join('.'))
  const short = paths.map((path, i) => (path.length === 1 ? longer[i]! : path.slice(1).join('.')))
  return distinct(short, longer, [])
}

/** The path within the result; `output` for an array alone, and before what begins with a number or has the name of an input. */
const namesOfOutputs = (paths: readonly Path[], inputs: readonly string[]): readonly string[] => {
  const longer = paths.map((path) => ['output', ...path].join('.'))
  const short = paths.map((path, i) => (typeof path[0] === 'string' ? path.join('.') : longer[i]!))
  return distinct(short, longer, inputs)
}

const pathsOf = (tree: unknown): readonly Path[] => leafPaths(flatten(tree).treedef)

const describedBy = (
  paths: readonly Path[],
  avals: readonly Aval[],
  arrayNames: readonly string[],
): readonly OnnxArray[] =>
  paths.map((path, i) => ({ name: arrayNames[i]!, path, dtype: avals[i]!.dtype, shape: avals[i]!.shape }))

const bakedFrom = (leaf: unknown, path: Path): HostArray => {
  if (isNDArray(leaf)) return toHost(leaf, 'exportOnnx')
  throw new ArgumentError(
    `exportOnnx: bakeArgnums asks for the elements of argument ${path.join('.')}, which is not an array. Give an array, or leave it an input.`,
  )
}

/** The names of all arrays, of those that stay inputs as given. */
const withGiven = (
  all: readonly string[],
  isBaked: readonly boolean[],
  given: readonly string[] | undefined,
): readonly string[] => {
  if (given === undefined) return all
  const open = isBaked.filter((baked) => !baked).length
  if (given.length !== open) {
    throw new ArgumentError(`exportOnnx: inputNames names ${given.length} arrays; the model has ${open} inputs.`)
  }
  let next = 0
  return all.map((name, i) => (isBaked[i] ? `${name}${given.includes(name) ? '.baked' : ''}` : given[next++]!))
}

/**
 * A function of arrays as a model of ONNX (https://onnx.ai), which onnxruntime and others run: of the set of operators 18. Given arguments,
 * or `ShapeDtypeStruct`s in their place, it gives the file's bytes and what its inputs and outputs are. Arrays that `f` closes over are in
 * the model; so are arguments that `bakeArgnums` names. All extents are as they are given.
 *
 * @param f - a function of trees of arrays.
 * @param options - `bakeArgnums`, `inputNames`, `outputNames`. By default arrays are called by their paths, joined by dots.
 * @throws ArgumentError for a function that calls back into this process, for names that are not as many as the arrays or not all
 * different, and for a model of more than 2 GB; TracerError where tracing `f` would.
 * @example
 * ```ts
 * import { np, nn } from 'pullback'
 * import { exportOnnx } from 'pullback/onnx'
 * const apply = ({ w }: { w: NDArray }, x: NDArray) => ({ probabilities: nn.softmax(np.matmul(x, w)) })
 * const model = exportOnnx(apply, { bakeArgnums: 0, inputNames: ['x'] })({ w: np.ones([3, 2]) }, np.zeros([8, 3]))
 * model.inputs.map(({ name, shape }) => `${name} [${shape.join()}]`) // => x [8,3]
 * model.outputs.map(({ name, shape }) => `${name} [${shape.join()}]`) // => probabilities [8,2]
 * ```
 */
export const exportOnnx = <A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  options: OnnxOptions = {},
): ((...args: A) => OnnxModel) => {
  exportDoor(f, options)
  return (...args) => {
    const program = optimize(makeProgram<readonly never[]>(f)(...(args as unknown as readonly never[])))
    const { avals } = avalsOf('exportOnnx', args)
    const paths = pathsOf(args)
    const { leaves } = flatten(args)
    const bakedArguments = new Set(
      options.bakeArgnums === undefined
        ? []
        : positionsOf('exportOnnx', 'bakeArgnums', options.bakeArgnums, args.length),
    )
    const isBaked = paths.map(([argument]) => bakedArguments.has(Number(argument)))
    const inputNames = withGiven(namesOfInputs(paths), isBaked, options.inputNames)
    const resultPaths = pathsOf(evalShape(f as never, ...(args as never)))
    const outputNames = options.outputNames ?? namesOfOutputs(resultPaths, inputNames)
    const bytes = modelOf(
      'exportOnnx',
      program,
      { inputNames, outputNames },
      paths.map((path, i) => (isBaked[i] ? bakedFrom(leaves[i], path) : null)),
    )
    return {
      bytes,
      inputs: describedBy(paths, avals, inputNames).filter((_, i) => !isBaked[i]),
      outputs: describedBy(resultPaths, program.outAvals, outputNames),
      program,
    }
  }
}

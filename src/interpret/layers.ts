/** Gradients with respect to intermediate values of a function: layers' outputs. Grad-CAM, and layer-wise relevance. */
import { makeProgram } from '../api/program.ts'
import { grad } from '../api/grad.ts'
import type { Scalar } from '../api/types.ts'
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.ts'
import { isFloat } from '../core/dtype.ts'
import { flatten, unflatten } from '../core/tree.ts'
import { Variable } from '../ir/program.ts'
import type { Program } from '../ir/program.ts'
import * as np from '../numpy/index.ts'
import { mapTree } from '../optim/trees.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { applyEquations, initialEnvironment, read } from '../transforms/apply.ts'

/** A scalar, the layers' outputs, and the gradients of the scalar with respect to them. */
export interface LayerGradients<H> {
  readonly value: NDArray
  readonly activations: H
  /** `∂value/∂activation`, a tree like the activations; zeros for what the value does not depend on. */
  readonly gradients: H
}

/** A program whose first output is the value, and the others the layers' outputs, evaluated with changes added to these outputs. */
const runChanged = (program: Program, args: readonly NDArray[], changes: readonly NDArray[]): readonly NDArray[] => {
  const changeOf = new Map<Variable, NDArray>()
  program.outputs.slice(1).forEach((atom, i) => {
    if (atom instanceof Variable && !changeOf.has(atom)) changeOf.set(atom, changes[i]!)
  })
  const env = initialEnvironment(program, args)
  const change = (variables: readonly Variable[]): void => {
    for (const v of variables) {
      const by = changeOf.get(v)
      if (by !== undefined) env.set(v, np.add(env.get(v)!, by))
    }
  }
  change([...program.inputs, ...program.constants.map((c) => c.variable)])
  for (const equation of program.equations) {
    applyEquations([equation], env)
    change(equation.outputs)
  }
  return program.outputs.map((atom) => read(env, atom))
}

const checkOutputs = (operation: string, program: Program): void => {
  const [value, ...layers] = program.outputs.map((atom) => atom.aval)
  if (value === undefined || value.shape.length > 0 || !isFloat(value.dtype)) {
    throw new ShapeError(
      `${operation}: f gives [value, layers], the value a scalar of floats; got ${String(value ?? 'nothing')}.`,
    )
  }
  const odd = layers.find((aval) => !isFloat(aval.dtype))
  if (odd !== undefined) throw new DTypeError(`${operation}: outputs of layers are arrays of floats, got ${odd}.`)
}

/** A function that returns the value, and the outputs of layers. */
export type WithLayers<T, H> = (x: T) => readonly [value: Scalar, layers: H]

const gradientsOf = <T, H>(operation: string, f: WithLayers<T, H>, x: T): LayerGradients<H> => {
  const parts = { treedef: flatten(null).treedef }
  const program = makeProgram((at: T) => {
    const given: unknown = f(at)
    if (!Array.isArray(given) || given.length !== 2) {
      throw new ArgumentError(`${operation}: f gives a pair, the value and the layers' outputs.`)
    }
    const [value, layers] = given as unknown as readonly [Scalar, H]
    const { leaves, treedef } = flatten(layers)
    parts.treedef = treedef
    return [np.asarray(value), ...leaves]
  })(x)
  checkOutputs(operation, program)
  const args = flatten(x).leaves.map((leaf) => np.asarray(leaf as ArrayLike))
  const zeros = program.outAvals.slice(1).map((aval) => np.zeros(aval.shape, { dtype: aval.dtype }))
  const [value, ...activations] = runChanged(program, args, zeros)
  const gradients = grad((changes: readonly NDArray[]) => runChanged(program, args, changes)[0]!)(zeros)
  return {
    value: value!,
    activations: unflatten(parts.treedef, activations) as H,
    gradients: unflatten(parts.treedef, gradients) as H,
  }
}

const layerDoor = must.door('layerGradients', { f: must.func, x: must.anything })

/**
 * Gradients of a scalar with respect to the outputs of layers, which `f` returns beside it, such as a model's `hiddenStates`.
 * The function is split where each of them is computed, so the model needs no change. Layers inside a function under `jit`
 * cannot be seen.
 *
 * @param f - from a tree of arrays to a pair: a float scalar, and a tree of intermediate values.
 * @throws ShapeError if the value is not a scalar.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { layerGradients } from 'pullback/interpret'
 * const f = (x: NDArray) => {
 *   const hidden = np.multiply(x, 2)
 *   return [np.sum(np.square(hidden)), { hidden }] as const
 * }
 * const { activations, gradients } = layerGradients(f, np.array([1, 3]))
 * activations.hidden // => [2. 6.]
 * gradients.hidden // => [ 4. 12.]
 * ```
 */
export const layerGradients = <T, H>(f: WithLayers<T, H>, x: T): LayerGradients<H> => {
  layerDoor(f, x)
  return gradientsOf('layerGradients', f, x)
}

const relevanceDoor = must.door('layerRelevance', { f: must.func, x: must.anything })

/**
 * `activation · ∂value/∂activation` of each layer: the contribution of its elements to the value, to first order. Without
 * biases, this is layer-wise relevance propagation (LRP-0) for networks of rectifiers: Ancona et al., "Towards better
 * understanding of gradient-based attribution methods" (2018).
 *
 * @returns a tree like the layers' outputs.
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { layerRelevance } from 'pullback/interpret'
 * const w = np.array([[1, -1], [2, 1]])
 * const f = (x: NDArray) => {
 *   const hidden = nn.relu(np.matmul(x, w))
 *   return [np.sum(hidden), { x, hidden }] as const
 * }
 * // Each layer's relevances sum to the value.
 * const { x, hidden } = layerRelevance(f, np.array([1, 3]))
 * hidden // => [7. 2.]
 * x // => [0. 9.]
 * ```
 */
export const layerRelevance = <T, H>(f: WithLayers<T, H>, x: T): H => {
  relevanceDoor(f, x)
  const { activations, gradients } = gradientsOf('layerRelevance', f, x)
  return mapTree('layerRelevance', np.multiply, activations, gradients)
}

/** Options of `gradCam`. */
export interface GradCamOptions {
  /** The axis of channels: 1 by default, as in `[batch, channels, height, width]`; -1 for channels last. */
  readonly channelAxis?: number
}

const camDoor = must.door('gradCam', {
  f: must.func,
  x: must.anything,
  options: must.optionsOf<GradCamOptions>({ channelAxis: must.integer }),
})

/**
 * Where a convolutional layer sees evidence for the value: the sum of its channels, weighted by the means of their gradients
 * over positions, with negative values set to 0. Selvaraju et al., "Grad-CAM" (2017).
 *
 * @param f - from an input to a pair: a float scalar, and the layer's output `[batch, channels, ...places]`. For several
 *   pictures, the value is the sum of theirs.
 * @returns shape `[batch, ...places]`, with the resolution of the layer. * @throws ShapeError if the layer's output has no
 *   spatial axes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { gradCam } from 'pullback/interpret'
 * const f = (picture: NDArray) => [np.sum(np.multiply(picture, np.array([2, -1]).at('...', null, null).get())), picture] as const
 * gradCam(f, np.array([[[[1, 0]], [[1, 3]]]])) // => [[[1. 0.]]]
 * ```
 */
export const gradCam = <T>(f: WithLayers<T, NDArray>, x: T, options: GradCamOptions = {}): NDArray => {
  camDoor(f, x, options)
  const { channelAxis = 1 } = options
  const { activations, gradients } = gradientsOf('gradCam', f, x)
  if (activations.ndim < 3) {
    throw new ShapeError(`gradCam: the layer's output is [batch, channels, ...places], got ${activations.aval}.`)
  }
  const [seen, moved] = [activations, gradients].map((a) => np.moveaxis(a, channelAxis, 1)) as [NDArray, NDArray]
  const places = Array.from({ length: seen.ndim - 2 }, (_, i) => i + 2)
  const weights = np.mean(moved, { axis: places, keepdims: true })
  return np.maximum(np.sum(np.multiply(seen, weights), { axis: 1 }), 0)
}

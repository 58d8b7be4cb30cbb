/** Recurrent cells, and the layer that runs one over time. */
import { scan } from '../api/scan.ts'
import { aLoopCheckpoint, anUnroll } from '../api/scanSteps.ts'
import type { DType } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import type { Key } from '../random/keys.ts'
import { consume, splitKey } from '../random/keys.ts'
import { asArray, asIndices } from '../runtime/installArrays.ts'
import { map as mapTree } from '../api/tree.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { sigmoid, tanh } from './activations.ts'
import type { Initializer } from './initializers.ts'
import { lecunNormal, orthogonal, zeros } from './initializers.ts'
import { arraysFrom, checkFeatures, initDoor } from './layer.ts'

/** Parameters of a cell with g gates: the parameters of all gates are concatenated. */
export interface CellParams {
  /** Shape `[inFeatures, g · features]`. */
  readonly inputKernel: NDArray
  /** Shape `[features, g · features]`; the part of each gate is initialised orthogonal. */
  readonly recurrentKernel: NDArray
  /** Shape `[g · features]`. */
  readonly bias: NDArray
}

/** The carry of an LSTM; each array has shape `[..., features]`. */
export interface LstmCarry {
  readonly c: NDArray
  readonly h: NDArray
}

/** One step of a recurrent network, from a carry and an input to the next carry and an output. */
export interface Cell<P, C> {
  readonly features: number
  readonly init: (key: Key, dtype?: DType) => P
  /** The carry before the first step: zeros. `batchShape` is the input's shape without its last axis. */
  readonly initialCarry: (batchShape: readonly number[], dtype?: DType) => C
  /** The part of a step that depends only on the input; it also works on all steps at once. */
  readonly project: (params: P, x: ArrayLike) => NDArray
  /** The rest of a step. `recurrentMask` multiplies the output that is fed back. */
  readonly step: (params: P, carry: C, projected: NDArray, recurrentMask?: NDArray) => readonly [carry: C, y: NDArray]
  /** A whole step. */
  readonly apply: (params: P, carry: C, x: ArrayLike) => readonly [carry: C, y: NDArray]
}

/** Options of cells. */
export interface CellOptions {
  /** `lecunNormal()` by default. */
  readonly kernelInit?: Initializer
  /** `orthogonal()` by default. */
  readonly recurrentInit?: Initializer
  /** `zeros` by default. */
  readonly biasInit?: Initializer
}

const cellOptions: must.OptionTable<CellOptions> = {
  kernelInit: must.func,
  recurrentInit: must.func,
  biasInit: must.func,
}

/** Options of `simpleCell`. */
export interface SimpleCellOptions extends CellOptions {
  /** `tanh` by default. */
  readonly activation?: (x: NDArray) => NDArray
}

const simpleCellOptions: must.OptionTable<SimpleCellOptions> = {
  activation: must.func,
  kernelInit: must.func,
  recurrentInit: must.func,
  biasInit: must.func,
}

interface CellSpec<C> {
  readonly name: string
  readonly inFeatures: number
  readonly features: number
  readonly gates: number
  /** A check of the result of `initialCarry`. */
  readonly carry: must.Check
  readonly initialCarry: Cell<CellParams, C>['initialCarry']
  readonly step: Cell<CellParams, C>['step']
}

const cellOf = <C>(
  { name, inFeatures, features, gates, carry, initialCarry, step }: CellSpec<C>,
  { kernelInit = lecunNormal(), recurrentInit = orthogonal(), biasInit = zeros }: CellOptions,
): Cell<CellParams, C> => {
  const params = arraysFrom('init', 'inputKernel', 'recurrentKernel', 'bias')
  const enterInit = initDoor(name)
  const enterCarry = must.door(name, { batchShape: must.shape, dtype: must.optional(must.dtype) })
  const enterProject = must.door(name, { params, x: must.arrayLike })
  const enterApply = must.door(name, { params, carry, x: must.arrayLike })
  const enterStep = must.door(name, {
    params,
    carry,
    projected: must.arrayLike,
    recurrentMask: must.optional(must.arrayLike),
  })
  const project = ({ inputKernel, bias }: CellParams, x: ArrayLike): NDArray => {
    const array = asArray(x)
    checkFeatures(name, array, inFeatures)
    return np.add(np.matmul(array, inputKernel), bias)
  }
  return {
    features,
    init: (key, dtype = 'float32') => {
      enterInit(key, dtype)
      consume(name, key)
      const [forInput, forBias, ...forGates] = splitKey(key, [2 + gates])
      const recurrent = forGates.map((k) => recurrentInit(k, [features, features], dtype))
      return {
        inputKernel: kernelInit(forInput!, [inFeatures, gates * features], dtype),
        recurrentKernel: np.concatenate(recurrent, { axis: 1 }),
        bias: biasInit(forBias!, [gates * features], dtype),
      }
    },
    initialCarry: (batchShape, dtype) => {
      enterCarry(batchShape, dtype)
      return initialCarry(batchShape, dtype)
    },
    project: (params, x) => {
      enterProject(params, x)
      return project(params, x)
    },
    step: (params, carry, projected, recurrentMask) => {
      enterStep(params, carry, projected, recurrentMask)
      return step(params, carry, projected, recurrentMask)
    },
    apply: (params, carry, x) => {
      enterApply(params, carry, x)
      return step(params, carry, project(params, x))
    },
  }
}

const zerosFor =
  (features: number) =>
  (batchShape: readonly number[], dtype: DType = 'float32'): NDArray =>
    np.zeros([...batchShape, features], { dtype })

const fedBack = (h: NDArray, mask: NDArray | undefined): NDArray => (mask === undefined ? h : np.multiply(h, mask))

const simpleCellDoor = must.door('nn.simpleCell', {
  inFeatures: must.count,
  features: must.count,
  options: must.optionsOf(simpleCellOptions),
})

/**
 * The plain recurrent cell: `h' = tanh(W x + U h + b)`. Elman (1990).
 *
 * @throws ShapeError if the last axis of `x` does not have `inFeatures`.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const cell = nn.simpleCell(3, 5)
 * const [h, y] = cell.apply(cell.init(random.key(0)), cell.initialCarry([2]), np.ones([2, 3]))
 * y.shape // => 2,5
 * ```
 */
export const simpleCell = (
  inFeatures: number,
  features: number,
  options: SimpleCellOptions = {},
): Cell<CellParams, NDArray> => {
  simpleCellDoor(inFeatures, features, options)
  const { activation = tanh, ...initializers } = options
  return cellOf(
    {
      name: 'nn.simpleCell',
      inFeatures,
      features,
      gates: 1,
      carry: must.arrayLike,
      initialCarry: zerosFor(features),
      step: ({ recurrentKernel }, h, projected, mask) => {
        const next = activation(np.add(projected, np.matmul(fedBack(h, mask), recurrentKernel)))
        return [next, next]
      },
    },
    initializers,
  )
}

const lstmCellDoor = must.door('nn.lstmCell', {
  inFeatures: must.count,
  features: must.count,
  options: must.optionsOf(cellOptions),
})

/**
 * Long short-term memory: gates i, f, g, o in this order; `c' = σ(f) c + σ(i) tanh(g)`, `h' = σ(o) tanh(c')`. Hochreiter and
 * Schmidhuber (1997), with the forget gate of Gers et al. (2000).
 *
 * @throws ShapeError if the last axis of `x` does not have `inFeatures`.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const cell = nn.lstmCell(3, 5)
 * const [carry, y] = cell.apply(cell.init(random.key(0)), cell.initialCarry([2]), np.ones([2, 3]))
 * carry.c.shape // => 2,5
 * ```
 */
export const lstmCell = (
  inFeatures: number,
  features: number,
  options: CellOptions = {},
): Cell<CellParams, LstmCarry> => {
  lstmCellDoor(inFeatures, features, options)
  return cellOf(
    {
      name: 'nn.lstmCell',
      inFeatures,
      features,
      gates: 4,
      carry: arraysFrom('initialCarry', 'c', 'h'),
      initialCarry: (batchShape, dtype) => {
        const zero = zerosFor(features)(batchShape, dtype)
        return { c: zero, h: zero }
      },
      step: ({ recurrentKernel }, { c, h }, projected, mask) => {
        const all = np.add(projected, np.matmul(fedBack(h, mask), recurrentKernel))
        const [i, f, g, o] = np.split(all, 4, { axis: -1 })
        const next = np.add(np.multiply(sigmoid(f), c), np.multiply(sigmoid(i), tanh(g)))
        const y = np.multiply(sigmoid(o), tanh(next))
        return [{ c: next, h: y }, y]
      },
    },
    options,
  )
}

const gruCellDoor = must.door('nn.gruCell', {
  inFeatures: must.count,
  features: must.count,
  options: must.optionsOf(cellOptions),
})

/**
 * The gated recurrent unit: gates r, z, n in this order; `n = tanh(n_x + σ(r) n_h)`, `h' = (1 − σ(z)) n + σ(z) h`. Cho et al.
 * (2014), with the reset gate after the product, as in cuDNN.
 *
 * @throws ShapeError if the last axis of `x` does not have `inFeatures`.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const cell = nn.gruCell(3, 5)
 * cell.apply(cell.init(random.key(0)), cell.initialCarry([]), np.ones([3]))[1].shape // => 5
 * ```
 */
export const gruCell = (inFeatures: number, features: number, options: CellOptions = {}): Cell<CellParams, NDArray> => {
  gruCellDoor(inFeatures, features, options)
  return cellOf(
    {
      name: 'nn.gruCell',
      inFeatures,
      features,
      gates: 3,
      carry: must.arrayLike,
      initialCarry: zerosFor(features),
      step: ({ recurrentKernel }, h, projected, mask) => {
        const [rx, zx, nx] = np.split(projected, 3, { axis: -1 })
        const [rh, zh, nh] = np.split(np.matmul(fedBack(h, mask), recurrentKernel), 3, { axis: -1 })
        const z = sigmoid(np.add(zx, zh))
        const n = tanh(np.add(nx, np.multiply(sigmoid(np.add(rx, rh)), nh)))
        const next = np.add(np.multiply(np.subtract(1, z), n), np.multiply(z, h))
        return [next, next]
      },
    },
    options,
  )
}

/** Takes `next` where the sequence goes on, `before` where it has ended. */
const freeze = <C>(goesOn: NDArray, next: C, before: C): C => {
  const choose = (a: unknown, b: unknown): NDArray => np.where(goesOn, a as NDArray, b as NDArray)
  return mapTree(choose as never, next, before) as C
}

/** Options of `rnn`. */
export interface RnnOptions {
  /** From the last step to the first; outputs have the indices of their inputs. */
  readonly reverse?: boolean
  /** Time is the first axis, rather than the one before the last. */
  readonly timeMajor?: boolean
  /** As in `lax.scan`. */
  readonly unroll?: number | boolean
  /** As in `lax.scan`: what reverse mode keeps. */
  readonly checkpoint?: 'none' | 'sqrt' | number
}

const rnnOptions: must.OptionTable<RnnOptions> = {
  reverse: must.boolean,
  timeMajor: must.boolean,
  unroll: anUnroll,
  checkpoint: aLoopCheckpoint,
}

/** Options of a run of `rnn`. */
export interface RnnRunOptions<C> {
  /** Zeros by default. */
  readonly initialCarry?: C
  /** The length of each sequence, with the shape of the batch: later steps leave the carry as it is. All steps by default. */
  readonly seqLengths?: ArrayLike
  /** Multiplies the output that is fed back at every step: variational dropout of the recurrence. */
  readonly recurrentMask?: NDArray
}

/** A recurrent network over time. */
export interface Rnn<P, C> {
  readonly init: (key: Key, dtype?: DType) => P
  readonly apply: (params: P, xs: ArrayLike, options?: RnnRunOptions<C>) => readonly [carry: C, ys: NDArray]
}

const rnnRunOptions: must.OptionTable<RnnRunOptions<unknown>> = {
  initialCarry: must.anything,
  seqLengths: must.arrayLike,
  recurrentMask: must.arrayLike,
}

const aCell = must.kind('a cell, as nn.lstmCell gives it', (x) => {
  const cell = x as Partial<Cell<unknown, unknown>> | null | undefined
  return typeof cell?.init === 'function' && typeof cell.step === 'function' && typeof cell.project === 'function'
})

const rnnDoor = must.door('nn.rnn', { cell: aCell, options: must.optionsOf(rnnOptions) })

/**
 * A cell run over time by `lax.scan`: from inputs of shape `[..., time, inFeatures]` to the last carry and outputs of shape
 * `[..., time, features]`. The contribution of the inputs is computed in one product for all steps.
 *
 * @throws ShapeError if the inputs have no time axis, or not the cell's number of features.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const layer = nn.rnn(nn.lstmCell(3, 5))
 * const [carry, ys] = layer.apply(layer.init(random.key(0)), np.ones([2, 7, 3]))
 * ys.shape // => 2,7,5
 * carry.h.shape // => 2,5
 * ```
 */
export const rnn = <P, C>(cell: Cell<P, C>, options: RnnOptions = {}): Rnn<P, C> => {
  rnnDoor(cell, options)
  const { reverse = false, timeMajor = false, unroll = 1, checkpoint = 'none' } = options
  const enter = must.door('nn.rnn', {
    params: must.anything,
    xs: must.arrayLike,
    options: must.optionsOf(rnnRunOptions),
  })
  return {
    init: cell.init,
    apply: (params, xs, run = {}) => {
      enter(params, xs, run)
      const { initialCarry, seqLengths, recurrentMask } = run
      const array = asArray(xs)
      if (array.ndim < 2) throw new ShapeError(`nn.rnn: the inputs need axes of time and features, got ${array.aval}.`)
      const inTime = timeMajor ? array : np.moveaxis(array, -2, 0)
      const batchShape = inTime.shape.slice(1, -1)
      const start = initialCarry ?? cell.initialCarry(batchShape, array.dtype)
      const lengths = seqLengths === undefined ? null : asIndices('nn.rnn', seqLengths)
      const step = (carry: C, { x, t }: { readonly x: NDArray; readonly t: NDArray }): readonly [C, NDArray] => {
        const [next, y] = cell.step(params, carry, x, recurrentMask)
        if (lengths === null) return [next, y]
        const goesOn = np.expandDims(np.less(t, lengths), -1)
        return [freeze(goesOn, next, carry), y]
      }
      const elements = { x: cell.project(params, inTime), t: np.arange(inTime.shape[0]!) }
      const [carry, ys] = scan(step as never, start, elements, { reverse, unroll, checkpoint }) as unknown as readonly [
        C,
        NDArray,
      ]
      return [carry, timeMajor ? ys : np.moveaxis(ys, 0, -2)]
    },
  }
}

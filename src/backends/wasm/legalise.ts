/**
 * Legalises programs for WebAssembly's kernels and routines: inlines bodies, drops marks for derivatives, widens narrow
 * elements, splits long reductions in two, and turns products of integers into sums.
 */
import { range, sizeOf } from '../../core/shape.ts'
import { expandedShape, isHalfKind } from '../../core/blocks.ts'
import { isHalf, isInteger } from '../../core/dtype.ts'
import { Aval } from '../../core/aval.ts'
import type { OpName } from '../../ir/op.ts'
import { inlineWhere } from '../../ir/inline.ts'
import type { Atom, Equation } from '../../ir/program.ts'
import type { Program } from '../../ir/program.ts'
import { Literal, Variable, equation } from '../../ir/program.ts'
import type { Rewriter } from '../../ir/rewrite.ts'
import { rewrite } from '../../ir/rewrite.ts'
import { cse } from '../../passes/cse.ts'
import { dce } from '../../passes/dce.ts'
import { fold } from '../../passes/fold.ts'
import { simplify } from '../../passes/simplify.ts'
import { divisorUpTo } from '../../lowering/divisor.ts'
import { widen } from '../../lowering/widen.ts'
import { bodyProgram, primitiveOf } from '../../primitives/registry.ts'

/** Whether an equation's checkpoints that prevent CSE are inlined. */
const recomputes = (eqn: Equation): boolean => {
  if (eqn.op === 'checkpoint' && eqn.params.preventCse) return true
  const body = bodyProgram(eqn)
  return body?.derive('recomputes', () => body.equations.some(recomputes)) ?? false
}

// Larger bodies are left to the reference.
const largestBody = 200_000

const inlinedSize = (program: Program): number =>
  program.derive('inlined size', () =>
    program.equations.reduce((n, eqn) => {
      const body = bodyProgram(eqn)
      return n + (body === null ? 1 : inlinedSize(body))
    }, 0),
  )

const inlineBodies = (program: Program): Program =>
  inlineWhere(program, (eqn) => {
    const body = bodyProgram(eqn)
    return body !== null && inlinedSize(body) <= largestBody ? body : null
  })

/** Drops marks for derivatives and debuggers, and rewrites to equations that kernels and routines support. */
const spellOut = (program: Program): Program =>
  rewrite(program, (r, eqn) => {
    if (primitiveOf(eqn.op).facts.mark === true) r.replace(eqn.outputs[0]!, eqn.inputs[0]!)
    else for (const wide of widen(eqn)) emit(r, wide)
  })

const foldNames: ReadonlySet<OpName> = new Set(['reduceSum', 'reduceProd', 'reduceMax', 'reduceMin'])

// Where there are few rows, longer rows than this are reduced in parts, which threads can share.
const longRow = 65_536
const manyRows = 64
const partLength = 8192
// Columns are reduced over this many rows at once: as many pages as a processor's TLB holds.
const partRows = 64

/** The split of a reduction: a shape with the axis of the parts, and the reduced axis right after it. */
interface Parts {
  readonly shape: readonly number[]
  readonly axis: number
}

/** Parts of a reduction over the last axes, or over the first ones; null where a split does not pay. */
const partsOf = (x: Aval, axes: readonly number[]): Parts | null => {
  const reduced = sizeOf(axes.map((a) => x.shape[a]!))
  const others = x.shape.filter((_, i) => !axes.includes(i))
  const kept = sizeOf(others)
  if (kept < manyRows && reduced >= longRow && axes.every((a) => a >= x.rank - axes.length)) {
    const part = divisorUpTo(reduced, partLength)
    return part < 256 ? null : { shape: [...others, reduced / part, part], axis: others.length + 1 }
  }
  if (reduced >= 4 * partRows && x.size >= longRow && axes.every((a) => a < axes.length)) {
    const part = divisorUpTo(reduced, kept < manyRows ? partLength : partRows)
    return part < 16 ? null : { shape: [reduced / part, part, ...others], axis: 1 }
  }
  return null
}

/** A product of integers as sums of products of elements: back ends have routines for floats. */
const emitIntegerProduct = (r: Rewriter, eqn: Extract<Equation, { readonly op: 'dotGeneral' }>): void => {
  const { contract, batch } = eqn.params
  const out = eqn.outputs[0]!.aval
  const shared = batch[0].length
  const free = eqn.inputs.map((a, k) =>
    range(a.aval.rank).filter((axis) => !contract[k]!.includes(axis) && !batch[k]!.includes(axis)),
  )
  const summed = contract[0].map((axis) => eqn.inputs[0]!.aval.shape[axis]!)
  const shape = [...out.shape, ...summed]
  const factors = eqn.inputs.map((a, k) => {
    const permutation = [...batch[k]!, ...free[k]!, ...contract[k]!]
    const ordered = new Variable(a.aval.withShape(permutation.map((axis) => a.aval.shape[axis]!)))
    r.emit(equation('transpose', { permutation }, [a], [ordered], eqn.source))
    const start = k === 0 ? shared : shared + free[0]!.length
    const dims = [...range(shared), ...free[k]!.map((_, i) => start + i), ...summed.map((_, i) => out.rank + i)]
    const spread = new Variable(a.aval.withShape(shape))
    r.emit(equation('broadcast', { shape, dims }, [ordered], [spread], eqn.source))
    return spread
  })
  const product = new Variable(out.withShape(shape))
  r.emit(equation('mul', {}, factors, [product], eqn.source))
  const axes = summed.map((_, i) => out.rank + i)
  r.emit(equation('reduceSum', { axes }, [product], eqn.outputs, eqn.source))
}

// With more elements than this, indices in a line exceed 32 bits.
const mostInLine = 2 ** 31 - 1

/** Whether a reduction has more elements for each result than 32-bit indices can count; they are never in memory. */
const isUncountable = ({ shape }: Aval, axes: readonly number[]): boolean =>
  axes.length > 1 && sizeOf(axes.map((a) => shape[a]!)) > mostInLine

/** Such a reduction in two: along all axes but the first one, then along that. */
const emitInTwo = (r: Rewriter, eqn: Equation, axes: readonly number[]): void => {
  const { shape } = eqn.inputs[0]!.aval
  const first = Math.min(...axes)
  const others = axes.filter((a) => a !== first)
  const partial = new Variable(eqn.outputs[0]!.aval.withShape(shape.filter((_, i) => !others.includes(i))))
  const op = eqn.op as 'reduceSum'
  emit(r, equation(op, { axes: others }, eqn.inputs, [partial], eqn.source))
  emit(r, equation(op, { axes: [first] }, [partial], eqn.outputs, eqn.source))
}

/** σ(x)·σ(-x): the first factor is often there already. */
const emitLogisticDensity = (r: Rewriter, { inputs, outputs, source }: Equation): void => {
  const { aval } = outputs[0]!
  const [opposite, left, right] = [new Variable(aval), new Variable(aval), new Variable(aval)]
  r.emit(equation('logistic', {}, inputs, [left], source))
  r.emit(equation('neg', {}, inputs, [opposite], source))
  r.emit(equation('logistic', {}, [opposite], [right], source))
  r.emit(equation('mul', {}, [left, right], outputs, source))
}

/** A product with a fully expanded quantised matrix, in double precision: kernels that expand blocks on the fly are for float32. */
const emitWideProduct = (r: Rewriter, eqn: Extract<Equation, { readonly op: 'quantizedDot' }>): void => {
  const [x, blocks] = eqn.inputs
  const { kind, transposed } = eqn.params
  const asItIs = isHalfKind(kind)
  const shape = asItIs ? blocks!.aval.shape : expandedShape(kind, blocks!.aval.shape)!
  const values = asItIs ? blocks! : new Variable(new Aval('float32', shape))
  const wide = new Variable(new Aval('float64', shape))
  const shared = range(shape.length - 2)
  const contract = [[x!.aval.rank - 1], [shape.length - (transposed ? 2 : 1)]] as const
  if (!asItIs) r.emit(equation('dequantize', { kind }, [blocks!], [values as Variable], eqn.source))
  r.emit(equation('cast', { dtype: 'float64', weak: false }, [values], [wide], eqn.source))
  r.emit(equation('dotGeneral', { contract, batch: [shared, shared] }, [x!, wide], eqn.outputs, eqn.source))
}

/** Emits an equation; a long reduction becomes one over parts, and one over their results. */
const emit = (r: Rewriter, eqn: Equation): void => {
  if (eqn.op === 'dotGeneral' && isInteger(eqn.outputs[0]!.aval.dtype)) {
    emitIntegerProduct(r, eqn)
    return
  }
  if (eqn.op === 'quantizedDot' && eqn.outputs[0]!.aval.dtype === 'float64') {
    emitWideProduct(r, eqn)
    return
  }
  if (eqn.op === 'logisticDensity') {
    emitLogisticDensity(r, eqn)
    return
  }
  const axes = foldNames.has(eqn.op) ? (eqn.params as { readonly axes: readonly number[] }).axes : []
  if (eqn.inputs.length > 0 && isUncountable(eqn.inputs[0]!.aval, axes)) {
    emitInTwo(r, eqn, axes)
    return
  }
  const parts = axes.length > 0 ? partsOf(eqn.inputs[0]!.aval, axes) : null
  if (parts === null) {
    r.emit(eqn)
    return
  }
  const x = eqn.inputs[0]!
  const reshaped = new Variable(new Aval(x.aval.dtype, parts.shape))
  const shape = parts.shape.filter((_, i) => i !== parts.axis)
  const partial = new Variable(new Aval(x.aval.dtype, shape))
  const op = eqn.op as 'reduceSum'
  r.emit(equation('reshape', { shape: parts.shape }, [x], [reshaped], eqn.source))
  r.emit(equation(op, { axes: [parts.axis] }, [reshaped], [partial], eqn.source))
  // The axis of parts comes right before that of the elements of a part.
  r.emit(equation(op, { axes: [parts.axis - 1] }, [partial], eqn.outputs, eqn.source))
}

/** The product with its operands swapped, if a permutation only swaps their axes in the result. */
const exchanged = (eqn: Equation, product: Equation | undefined): Equation | null => {
  if (eqn.op !== 'transpose' || product?.op !== 'dotGeneral') return null
  const { contract, batch } = product.params
  const [x, y] = product.inputs
  const shared = batch[0].length
  const fromX = x!.aval.rank - shared - contract[0].length
  const fromY = y!.aval.rank - shared - contract[1].length
  const { permutation } = eqn.params
  const wanted = permutation.map((_, i) => (i < shared ? i : i < shared + fromY ? i + fromX : i - fromY))
  if (permutation.some((p, i) => p !== wanted[i])) return null
  const params = { contract: [contract[1], contract[0]], batch: [batch[1], batch[0]] } as const
  return equation('dotGeneral', params, [y!, x!], eqn.outputs, eqn.source)
}

/** (A B)ᵀ as Bᵀ Aᵀ: products read their operands in any order, so nothing is transposed. */
const transposeProducts = (program: Program): Program => {
  const uses = new Map<Atom, number>()
  for (const eqn of program.equations) for (const a of eqn.inputs) uses.set(a, (uses.get(a) ?? 0) + 1)
  for (const a of program.outputs) uses.set(a, (uses.get(a) ?? 0) + 1)
  return rewrite(program, (r, eqn) => {
    const [operand] = eqn.inputs
    const isOnly = operand !== undefined && uses.get(operand) === 1
    r.emit((isOnly ? exchanged(eqn, r.definition(operand)) : null) ?? eqn)
  })
}

/** The 16-bit matrix that a float32 matrix is converted from, and whether its axes are swapped. */
const halfMatrix = (r: Rewriter, matrix: Atom): { readonly half: Atom; readonly isTurned: boolean } | null => {
  let [current, isTurned] = [matrix, false]
  while (matrix.aval.rank === 2) {
    if (isHalf(current.aval.dtype)) return { half: current, isTurned }
    const eqn = current instanceof Literal ? undefined : r.definition(current)
    if (eqn?.op === 'transpose') isTurned = isTurned !== (eqn.params.permutation[0] === 1)
    else if (eqn?.op !== 'cast') return null
    current = eqn.inputs[0]!
    if (current.aval.dtype !== 'float32' && !isHalf(current.aval.dtype)) return null
  }
  return null
}

/** A product with the float32 values of 16-bit floats, as one that converts them while reading them. */
const halfProduct = (r: Rewriter, eqn: Equation): Equation | null => {
  if (eqn.op !== 'dotGeneral' || eqn.outputs[0]!.aval.dtype !== 'float32') return null
  const [x, y] = eqn.inputs as readonly [Atom, Atom]
  const [[left, right], batch] = [eqn.params.contract, eqn.params.batch]
  const isPlain = batch[0].length === 0 && left.length === 1 && left[0] === x.aval.rank - 1 && right.length === 1
  const found = isPlain ? halfMatrix(r, y) : null
  if (found === null) return null
  const transposed = (right[0] === 0) !== found.isTurned
  const kind = found.half.aval.dtype as 'float16' | 'bfloat16'
  return equation('quantizedDot', { kind, transposed }, [x, found.half], eqn.outputs, eqn.source)
}

const readHalves = (program: Program): Program =>
  rewrite(program, (r, eqn) => {
    r.emit(halfProduct(r, eqn) ?? eqn)
  })

/** An equivalent program for the kernels and routines, simplified again. */
export const legalise = (program: Program): Program => {
  // The recomputation of a checkpoint must not be merged with the first computation.
  const merge = program.equations.some(recomputes) ? (p: Program): Program => p : cse
  const passes = [inlineBodies, spellOut, simplify, fold, simplify, merge, transposeProducts, readHalves, dce]
  return passes.reduce((p, pass) => pass(p), program)
}

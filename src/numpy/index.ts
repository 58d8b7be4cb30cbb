/** The `np` namespace. */
export { promoteTypes } from '../core/dtype.ts'
export * from './bits.ts'
export * from './calculus.ts'
export { dot, inner, matmul, outer, tensordot } from './contraction.ts'
export * from './counting.ts'
export * from './creation.ts'
export * from './cumulative.ts'
export * from './diagonals.ts'
export * from './edits.ts'
export * from './einsum.ts'
export * from './elementwise.ts'
export * from './floats.ts'
export * from './grids.ts'
export {
  atleast1d,
  atleast2d,
  concatenate,
  hstack,
  split,
  stack,
  unstack,
  vstack,
  type Arrays,
  type ConcatenateOptions,
  type StackOptions,
} from './joining.ts'
export * from './mapping.ts'
export {
  shape,
  ndim,
  size,
  reshape,
  ravel,
  transpose,
  swapaxes,
  squeeze,
  expandDims,
  broadcastShapes,
  broadcastTo,
  astype,
  moveaxis,
  flip,
  take,
  takeAlongAxis,
  slice,
} from './movement.ts'
export * from './nan.ts'
export * from './padding.ts'
export * from './pieces.ts'
export * from './polynomials.ts'
export * from './products.ts'
export * from './quantiles.ts'
export * from './ranges.ts'
export * from './reduction.ts'
export * from './repetition.ts'
export * from './selection.ts'
export {
  argwhere,
  flatnonzero,
  intersect1d,
  isin,
  nonzero,
  setdiff1d,
  setxor1d,
  union1d,
  unique,
  uniqueAll,
  type AssumeUnique,
  type IntersectOptions,
  type NonzeroOptions,
  type SizeOptions,
  type Unique,
  type UniqueOptions,
} from './sets.ts'
export * from './signal.ts'
export {
  argpartition,
  argsort,
  digitize,
  lexsort,
  partition,
  searchsorted,
  sort,
  type SearchMethod,
  type SearchOptions,
  type SortOptions,
} from './sorting.ts'
export * from './special.ts'
export * from './statistics.ts'
export * from './truth.ts'
export * from './types.ts'
export * as linalg from './linalg/index.ts'

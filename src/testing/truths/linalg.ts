/** True values of linear algebra, by hand; where a sign is arbitrary, values that do not depend on it. */
import type { Truths } from './truth.ts'
import { all, application } from './truth.ts'

const triangle = [
  [2, 0],
  [1, 4],
]

export const cholesky = all<'cholesky'>(
  application(
    {},
    [
      [
        [4, 2],
        [2, 10],
      ],
    ],
    [
      [2, 0],
      [1, 3],
    ],
  ),
  application({}, [[[-1]]], [[NaN]]),
)
export const triangularSolve = all<'triangularSolve'>(
  application(
    { leftSide: true, lower: true, transposeA: false, unitDiagonal: false },
    [triangle, [[2], [9]]],
    [[1], [2]],
  ),
  application(
    { leftSide: true, lower: true, transposeA: true, unitDiagonal: true },
    [triangle, [[2], [9]]],
    [[-7], [9]],
  ),
)
/** Rows are exchanged for the larger pivot. */
export const lu: Truths<'lu'> = application(
  {},
  [
    [
      [1, 2],
      [4, 4],
    ],
  ],
  [
    [4, 4],
    [0.25, 1],
  ],
  { int32: [1, 1] },
  { int32: [1, 0] },
)
/** The signs of Householder's method, as in LAPACK. */
export const qr: Truths<'qr'> = application(
  { fullMatrices: false },
  [
    [
      [3, 1],
      [4, 2],
    ],
  ],
  [
    [-0.6, -0.8],
    [-0.8, 0.6],
  ],
  [
    [-5, -2.2],
    [0, 0.4],
  ],
)
export const eigh: Truths<'eigh'> = application(
  { basisFree: false },
  [
    [
      [5, 0],
      [0, -2],
    ],
  ],
  [-2, 5],
  [
    [0, 1],
    [1, 0],
  ],
)
export const svd: Truths<'svd'> = application(
  { fullMatrices: false },
  [
    [
      [2, 0],
      [0, 3],
    ],
  ],
  [
    [0, 1],
    [1, 0],
  ],
  [3, 2],
  [
    [0, 1],
    [1, 0],
  ],
)
/** Rank 1: the transpose divided by the sum of squares. */
export const pinv: Truths<'pinv'> = application(
  {},
  [
    [
      [1, 2],
      [2, 4],
    ],
    1e-3,
  ],
  [
    [0.04, 0.08],
    [0.08, 0.16],
  ],
)

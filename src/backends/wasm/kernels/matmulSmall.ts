/** Products of matrices of a few elements, without copies or blocks. */
import { i32, load, op } from '../asm/index.ts'
import { plus } from './integers.ts'
import type { Float, I32, Vector } from './matmulFloat.ts'
import { integerFunction, multiplyAdd } from './matmulFloat.ts'
import type { LibraryFunction } from './routine.ts'

export const smallName = ({ name }: Float): string => `${name}.smallProduct`

/**
 * `(c, a, aRow, aCol, b, bRow, bCol, m, n, k)`: C, contiguous, is the product of A and B with any strides: vectors of columns
 * where rows of B are contiguous, else element by element.
 */
export const smallProduct = (float: Float): LibraryFunction =>
  integerFunction(smallName(float), 10, (code, [firstC, a, aRow, aCol, b, bRow, bCol, m, n, k], _, { relaxed }) => {
    const c = code.variable(firstC)
    const left = code.variable(a)
    const contiguous = op('i32.eq', bCol, i32(float.bytes))
    const bulk = code.let(op('i32.mul', op('i32.and', n, i32(-float.lanes)), contiguous))
    const dot = (j: I32, read: (address: I32) => Vector): Vector => {
      const sum = code.variable(float.zero)
      const x = code.variable(left.get)
      const y = code.variable(plus(b, op('i32.mul', j, bCol)))
      code.for(i32(0), k, 1, () => {
        code.set(sum, multiplyAdd(float, relaxed, float.splat(x.get), read(y.get), sum.get))
        code.set(x, plus(x.get, aCol))
        code.set(y, plus(y.get, bRow))
      })
      return sum.get
    }
    code.for(i32(0), m, 1, () => {
      const j = code.variable(i32(0))
      code.while(j, bulk, float.lanes, () => {
        code.store(
          'v128.store',
          c.get,
          dot(j.get, (address) => load('v128.load', address)),
        )
        code.set(c, plus(c.get, 16))
      })
      code.while(j, n, 1, () => {
        float.storeElement(
          code,
          c.get,
          dot(j.get, (address) => float.element(address)),
        )
        code.set(c, plus(c.get, float.bytes))
      })
      code.set(left, plus(left.get, aRow))
    })
  })

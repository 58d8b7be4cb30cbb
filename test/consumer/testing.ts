/** Imports of `pullback/testing` and of its peer. Compiled by `npm run check-consumer`. */
import * as fc from 'fast-check'
import { np } from 'pullback'
import { arrays, checkGrads, jvpIsLinear } from 'pullback/testing'

export const check = (): void => {
  fc.assert(
    fc.property(arrays({ shape: [3] }), (x) => {
      checkGrads((x) => np.sin(x), [x])
      jvpIsLinear((x) => np.sin(x), [x])
    }),
  )
}

/** Trees as bytes. Checked by `npm run types`; nothing here runs. */
import type { Either } from 'fp-ts/lib/Either.js'
import { tree } from 'pullback'
import type { NDArray } from 'pullback'
import { expectTypeOf } from 'vitest'

interface Params {
  readonly w: NDArray
  readonly layers: readonly [NDArray, null]
  readonly step: number
}
declare const params: Params

const bytes = tree.serialize(params)
expectTypeOf(bytes.buffer).toEqualTypeOf<ArrayBuffer>()
expectTypeOf(tree.deserialize(bytes)).toEqualTypeOf<Either<tree.SerializationError, unknown>>()
expectTypeOf(tree.deserialize(bytes.buffer, { like: params })).toEqualTypeOf<Either<tree.SerializationError, Params>>()
const read = tree.deserialize(bytes, { like: params, types: { Map } })
if (read._tag === 'Left') expectTypeOf(read.left.byte).toEqualTypeOf<number>()
else expectTypeOf(read.right.layers[0]).toEqualTypeOf<NDArray>()
// @ts-expect-error a file's text is not bytes
tree.deserialize('text')
// @ts-expect-error the option is called types
tree.serialize(params, { classes: {} })

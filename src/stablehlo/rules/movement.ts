/** Creation and movement. */
import type { Rules } from './rule.ts'

export const movement = {
  iota: (w, _, { axis }, [out]) => [w.iota(out!, axis)],
  broadcast: (w, [x], { shape, dims }) => [w.broadcast(x!, shape, dims)],
  reshape: (w, [x], { shape }) => [w.reshape(x!, shape)],
  transpose: (w, [x], { permutation }) => [w.transpose(x!, permutation)],
  rev: (w, [x], { axes }) => [w.reverse(x!, axes)],
  pad: (w, [x, filling], params, [out]) => [w.pad(x!, filling!, params, out!.shape)],
  slice: (w, [x], { start, limit, strides }) => [w.slice(x!, start, limit, strides)],
  concatenate: (w, parts, { axis }, [out]) => [w.concatenate(parts, axis, out!.shape)],
  dynamicSlice: (w, [x, ...starts], { sizes }) => [starts.length === 0 ? x! : w.dynamicSlice(x!, starts, sizes)],
  dynamicUpdateSlice: (w, [x, update, ...starts]) => [
    starts.length === 0 ? update! : w.dynamicUpdateSlice(x!, update!, starts),
  ],
} satisfies Partial<Rules>

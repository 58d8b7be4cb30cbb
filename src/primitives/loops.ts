/**
 * Special loops for the dominant operations: the shared loops of `kinds.ts` call a function for every element, which costs four
 * times as much as the operation itself.
 */

/** Over one array. */
export type Loop1 = (x: Float64Array, out: Float64Array) => void

/** Over two arrays of one length. */
export type Loop2 = (x: Float64Array, y: Float64Array, out: Float64Array) => void

export const negLoop: Loop1 = (x, out) => {
  for (let i = 0; i < out.length; i++) out[i] = -x[i]!
}
export const sqrtLoop: Loop1 = (x, out) => {
  for (let i = 0; i < out.length; i++) out[i] = Math.sqrt(x[i]!)
}
export const expLoop: Loop1 = (x, out) => {
  for (let i = 0; i < out.length; i++) out[i] = Math.exp(x[i]!)
}
export const logLoop: Loop1 = (x, out) => {
  for (let i = 0; i < out.length; i++) out[i] = Math.log(x[i]!)
}
export const tanhLoop: Loop1 = (x, out) => {
  for (let i = 0; i < out.length; i++) out[i] = Math.tanh(x[i]!)
}

export const addLoop: Loop2 = (x, y, out) => {
  for (let i = 0; i < out.length; i++) out[i] = x[i]! + y[i]!
}
export const subLoop: Loop2 = (x, y, out) => {
  for (let i = 0; i < out.length; i++) out[i] = x[i]! - y[i]!
}
export const mulLoop: Loop2 = (x, y, out) => {
  for (let i = 0; i < out.length; i++) out[i] = x[i]! * y[i]!
}
export const divLoop: Loop2 = (x, y, out) => {
  for (let i = 0; i < out.length; i++) out[i] = x[i]! / y[i]!
}
export const maxLoop: Loop2 = (x, y, out) => {
  for (let i = 0; i < out.length; i++) out[i] = Math.max(x[i]!, y[i]!)
}
export const minLoop: Loop2 = (x, y, out) => {
  for (let i = 0; i < out.length; i++) out[i] = Math.min(x[i]!, y[i]!)
}
export const eqLoop: Loop2 = (x, y, out) => {
  for (let i = 0; i < out.length; i++) out[i] = x[i] === y[i] ? 1 : 0
}
export const neLoop: Loop2 = (x, y, out) => {
  for (let i = 0; i < out.length; i++) out[i] = x[i] !== y[i] ? 1 : 0
}
export const ltLoop: Loop2 = (x, y, out) => {
  for (let i = 0; i < out.length; i++) out[i] = x[i]! < y[i]! ? 1 : 0
}
export const leLoop: Loop2 = (x, y, out) => {
  for (let i = 0; i < out.length; i++) out[i] = x[i]! <= y[i]! ? 1 : 0
}
export const gtLoop: Loop2 = (x, y, out) => {
  for (let i = 0; i < out.length; i++) out[i] = x[i]! > y[i]! ? 1 : 0
}
export const geLoop: Loop2 = (x, y, out) => {
  for (let i = 0; i < out.length; i++) out[i] = x[i]! >= y[i]! ? 1 : 0
}

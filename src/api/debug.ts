/** The `debug` namespace: how to watch a computation. Switches hold until changed. */
import { settings } from '../core/settings.ts'

/** The operation that first produces a NaN raises a NonFiniteError with its name. */
export const nans = (on: boolean): void => {
  settings.nans = on
}

/** The operation that first produces an infinity raises a NonFiniteError with its name. */
export const infs = (on: boolean): void => {
  settings.infs = on
}

/** Consuming a random key twice raises a KeyReuseError. Keys are told apart by identity, not by value. */
export const keyReuse = (on: boolean): void => {
  settings.keyReuse = on
}

export { callback, print } from './callbacks.ts'

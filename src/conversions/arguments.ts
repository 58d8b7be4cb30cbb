/** Checks of arguments that stand for arrays. */
import type { Check } from '../core/arguments.ts'
import { integer } from '../core/arguments.ts'
import { ArgumentError, PullbackError } from '../core/errors.ts'
import type { ArrayLike, NestedArray } from '../trace/surface.ts'
import { arrayFor, arrayLikeFault, isArray } from './convert.ts'
import { isNested } from './nested.ts'

/** Accepts what `asArray` takes. Lists are not inspected here: the operation itself reports what is wrong with them. */
export const arrayLike: Check = {
  wanted: 'an array',
  accepts: (x) => isArray(x) || (Array.isArray(x) && isNested(x as NestedArray)),
  refuse: (operation, name, value) => {
    try {
      if (Array.isArray(value) || ArrayBuffer.isView(value)) arrayFor(operation, value as ArrayLike)
    } catch (error) {
      if (error instanceof PullbackError) return error
    }
    return new ArgumentError(`${operation}: ${name} must be ${arrayLikeFault(value)}`)
  },
}

/** An integer, or an array; the operation itself checks whether its dtype is an integer. */
export const integral: Check = {
  ...arrayLike,
  accepts: (x) => (typeof x === 'number' ? integer : arrayLike).accepts(x),
  refuse: (operation, name, value, before) =>
    (typeof value === 'number' ? integer : arrayLike).refuse(operation, name, value, before),
}

export * from '../core/arguments.ts'

/** Decides which types are Pullback arrays, or may be. */
import type { Type } from './types.ts'

/** The members of a union; for a type parameter, those of its constraint. */
const membersOf = (type: Type): readonly Type[] => {
  const constraint = type.getConstraint()
  if (constraint !== undefined && constraint !== type) return membersOf(constraint)
  // Enums are unions with their own symbol.
  return type.types !== undefined && type.symbol === undefined ? type.types.flatMap(membersOf) : [type]
}

/** Recognised by its name, and by members that no other class of that name has. */
const isArray = (type: Type): boolean =>
  type.symbol?.name === 'NDArray' &&
  type.getProperty('aval') !== undefined &&
  type.getProperty('dataSync') !== undefined

/** Whether a value of the type may be an array. */
export const mayBeArray = (type: Type): boolean => membersOf(type).some(isArray)

/** Whether values of the type are arrays, if they are anything. */
export const isArrayOnly = (type: Type, textOf: (type: Type) => string): boolean => {
  const members = membersOf(type).filter((member) => !nothing.includes(textOf(member)))
  return members.length > 0 && members.every(isArray)
}

/** Names of the types without a value: their flags differ between versions of TypeScript. */
const nothing = ['null', 'undefined', 'void']

/** Whether the value may be missing: then a condition tests for its presence, which is allowed. */
export const mayBeNothing = (type: Type, textOf: (type: Type) => string): boolean =>
  membersOf(type).some((member) => nothing.includes(textOf(member)))

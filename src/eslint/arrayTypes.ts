/** Which types are arrays of Pullback's, or may be. */
import type { Type } from './types.ts'

/** The members of a union; of a type parameter those of what it is constrained to. */
const membersOf = (type: Type): readonly Type[] => {
  const constraint = type.getConstraint()
  if (constraint !== undefined && constraint !== type) return membersOf(constraint)
  // Enums are unions with a symbol of their own.
  return type.types !== undefined && type.symbol === undefined ? type.types.flatMap(membersOf) : [type]
}

/** By its name, and by what no other class of that name has. */
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

/** Texts of the types of nothing: their numbers are not the same in all versions of TypeScript. */
const nothing = ['null', 'undefined', 'void']

/** Whether there may be nothing: then a condition asks for presence, which it may. */
export const mayBeNothing = (type: Type, textOf: (type: Type) => string): boolean =>
  membersOf(type).some((member) => nothing.includes(textOf(member)))

/** Values of data in messages: texts stand in quotes, as they do in files. */
import { show } from '../../core/show.ts'

const LONGEST = 60

/** A value as a short text. */
export const showPlain = (value: unknown): string => {
  if (typeof value !== 'string') return show(value)
  return JSON.stringify(value.length > LONGEST ? `${value.slice(0, LONGEST)}...` : value)
}

/** Explains why a compiled function was traced again, and gives advice about the traced program. */
import { warn } from '../core/console.ts'
import type { Aval } from '../core/aval.ts'
import { settings } from '../core/settings.ts'
import type { TreeDef } from '../core/treedef.ts'
import type { Program } from '../ir/program.ts'
import { placeOf } from './closures.ts'

/** The arguments that a trace was made for. */
export interface Signature {
  readonly treedef: TreeDef
  readonly avals: readonly Aval[]
  /** Static arguments: their positions, and their values as text. */
  readonly statics: readonly (readonly [place: number, value: string])[]
  /** `this`, as text. */
  readonly self: string
  /** Types of the values of enclosing transformations that the function closed over. */
  readonly captured: readonly Aval[]
}

const where = (treedef: TreeDef, i: number): string => `argument ${placeOf(treedef, i).slice(4)}`

const typeChange = (before: Aval, now: Aval): string => {
  if (before.matches(now))
    return before.weak ? 'was a JS number or weakly typed, and no longer is' : 'is weakly typed now, as JS numbers are'
  const parts = [
    ...(before.dtype === now.dtype ? [] : [`dtype ${before.dtype} → ${now.dtype}`]),
    ...(before.shape.join() === now.shape.join()
      ? []
      : [`shape [${before.shape.join(', ')}] → [${now.shape.join(', ')}]`]),
  ]
  return `changed: ${parts.join(', ')}`
}

/** The differences between a trace and a call. */
const differences = (before: Signature, now: Signature): string[] => {
  const found: string[] = []
  if (before.treedef.equals(now.treedef)) {
    now.avals.forEach((aval, i) => {
      const old = before.avals[i]!
      if (!old.equals(aval)) found.push(`${where(now.treedef, i)} ${typeChange(old, aval)}`)
    })
  } else {
    found.push(`the structure of the arguments changed: ${before.treedef.toString()} → ${now.treedef.toString()}`)
  }
  now.statics.forEach(([place, value], i) => {
    const old = before.statics[i]?.[1]
    if (old !== value) found.push(`static argument ${place} changed: ${String(old)} → ${value}`)
  })
  if (before.self !== now.self) found.push('it was called on another object (this)')
  return found
}

/** Explains why `now` needs its own trace after those in `made`; or needed one, if it is among them. */
export const explain = (name: string, made: readonly Signature[], now: Signature): string => {
  const own = made.findIndex((m) => differences(m, now).length === 0)
  if (own >= 0 && made[own]!.captured.length > 0) {
    return (
      `${name}: it closes over a value of an enclosing transformation (${made[own]!.captured.join(', ')}), so every call ` +
      'traces. Make that value an argument.'
    )
  }
  const earlier = own < 0 ? made : made.slice(0, own)
  const verb = own < 0 ? 'would be traced' : 'was traced'
  if (earlier.length === 0) return `${name}: ${verb} for the first time.`
  const nearest = earlier.map((m) => differences(m, now)).reduce((a, b) => (b.length < a.length ? b : a))
  return `${name}: ${verb} again: ${nearest.join('; ')}.`
}

const largeConstant = 1 << 20
const manyCopies = 200

/** The line of user code that most equations come from, and how many; estimated from a sample. */
const busiestLine = (program: Program): readonly [line: string, count: number] => {
  const { equations } = program
  const stride = Math.max(1, Math.floor(equations.length / 300))
  const counts = new Map<string, number>()
  for (let i = 0; i < equations.length; i += stride) {
    const line = equations[i]!.source?.toString() ?? '(unknown)'
    counts.set(line, (counts.get(line) ?? 0) + stride)
  }
  counts.delete('(unknown)')
  return [...counts].reduce<readonly [string, number]>((a, b) => (b[1] > a[1] ? b : a), ['', 0])
}

/** Advice about properties of a traced program that may be unintended. */
const adviceOn = (name: string, program: Program): string[] => {
  const advice: string[] = []
  for (const { value } of program.constants) {
    const { byteLength } = value.data
    if (byteLength < largeConstant) continue
    advice.push(
      `${name} closes over an array ${value.aval} of ${(byteLength / 2 ** 20).toFixed(1)} MB, which becomes part of the program. ` +
        'Make it an argument.',
    )
  }
  if (program.equations.length >= 2 * manyCopies) {
    const [line, count] = busiestLine(program)
    if (count >= manyCopies) {
      advice.push(
        `${name} has about ${count} equations from ${line}: a JS loop is traced step by step. lax.scan and lax.foriLoop are traced once.`,
      )
    }
  }
  return advice
}

/** Prints advice on what a function was traced to, unless `debug.warnings(false)`. Returns whether there was any. */
export const advise = (name: string, program: Program): boolean => {
  if (!settings.warnings) return false
  const advice = adviceOn(name, program)
  for (const line of advice) {
    warn(`Pullback: ${line} (debug.warnings(false) silences this.)`)
  }
  return advice.length > 0
}

/** Unicode normal forms, with alignment. */
import type { Aligned, Change } from './aligned.ts'
import { charactersOf } from './unicode.ts'

type NormalForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD'

/** Whether b, following a, is moved before it: both are marks, and b's combining class is less. */
const isReordered = (a: string, b: string): boolean => a !== b && (a + b).normalize('NFD') === b + a

const starters = new Map<string, boolean>()

/** Whether the combining class is 0. U+0334 has class 1, the least there is, and U+0345 has 240, the greatest. */
const isStarter = (character: string): boolean => {
  if (character < '\u0300') return true
  const known = starters.get(character)
  if (known !== undefined) return known
  const answer = !isReordered(character, '\u0334') && !isReordered('\u0345', character)
  starters.set(character, answer)
  return answer
}

const decompose = (text: string, form: 'NFD' | 'NFKD'): Change[] => {
  const changes: Change[] = []
  let firstMark = -1
  const sortMarks = (): void => {
    if (firstMark >= 0 && changes.length - firstMark > 1) {
      const marks = changes.splice(firstMark)
      marks.sort(([a], [b]) => (isReordered(a, b) ? 1 : isReordered(b, a) ? -1 : 0))
      for (const mark of marks) changes.push(mark)
    }
    firstMark = -1
  }
  for (const character of text) {
    let change = 0
    for (const part of character.normalize(form)) {
      if (isStarter(part)) sortMarks()
      else if (firstMark < 0) firstMark = changes.length
      changes.push([part, change])
      change = 1
    }
  }
  sortMarks()
  return changes
}

const composed = (a: string, b: string): string | null => {
  const together = (a + b).normalize('NFC')
  return charactersOf(together).length === 1 ? together : null
}

/** Unicode's canonical composition of decomposed characters. Absorbed characters count as removed. */
const compose = (parts: readonly Change[]): Change[] => {
  const out: Change[] = []
  let starter: Change | null = null
  let blocked: Change[] = []
  const emit = (): void => {
    if (starter !== null) out.push(starter)
    for (const part of blocked) out.push(part)
    blocked = []
  }
  for (const part of parts) {
    const [character, change] = part
    const opens = isStarter(character)
    if (starter === null) {
      if (opens) starter = part
      else out.push(part)
      continue
    }
    const last = blocked.at(-1)?.[0]
    const isFree: boolean = last === undefined || (!opens && isReordered(character, last))
    const whole: string | null = isFree ? composed(starter[0], character) : null
    if (whole !== null) starter = [whole, starter[1] + change - 1]
    else if (opens) {
      emit()
      starter = part
    } else blocked.push(part)
  }
  emit()
  return out
}

/** The text in a normal form. A composed character has the range of its first part. */
export const toNormalForm = (aligned: Aligned, form: NormalForm): Aligned => {
  if (aligned.text.normalize(form) === aligned.text) return aligned
  const parts = decompose(aligned.text, form === 'NFC' || form === 'NFD' ? 'NFD' : 'NFKD')
  return aligned.transform(form === 'NFD' || form === 'NFKD' ? parts : compose(parts))
}

/** Short keys of programs: equal for programs that are identical up to the names of their variables. */
import type { TypedArray } from '../core/dtype.ts'
import { identityOf, primitiveKey } from '../core/valueKey.ts'
import type { Atom, Program, Variable } from './program.ts'
import { isProgram } from './walk.ts'

const rotate = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits))

/** The last step of MurmurHash3 (A. Appleby, public domain): every bit of the input affects every bit of the output. */
const finish = (x: number): number => {
  let h = x
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * A hash of 128 bits, made for speed, not against adversaries: four sums of 32 bits with different odd multipliers, which
 * process the words in order.
 */
class Digest {
  #a = 0x243f6a88
  #b = 0x85a308d3
  #c = 0x13198a2e
  #d = 0x03707344

  word(x: number): void {
    this.#a = Math.imul(rotate(this.#a, 5) ^ x, 0x9e3779b1)
    this.#b = Math.imul(rotate(this.#b, 11) ^ x, 0x85ebca77)
    this.#c = Math.imul(rotate(this.#c, 17) ^ x, 0xc2b2ae3d)
    this.#d = Math.imul(rotate(this.#d, 23) ^ x, 0x27d4eb2f)
  }

  text(x: string): void {
    this.word(x.length)
    for (let i = 0; i < x.length; i++) this.word(x.charCodeAt(i))
  }

  elements({ buffer, byteOffset, byteLength }: TypedArray): void {
    this.word(byteLength)
    const whole = byteLength >>> 2
    const words = byteOffset % 4 === 0 ? new Uint32Array(buffer, byteOffset, whole) : null
    if (words !== null) for (let i = 0; i < whole; i++) this.word(words[i]!)
    const bytes = new Uint8Array(buffer, byteOffset, byteLength)
    for (let i = words === null ? 0 : whole * 4; i < byteLength; i++) this.word(bytes[i]!)
  }

  finish(): string {
    // Each part depends on all four.
    const sum = this.#a + this.#b + this.#c + this.#d
    return [this.#a, this.#b, this.#c, this.#d]
      .map((part) =>
        finish(part ^ finish(sum))
          .toString(16)
          .padStart(8, '0'),
      )
      .join('')
  }
}

const isPlain = (x: object): boolean => Array.isArray(x) || Object.getPrototypeOf(x) === Object.prototype

const addParameter = (digest: Digest, value: unknown): void => {
  if (isProgram(value)) digest.text(`program ${fingerprint(value)}`)
  else if (typeof value === 'function') digest.text(`function ${identityOf(value)}`)
  else if (typeof value !== 'object' || value === null) digest.text(primitiveKey(value))
  else {
    const entries = Object.entries(value)
    digest.text(isPlain(value) ? `record ${entries.length}` : `${String(value)} ${entries.length}`)
    for (const [key, inner] of entries) {
      digest.text(key)
      addParameter(digest, inner)
    }
  }
}

const compute = (program: Program): string => {
  const digest = new Digest()
  const numbers = new Map<Variable, number>()
  const define = (v: Variable): void => {
    numbers.set(v, numbers.size)
    digest.text(v.aval.key)
  }
  const use = (a: Atom): void => {
    if (!('value' in a)) {
      digest.word(numbers.get(a)!)
      return
    }
    const sign = Object.is(a.value, -0) ? '-' : ''
    digest.word(-1)
    digest.text(`${a.aval.key} ${sign}${String(a.value)}`)
  }
  digest.word(program.inputs.length)
  program.inputs.forEach(define)
  digest.word(program.constants.length)
  for (const { variable, value } of program.constants) {
    define(variable)
    digest.elements(value.data)
  }
  for (const { op, params, inputs, outputs } of program.equations) {
    digest.text(op)
    addParameter(digest, params)
    digest.word(inputs.length)
    inputs.forEach(use)
    outputs.forEach(define)
  }
  program.outputs.forEach(use)
  return digest.finish()
}

/** 32 hexadecimal digits, equal for equal programs; different programs have equal ones with probability 2⁻¹²⁸. */
export const fingerprint = (program: Program): string => program.derive('fingerprint', () => compute(program))

/** Compiled programs as bytes: what a store keeps beyond the life of a process. */
import { Aval } from '../../core/aval.ts'
import type { DType } from '../../core/dtype.ts'
import { allocate } from '../../core/dtype.ts'
import type { HostArray } from '../../core/host.ts'
import type { Program } from '../../ir/program.ts'
import { subprograms } from '../../ir/walk.ts'
import type { CompiledProgram, OutputSource } from './compiled.ts'
import type { Features } from './library.ts'

/** Programs with more constants than this are compiled anew: reading them back would not pay. */
const mostConstantBytes = 2 ** 20

interface Type {
  readonly dtype: DType
  readonly shape: readonly number[]
}

type StoredOutput =
  | (Type & { readonly kind: 'buffer'; readonly slot: number; readonly replaces: readonly number[] })
  | Exclude<OutputSource, { readonly kind: 'buffer' }>

/** Beside the module's bytes and, before them, those of constants. */
interface Header {
  readonly key: string
  readonly frameBytes: number
  readonly tableSize: number
  readonly peakBytes: number
  readonly constants: readonly Type[]
  readonly outputs: readonly StoredOutput[]
}

const typeOf = ({ dtype, shape }: Aval): Type => ({ dtype, shape })

const bytesOf = ({ data }: HostArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** Functions have no name that another process would know. */
const hasFunctions = (program: Program): boolean =>
  program.equations.some(
    (eqn) =>
      Object.values(eqn.params as Readonly<Record<string, unknown>>).some((x) => typeof x === 'function') ||
      subprograms(eqn).some(([, inner]) => hasFunctions(inner)),
  )

/** The name of a program in a store, as this compiler (see `revision`) compiles it for an engine. */
export const storeKey = (compiler: string, fingerprint: string, { relaxed, wide, shared }: Features): string =>
  `${compiler}, ${fingerprint}${relaxed ? ', relaxed' : ''}${wide ? ', wide' : ''}${shared ? ', shared' : ''}`

/** The compiled program as bytes; null for one that another process could not use, or not with profit. */
export const encode = (key: string, program: Program, compiled: CompiledProgram): Uint8Array | null => {
  const { constants, outputs, frameBytes, tableSize, peakBytes } = compiled
  const constantBytes = constants.reduce((n, { data }) => n + data.byteLength, 0)
  if (compiled.hostSteps.length > 0 || constantBytes > mostConstantBytes || hasFunctions(program)) return null
  const header: Header = {
    key,
    frameBytes,
    tableSize,
    peakBytes,
    constants: constants.map(({ aval }) => typeOf(aval)),
    outputs: outputs.map((o) => (o.kind === 'buffer' ? { ...o, ...typeOf(o.aval), aval: undefined } : o)),
  }
  const text = JSON.stringify(header)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, text.length, true)
  const letters = Uint8Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
  const parts = [length, letters, ...constants.map(bytesOf), compiled.bytes]
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const arrayFrom = ({ dtype, shape }: Type, bytes: Uint8Array): HostArray => {
  const aval = new Aval(dtype, shape)
  const data = allocate(dtype, aval.size)
  new Uint8Array(data.buffer).set(bytes.subarray(0, data.byteLength))
  return { aval, data }
}

/** What `encode` made of the same program; null for anything else. */
export const decode = (key: string, program: Program, bytes: Uint8Array): CompiledProgram | null => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = bytes.length < 4 ? bytes.length : view.getUint32(0, true)
  const header = parseHeader(bytes.subarray(4, 4 + length))
  if (header?.key !== key) return null
  let at = 4 + length
  const constants = header.constants.map((type) => {
    const constant = arrayFrom(type, bytes.subarray(at))
    at += constant.data.byteLength
    return constant
  })
  const { frameBytes, tableSize, peakBytes } = header
  return {
    bytes: new Uint8Array(bytes.subarray(at)),
    frameBytes,
    inputs: program.inAvals,
    constants,
    outputs: header.outputs.map((o) => (o.kind === 'buffer' ? { ...o, aval: new Aval(o.dtype, o.shape) } : o)),
    hostSteps: [],
    tableSize,
    peakBytes,
  }
}

/** All letters are of one byte. */
const parseHeader = (bytes: Uint8Array): Header | null => {
  try {
    return JSON.parse(Array.from(bytes, (b) => String.fromCharCode(b)).join('')) as Header
  } catch {
    return null
  }
}

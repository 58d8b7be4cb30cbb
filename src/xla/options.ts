/** As much protobuf (https://protobuf.dev/programming-guides/encoding) as CompileOptionsProto needs (xla/pjrt/proto/compile_options.proto). */
import { encodeUtf8 } from '../core/utf8.ts'

/** Settings of XLA's own (xla/xla.proto, DebugOptions), by name. */
export type Flags = Readonly<Record<string, string | number | boolean>>

/**
 * Flags with which XLA agrees with the other devices: `min` and `max` propagate NaN, and 16-bit results are rounded after each operation.
 * Plugins that are not built from XLA may not know them.
 */
export const agreeing = (platform: string): Flags =>
  ['cpu', 'cuda', 'gpu', 'rocm'].includes(platform.toLowerCase())
    ? { xla_cpu_enable_fast_min_max: false, xla_allow_excess_precision: false }
    : {}

const varint = (n: number): readonly number[] => (n < 128 ? [n] : [(n % 128) + 128, ...varint(Math.floor(n / 128))])

const integer = (field: number, n: number): readonly number[] => [...varint(field * 8), ...varint(n)]

const bytes = (field: number, content: readonly number[]): readonly number[] => [
  ...varint(field * 8 + 2),
  ...varint(content.length),
  ...content,
]

const text = (field: number, value: string): readonly number[] => bytes(field, [...encodeUtf8(value)])

const double = (field: number, value: number): readonly number[] => {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value, true)
  return [...varint(field * 8 + 1), ...new Uint8Array(view.buffer)]
}

const overrideOf = (value: Flags[string]): readonly number[] => {
  if (typeof value === 'string') return text(1, value)
  if (typeof value === 'boolean') return integer(2, Number(value))
  return Number.isSafeInteger(value) && value >= 0 ? integer(3, value) : double(4, value)
}

/** One replica and one partition, on one device: DeviceAssignmentProto. */
const assignment = (device: number): readonly number[] => [
  ...integer(1, 1),
  ...integer(2, 1),
  ...bytes(3, bytes(1, varint(device))),
]

/** Options of a program for one device, with XLA's flags. */
export const compileOptions = (device: number, flags: Flags): Uint8Array => {
  const build = [...integer(4, 1), ...integer(5, 1), ...bytes(9, assignment(device))]
  const overrides = Object.entries(flags).flatMap(([name, value]) =>
    bytes(7, [...text(1, name), ...bytes(2, overrideOf(value))]),
  )
  return Uint8Array.from([...bytes(3, build), ...overrides])
}

/**
 * Event files of TensorBoard: records of protobuf messages with masked CRC-32C.
 *
 *     uint64 length | uint32 masked CRC-32C of it | the bytes of an Event | uint32 masked CRC-32C of them     (little-endian)
 *
 * After tensorflow/core/lib/io/record_writer.cc and tensorflow/core/util/event.proto.
 */
import { joinBytes } from '../../core/bytes.ts'
import { encodeUtf8 } from '../../io/platform.ts'
import * as must from '../../conversions/arguments.ts'
import { attempt, run } from '../attempt.ts'
import type { StoreOptions } from '../checkpoint/checkpoint.ts'
import { aStore, nodeStore } from '../checkpoint/store.ts'
import type { Hook, Numbers } from './hook.ts'
import { hookOf } from './hook.ts'

const makeTable = (): Uint32Array =>
  Uint32Array.from({ length: 256 }, (_, byte) => {
    let c = byte
    for (let bit = 0; bit < 8; bit++) c = (c & 1) === 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1
    return c
  })

let table: Uint32Array | undefined

/** CRC-32C (Castagnoli): polynomial 0x82F63B78, reflected. */
export const crc32c = (bytes: Uint8Array): number => {
  table ??= makeTable()
  let c = ~0
  for (const byte of bytes) c = (c >>> 8) ^ table[(c ^ byte) & 0xff]!
  return ~c >>> 0
}

/** CRCs of data that contains CRCs are weak, so TensorFlow rotates them and adds a constant. */
const masked = (bytes: Uint8Array): number => {
  const c = crc32c(bytes)
  return (((c >>> 15) | (c << 17)) + 0xa282ead8) >>> 0
}

const joinParts = (...parts: readonly Uint8Array[]): Uint8Array => joinBytes(parts)

const view = (length: number, write: (view: DataView) => void): Uint8Array => {
  const bytes = new Uint8Array(length)
  write(new DataView(bytes.buffer))
  return bytes
}

/** A record around the bytes of an event. */
const record = (data: Uint8Array): Uint8Array => {
  const length = view(8, (v) => {
    v.setBigUint64(0, BigInt(data.length), true)
  })
  const sum = (bytes: Uint8Array): Uint8Array =>
    view(4, (v) => {
      v.setUint32(0, masked(bytes), true)
    })
  return joinParts(length, sum(length), data, sum(data))
}

// Fields of protobuf: a tag, number * 8 + wire type, and the value.
const varint = (n: number): Uint8Array => {
  const bytes: number[] = []
  let rest = n
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Uint8Array.of(...bytes, rest)
}
const integerField = (field: number, value: number): Uint8Array => joinParts(varint(field * 8), varint(value))
const doubleField = (field: number, value: number): Uint8Array =>
  joinParts(
    varint(field * 8 + 1),
    view(8, (v) => {
      v.setFloat64(0, value, true)
    }),
  )
const floatField = (field: number, value: number): Uint8Array =>
  joinParts(
    varint(field * 8 + 5),
    view(4, (v) => {
      v.setFloat32(0, value, true)
    }),
  )
const bytesField = (field: number, bytes: Uint8Array): Uint8Array =>
  joinParts(varint(field * 8 + 2), varint(bytes.length), bytes)

/** Protobuf omits zeros. Event: wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7. */
const event = (seconds: number, step: number, what: Uint8Array): Uint8Array =>
  record(joinParts(doubleField(1, seconds), step === 0 ? new Uint8Array(0) : integerField(2, step), what))

/** Summary: value = 1; Summary.Value: tag = 1, simple_value = 2. */
const summary = (metrics: Numbers): Uint8Array =>
  bytesField(
    5,
    joinParts(
      ...Object.entries(metrics).map(([tag, x]) =>
        bytesField(1, joinParts(bytesField(1, encodeUtf8(tag)), floatField(2, x))),
      ),
    ),
  )

/** SessionLog: status = 1, where START = 1. TensorBoard forgets steps from there on that an earlier file of the run has. */
const sessionStart = bytesField(7, integerField(1, 1))

const door = must.door('tensorBoard', {
  directory: must.string,
  options: must.optionsOf<StoreOptions>({ store: aStore }),
})

/**
 * Writes metrics as scalars for TensorBoard. Each run makes a new file, as TensorBoard's own writers do; the file of a resumed
 * run records from which step on earlier files do not count.
 *
 * @example
 * ```ts
 * import { NDArray, np } from 'pullback'
 * import { fromArray, memoryStore, tensorBoard, train } from 'pullback/train'
 * const files = new Map<string, Uint8Array>()
 * const data = fromArray([4, 2].map((n) => np.array(n)))
 * const step = (state: NDArray, loss: NDArray) => [state, { loss }] as const
 * await train(step, np.array(0), data, { hooks: [tensorBoard('runs/first', { store: memoryStore(files) })] })()
 * // Shown by `tensorboard --logdir runs`.
 * const [path] = files.keys()
 * path?.replace(/\d+/, 'TIME') // => runs/first/events.out.tfevents.TIME.pullback
 * ```
 */
export const tensorBoard = (directory: string, options: StoreOptions = {}): Hook => {
  door(directory, options)
  const { store = nodeStore } = options
  return hookOf('tensorBoard', ({ step: begun }) =>
    attempt(async () => {
      await run(store.makeDirectory(directory))
      const opened = Date.now()
      const path = `${directory}/events.out.tfevents.${opened}.pullback`
      const version = event(opened / 1000, 0, bytesField(3, encodeUtf8('brain.Event:2')))
      const start = begun === 0 ? [] : [event(opened / 1000, begun + 1, sessionStart)]
      await run(store.append(path, joinParts(version, ...start)))
      return {
        step: ({ step, metrics }) =>
          attempt(async () => {
            await run(store.append(path, event(Date.now() / 1000, step, summary(metrics))))
            return null
          }),
      }
    }),
  )
}

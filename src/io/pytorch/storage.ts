/** The storages of a checkpoint, of which its tensors are views. */
import type { DType } from '../../core/dtype.ts'
import type { Pickled } from './pickle.ts'

/** The bytes of a storage. */
export interface Stored {
  /** The number of bytes. */
  readonly bytes: number
  /** Their offset in the file. */
  readonly offset: number
  readonly read: () => Promise<Uint8Array>
}

/** A checkpoint of either kind. */
export interface Checkpoint {
  /** The saved value. */
  readonly root: Pickled
  /** A storage by its key; null if there is none. */
  readonly storages: (key: string) => Stored | null
  /** Whether elements are big-endian. */
  readonly isBig: boolean
}

interface StorageKind {
  /** Bytes of an element. */
  readonly width: number
  /** The dtype of its elements in Pullback. */
  readonly dtype: DType
}

/** By the name of the storage's class. */
export const storageKinds: { readonly [storage: string]: StorageKind | undefined } = {
  FloatStorage: { width: 4, dtype: 'float32' },
  DoubleStorage: { width: 8, dtype: 'float64' },
  HalfStorage: { width: 2, dtype: 'float16' },
  BFloat16Storage: { width: 2, dtype: 'bfloat16' },
  LongStorage: { width: 8, dtype: 'int64' },
  IntStorage: { width: 4, dtype: 'int32' },
  ShortStorage: { width: 2, dtype: 'int16' },
  CharStorage: { width: 1, dtype: 'int8' },
  ByteStorage: { width: 1, dtype: 'uint8' },
  BoolStorage: { width: 1, dtype: 'bool' },
}

/** Elements as values: reads, writes and combines single elements and vectors. */
import type { WideDType } from '../../../core/dtype.ts'
import type { Code, Expr, ValueType } from '../asm/index.ts'
import { load, op, select } from '../asm/index.ts'

type I32 = Expr<'i32'>
type V128 = Expr<'v128'>

/** Reading and writing elements of one kind. */
export interface Cell<T extends ValueType = ValueType> {
  readonly bytes: number
  load(address: I32, offset?: number): Expr<T>
  store(code: Code, address: I32, value: Expr<T>, offset?: number): void
}

export const byteCell: Cell<'i32'> = {
  bytes: 1,
  load: (address, offset) => load('i32.load8_u', address, offset),
  store: (code, address, value, offset) => {
    code.store('i32.store8', address, value, offset)
  },
}
export const shortCell: Cell<'i32'> = {
  bytes: 2,
  load: (address, offset) => load('i32.load16_u', address, offset),
  store: (code, address, value, offset) => {
    code.store('i32.store16', address, value, offset)
  },
}
export const i32Cell: Cell<'i32'> = {
  bytes: 4,
  load: (address, offset) => load('i32.load', address, offset),
  store: (code, address, value, offset) => {
    code.store('i32.store', address, value, offset)
  },
}
export const i64Cell: Cell<'i64'> = {
  bytes: 8,
  load: (address, offset) => load('i64.load', address, offset),
  store: (code, address, value, offset) => {
    code.store('i64.store', address, value, offset)
  },
}
export const f32Cell: Cell<'f32'> = {
  bytes: 4,
  load: (address, offset) => load('f32.load', address, offset),
  store: (code, address, value, offset) => {
    code.store('f32.store', address, value, offset)
  },
}
export const f64Cell: Cell<'f64'> = {
  bytes: 8,
  load: (address, offset) => load('f64.load', address, offset),
  store: (code, address, value, offset) => {
    code.store('f64.store', address, value, offset)
  },
}
export const vectorCell: Cell<'v128'> = {
  bytes: 16,
  load: (address, offset) => load('v128.load', address, offset),
  store: (code, address, value, offset) => {
    code.store('v128.store', address, value, offset)
  },
}

/** For elements that are only moved: by their width, 1, 2, 4 or 8 bytes. */
export const cellOfWidth = (bytes: number): Cell => {
  const cell = [byteCell, shortCell, i32Cell, i64Cell].find((c) => c.bytes === bytes)
  if (cell === undefined) throw new Error(`no elements have ${bytes} bytes`)
  return cell
}

/** Reads an element of this many bytes into all lanes. */
export const loadSplat = (bytes: number, address: I32): V128 =>
  load(
    bytes === 1
      ? 'v128.load8_splat'
      : bytes === 2
        ? 'v128.load16_splat'
        : bytes === 4
          ? 'v128.load32_splat'
          : 'v128.load64_splat',
    address,
  )

export type CombineName = 'add' | 'mul' | 'min' | 'max'

/** The arithmetic of a dtype that is not narrow. Minima and maxima are NaN where an operand is; integers wrap around. */
export interface Arithmetic<T extends ValueType = ValueType> {
  readonly cell: Cell<T>
  scalar(name: CombineName, x: Expr<T>, y: Expr<T>): Expr<T>
  /** On vectors; null where only scalars are possible. */
  readonly vector: ((name: CombineName, x: V128, y: V128) => V128) | null
}

const pick =
  (less: 'i32.lt_s' | 'i32.lt_u') =>
  (name: CombineName, x: I32, y: I32): I32 => {
    if (name === 'add' || name === 'mul') return op(`i32.${name}`, x, y)
    return name === 'min' ? select(op(less, x, y), x, y) : select(op(less, x, y), y, x)
  }

const integers = (sign: 's' | 'u'): Arithmetic<'i32'> => ({
  cell: i32Cell,
  scalar: pick(`i32.lt_${sign}`),
  vector: (name, x, y) =>
    name === 'add' || name === 'mul' ? op(`i32x4.${name}`, x, y) : op(`i32x4.${name}_${sign}`, x, y),
})

const longs = (sign: 's' | 'u'): Arithmetic<'i64'> => ({
  cell: i64Cell,
  scalar: (name, x, y) => {
    if (name === 'add' || name === 'mul') return op(`i64.${name}`, x, y)
    const less = op(`i64.lt_${sign}`, x, y)
    return name === 'min' ? select(less, x, y) : select(less, y, x)
  },
  vector: null,
})

export const arithmetic = {
  float32: {
    cell: f32Cell,
    scalar: (name, x, y) => op(`f32.${name}`, x, y),
    vector: (name, x, y) => op(`f32x4.${name}`, x, y),
  } satisfies Arithmetic<'f32'>,
  float64: {
    cell: f64Cell,
    scalar: (name, x, y) => op(`f64.${name}`, x, y),
    vector: (name, x, y) => op(`f64x2.${name}`, x, y),
  } satisfies Arithmetic<'f64'>,
  int32: integers('s'),
  uint32: integers('u'),
  bool: { cell: byteCell, scalar: pick('i32.lt_u'), vector: null } satisfies Arithmetic<'i32'>,
  int64: longs('s'),
  uint64: longs('u'),
} as const satisfies { readonly [D in WideDType]: unknown }

/** Sorting numbers of 64 bits by their upper half, as a signed number: a stable library function. */
import type { Code, Expr, Local } from '../asm/index.ts'
import { i32, i64, load, op, result } from '../asm/index.ts'
import { minus, plus, times } from './integers.ts'
import type { LibraryFunction } from './routine.ts'

type I32 = Expr<'i32'>

/** The longest line for insertion sort, which takes quadratic time; longer ones are sorted digit by digit. */
export const FEW = 48

const insertion: LibraryFunction = {
  name: 'sort.insertion',
  params: ['i32', 'i32'],
  result: null,
  body: (code) => {
    const [start, bytes] = [code.param<'i32'>(0), code.param<'i32'>(1)]
    const half = (x: Expr<'i64'>): Expr<'i64'> => op('i64.shr_s', x, i64(32n))
    code.for(i32(8), bytes, 8, (i) => {
      const hole = code.variable(op('i32.add', start, i))
      const x = code.let(load('i64.load', hole.get))
      code.block((done) => {
        code.loop((again) => {
          code.branchIf(done, op('i32.eq', hole.get, start))
          const before = code.let(load('i64.load', minus(hole.get, 8)))
          code.branchIf(done, op('i64.le_s', half(before), half(x)))
          code.store('i64.store', hole.get, before)
          code.set(hole, minus(hole.get, 8))
          code.branch(again)
        })
      })
      code.store('i64.store', hole.get, x)
    })
  },
}

const DIGIT_BITS = 8
const DIGITS = 1 << DIGIT_BITS
const ROUNDS = 32 / DIGIT_BITS
const TABLE_BYTES = DIGITS * 4

/** Scratch memory for counting digits. */
export const COUNTER_BYTES = ROUNDS * TABLE_BYTES

/** The address of the counter of a digit of a number. */
const counterOf = (counters: I32, round: number, x: Expr<'i64'>): I32 => {
  const bits = op('i32.wrap_i64', op('i64.shr_u', x, i64(BigInt(32 + round * DIGIT_BITS))))
  // With the sign bit flipped, negative numbers come first.
  const turned = round === ROUNDS - 1 ? op('i32.xor', bits, i32(DIGITS / 2)) : bits
  const digit = op('i32.and', turned, i32(DIGITS - 1))
  return plus(op('i32.add', counters, times(digit, 4)), round * TABLE_BYTES)
}

/** One round: moves every number to the bucket of its digit, in order. */
const distribute = (
  code: Code,
  round: number,
  bytes: I32,
  counters: I32,
  from: Local<'i32'>,
  to: Local<'i32'>,
): void => {
  const sum = code.variable(to.get)
  code.for(i32(round * TABLE_BYTES), i32((round + 1) * TABLE_BYTES), 4, (i) => {
    const counter = code.let(op('i32.add', counters, i))
    const count = code.let(load('i32.load', counter))
    code.store('i32.store', counter, sum.get)
    code.set(sum, op('i32.add', sum.get, count))
  })
  code.for(i32(0), bytes, 8, (i) => {
    const x = code.let(load('i64.load', op('i32.add', from.get, i)))
    const counter = code.let(counterOf(counters, round, x))
    const place = code.let(load('i32.load', counter))
    code.store('i64.store', place, x)
    code.store('i32.store', counter, plus(place, 8))
  })
  const kept = code.let(from.get)
  code.set(from, to.get)
  code.set(to, kept)
}

const digits: LibraryFunction = {
  name: 'sort.digits',
  params: ['i32', 'i32', 'i32', 'i32'],
  result: 'i32',
  body: (code) => {
    const [bytes, counters] = [code.param<'i32'>(2), code.param<'i32'>(3)]
    const from = code.variable(code.param<'i32'>(0))
    const to = code.variable(code.param<'i32'>(1))
    const rounds = Array.from({ length: ROUNDS }, (_, round) => round)
    code.fill(counters, i32(0), i32(COUNTER_BYTES))
    code.for(i32(0), bytes, 8, (i) => {
      const x = code.let(load('i64.load', op('i32.add', from.get, i)))
      for (const round of rounds) {
        const counter = code.let(counterOf(counters, round, x))
        code.store('i32.store', counter, plus(load('i32.load', counter), 8))
      }
    })
    for (const round of rounds) {
      // Nothing to do where all have the same digit.
      const counter = counterOf(counters, round, load('i64.load', from.get))
      code.if(op('i32.ne', load('i32.load', counter), bytes), () => {
        distribute(code, round, bytes, counters, from, to)
      })
    }
    code.return(from.get)
  },
}

/** `sort(data, other, bytes, counters)`: sorts numbers; returns their new address, `data` or `other`. */
export const sortNumbers: LibraryFunction = {
  name: 'sort',
  params: ['i32', 'i32', 'i32', 'i32'],
  result: 'i32',
  body: (code, call) => {
    const [data, other, bytes, counters] = code.params.map((p) => p.get) as [I32, I32, I32, I32]
    code.if(op('i32.le_u', bytes, i32(8 * FEW)), () => {
      code.call(call(insertion.name), data, bytes)
      code.return(data)
    })
    code.return(result(call(digits.name), data, other, bytes, counters))
  },
}

export const sortLibrary: readonly LibraryFunction[] = [insertion, digits, sortNumbers]

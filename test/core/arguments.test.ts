import * as fc from 'fast-check'
import { np } from 'pullback'
import { describe, expect, it } from 'vitest'
import type { Check, OptionTable } from '../../src/core/arguments.ts'
import * as core from '../../src/core/arguments.ts'
import { show } from '../../src/core/show.ts'
import { suggestion } from '../../src/core/suggest.ts'
import { arrayLike } from '../../src/conversions/arguments.ts'

/** A typed array of another kind than there are. */
class Odd extends Uint8Array {
  override get [Symbol.toStringTag](): 'Uint8Array' {
    return 'Odd' as 'Uint8Array'
  }
}

const messageOf = (f: () => unknown): string => {
  try {
    f()
  } catch (error) {
    return `${(error as Error).name} ${(error as Error).message}`
  }
  return 'no error'
}

interface Options {
  readonly axis?: number | readonly number[] | null
  readonly keepdims?: boolean
  readonly mode?: 'fill' | 'clip'
}
const table: OptionTable<Options> = {
  axis: core.nullable(core.axes),
  keepdims: core.boolean,
  mode: core.oneOf(['fill', 'clip']),
}
const enter = core.door('np.f', { x: arrayLike, options: core.optionsOf(table) })

describe('a door', () => {
  it('lets through what it must', () => {
    for (const x of [1, true, 2n, [1, 2], [[np.ones([2])]], Float32Array.of(1), np.zeros([0])]) {
      for (const options of [undefined, {}, { axis: undefined }, { axis: null }, { axis: [0, -1], keepdims: true }]) {
        expect(() => {
          enter(x, options)
        }).not.toThrow()
      }
    }
  })

  it.each<[string, () => unknown, string]>([
    ['a bare option', () => { enter(1, 0) }, 'ArgumentError np.f: options go in one object, as in np.f(x, { axis: 0 }); got 0.'], // prettier-ignore
    ['another bare option', () => { enter(1, 'clip') }, 'ArgumentError np.f: options go in one object, as in np.f(x, { mode: \'clip\' })'], // prettier-ignore
    ['a list of options', () => { enter(1, [1]) }, 'ArgumentError np.f: options go in one object, as in np.f(x, { axis: [1] }); got [1].'], // prettier-ignore
    ['an array', () => { enter(1, np.zeros([2])) }, 'ArgumentError np.f: options go in one object'], // prettier-ignore
    ['a map', () => { enter(1, new Map()) }, 'ArgumentError np.f: options go in one object'], // prettier-ignore
    ['null', () => { enter(1, null) }, 'ArgumentError np.f: options go in one object'], // prettier-ignore
    ['another style', () => { enter(1, { keepDims: true }) }, 'ArgumentError np.f: there is no option \'keepDims\'. Did you mean keepdims?'], // prettier-ignore
    ['another name', () => { enter(1, { dim: 1 }) }, 'ArgumentError np.f: there is no option \'dim\'. Did you mean axis?'], // prettier-ignore
    ['a typing error', () => { enter(1, { axsi: 1 }) }, 'Did you mean axis?'], // prettier-ignore
    ['a name of nothing', () => { enter(1, { colour: 1 }) }, 'ArgumentError np.f: there is no option \'colour\'. Known: axis, keepdims, mode.'], // prettier-ignore
    ['an inherited name', () => { enter(1, { constructor: 1 }) }, 'there is no option \'constructor\''], // prettier-ignore
    ['a value of another kind', () => { enter(1, { axis: '0' }) }, 'ShapeError np.f: axis must be an integer or a list of integers, got the string "0".'], // prettier-ignore
    ['an unknown word', () => { enter(1, { mode: 'Fill' }) }, "ArgumentError np.f: mode must be 'fill' or 'clip', got the string \"Fill\". Did you mean 'fill'?"], // prettier-ignore
    ['no array', () => { enter('1') }, 'ArgumentError np.f: x must be an array, number, boolean, typed array or nested lists of numbers, got the string "1".'], // prettier-ignore
    ['nothing', () => { enter() }, 'got undefined. Was an argument left out?'], // prettier-ignore
    ['a hole', () => { enter([1, undefined]) }, 'ArgumentError np.f: elements must be numbers, booleans, bigints or arrays; at [1] is undefined.'], // prettier-ignore
    ['a typed array of no dtype', () => { enter(new Odd(1)) }, 'DTypeError np.f: no dtype holds a Odd.'], // prettier-ignore
  ])('refuses %s', (_, f, message) => {
    expect(messageOf(f)).toContain(message)
  })

  it('has an error of its own for shapes and dtypes, with the bytes of shapes that are too large', () => {
    const make = core.door('np.g', { shape: core.shape, dtype: core.optional(core.dtype) })
    expect(messageOf(() => { make([2, -1]) })).toMatch(/^ShapeError np\.g: shape must be a shape.*got \[2, -1\]/) // prettier-ignore
    expect(messageOf(() => { make(Int32Array.of(2)) })).toMatch(/^ShapeError .*an? Int32Array.*Array\.from/) // prettier-ignore
    expect(messageOf(() => { make(np.array([2])) })).toMatch(/^ShapeError .*toArray/) // prettier-ignore
    expect(messageOf(() => { make(new Set([2])) })).toMatch(/^ShapeError .*a Set/) // prettier-ignore
    expect(messageOf(() => { make([1e5, 1e5]) })).toMatch(/^OutOfMemoryError np\.g: .*10000000000 bytes/) // prettier-ignore
    expect(messageOf(() => { make([2], 'f32') })).toMatch(/^DTypeError np\.g: dtype must be a dtype.*Known: /) // prettier-ignore
  })

  it('refuses what cannot even be looked at', () => {
    const { proxy, revoke } = Proxy.revocable([], {})
    revoke()
    expect(messageOf(() => { enter(proxy) })).toMatch(/^ArgumentError np\.f: x must be/) // prettier-ignore
    expect(messageOf(() => { enter(1, proxy) })).toMatch(/^ArgumentError np\.f: options/) // prettier-ignore
  })

  it('names an option that must be there', () => {
    const start = core.door('optim.s', {
      options: core.optionsOf({ peak: core.required(core.number), end: core.number }),
    })
    expect(messageOf(() => { start({ end: 1 }) })).toMatch(/^ArgumentError optim\.s: peak must be a number, got undefined/) // prettier-ignore
    expect(messageOf(() => { start() })).toMatch(/^ArgumentError optim\.s: options go in one object/) // prettier-ignore
    expect(messageOf(() => { start({ peak: 1 }) })).toBe('no error') // prettier-ignore
  })

  it('never throws anything but a named error, and nothing for what its checks accept', () => {
    const checks: readonly Check[] = [
      core.boolean, core.number, core.integer, core.natural, core.axis, core.axes, core.axisList, core.shape, core.shapeOrExtent,
      core.dtype, core.func, core.oneOf(['a', 'b']), core.listOf(core.integer), core.pairOf(core.number), core.nullable(core.string),
      core.optional(core.finite), core.anyOf(core.number, core.func), core.recordOf(core.number, 'a record of numbers'), arrayLike,
      core.optionsOf(table),
    ] // prettier-ignore
    fc.assert(
      fc.property(
        fc.constantFrom(...checks),
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
          withNullPrototype: true,
        }),
        (check, value) => {
          // prettier-ignore
          const message = messageOf(() => {
          core.door('np.f', { x: check })(value)
        })
          expect(message).toMatch(
            check.accepts(value) ? /^no error$/ : /^(Argument|Shape|DType|OutOfMemory)Error np\.f: /,
          )
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('suggestions', () => {
  it.each([
    ['in_axes', ['inAxes', 'outAxes'], 'inAxes'],
    ['keepDims', ['axis', 'keepdims'], 'keepdims'],
    ['dim', ['axis'], 'axis'],
    ['lr', ['b1', 'learningRate'], 'learningRate'],
    ['axiss', ['axis'], 'axis'],
    ['keepidms', ['keepdims'], 'keepdims'],
    ['constructor', ['axis'], null],
    ['x'.repeat(1e6), ['axis'], null],
  ])('%.20s', (name, known, wanted) => {
    expect(suggestion(name, known)).toBe(wanted)
  })
})

describe('any value as text', () => {
  it('is short', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withSparseArray: true, withNullPrototype: true, withTypedArray: true }),
        (x) => {
          expect(show(x).length).toBeLessThan(120)
        },
      ),
    )
  })

  it('bigints, cycles, proxies and long lists', () => {
    const self: unknown[] = []
    self.push(self)
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const hostile = Object.defineProperty({}, 'x', { enumerable: true, get: () => { throw new Error('no') } }) // prettier-ignore
    expect([1n, self, proxy, hostile, Symbol('s'), new Array(1e9), -0, () => 1, new Date(0), Object.create(null), np.ones([2, 3])].map(show)).toEqual([
      '1n', '[...]', 'an object', 'an object', 'Symbol(s)', '[undefined, undefined, undefined, undefined, undefined, ...]', '-0', 'a function', 'a Date', 'an object', 'an array f32[2,3]',
    ]) // prettier-ignore
  })
})

/** What golden cases of numpy's wider functions do not say: transformations, laws, edges, errors. */
import * as fc from 'fast-check'
import { jit, lax, makeProgram, np, printProgram, random, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const normal = (seed: number, ...shape: number[]): NDArray =>
  random.normal(random.key(seed), shape, { dtype: 'float64' })
const ints = (...xs: readonly number[]): NDArray => np.array(Int32Array.from(xs))

/** Functions of a vector of 6 elements that work under all transformations. */
const ofVectors: { readonly [name: string]: (x: NDArray) => NDArray } = {
  sort: (x) => np.sort(x, { descending: true }),
  argsort: (x) => np.argsort(x),
  partition: (x) => np.partition(x, 2),
  searchsorted: (x) => np.searchsorted(np.sort(x), np.array([-1, 0, 1])),
  digitize: (x) => np.digitize(x, np.array([-1, 0, 1])),
  median: (x) => np.median(x),
  quantile: (x) => np.quantile(x, np.array([0.2, 0.9])),
  nanquantile: (x) => np.nanquantile(np.where(np.less(x, 0), NaN, x), 0.3),
  nanmean: (x) => np.nanmean(np.where(np.less(x, 0), NaN, x)),
  nanmax: (x) => np.nanmax(np.where(np.less(x, 0), NaN, x)),
  nanToNum: (x) => np.nanToNum(np.log(x)),
  average: (x) => np.average(x, { weights: np.square(x) }),
  cov: (x) => np.cov(np.reshape(x, [2, 3])),
  corrcoef: (x) => np.corrcoef(np.reshape(x, [2, 3])),
  bincount: (x) => np.bincount(np.floor(np.abs(x)).astype('int32'), { length: 4 }),
  histogram: (x) => np.histogram(x, { bins: 3 })[0],
  diff: (x) => np.diff(x, { n: 2 }),
  gradient: (x) => np.gradient(x, np.array([0, 1, 3, 4, 7, 9])) as NDArray,
  trapezoid: (x) => np.trapezoid(x, { x: np.cumsum(np.square(x)) }),
  interp: (x) => np.interp(x, np.array([-1, 0, 2]), np.array([5, 1, 2])),
  unwrap: (x) => np.unwrap(np.multiply(x, 4)),
  polyval: (x) => np.polyval(np.array([1, 2, 3]), x),
  polyfit: (x) => np.polyfit(np.linspace(0, 1, 6, { dtype: 'float64' }), x, 2),
  convolve: (x) => np.convolve(x, np.array([1, 2, -1])),
  correlate: (x) => np.correlate(x, np.array([1, 2, -1])),
  sinc: (x) => np.sinc(x),
  i0: (x) => np.log(np.i0(np.multiply(x, 15))),
  frexp: (x) => np.frexp(x)[0],
  ldexp: (x) => np.ldexp(x, ints(1, 2, 3, -1, -2, 0)),
  copysign: (x) => np.copysign(x, np.flip(x)),
  gcd: (x) => np.gcd(np.multiply(x, 30).astype('int32'), 12),
  packbits: (x) => np.packbits(np.greater(x, 0)),
  rot90: (x) => np.rot90(np.reshape(x, [2, 3])),
  insert: (x) => np.insert(x, [1, 3], np.array([7, 8])),
  delete: (x) => np.delete(x, [1, 3]),
  select: (x) => np.select([np.less(x, -1), np.less(x, 0)], [np.square(x), np.sin(x)], 9),
  piecewise: (x) => np.piecewise(x, [np.less(x, 0)], [(v) => np.square(v), 2]),
  compress: (x) => np.compress([true, false, true, true, false, false], x, { size: 4 }),
  put: (x) => np.put(x, [2, 9, -1], np.array([5, 6])),
  place: (x) => np.place(x, np.less(x, 0), np.array([5, 6])),
  fillDiagonal: (x) => np.fillDiagonal(np.reshape(x, [2, 3]), 4),
  unique: (x) => np.unique(np.round(x), { size: 6 }),
  nonzero: (x) => np.nonzero(np.greater(x, 0), { size: 6, fillValue: -1 })[0]!,
  isin: (x) => np.isin(np.round(x), np.array([0, 1])),
  setdiff1d: (x) => np.setdiff1d(np.round(x), np.array([0, 1]), { size: 6, fillValue: 9 }),
  applyAlongAxis: (x) => np.applyAlongAxis((v) => np.flip(v), 0, np.reshape(x, [2, 3])),
  vectorize: (x) => np.vectorize((a, b) => np.dot(a, b), { signature: '(n),(n)->()' })(np.reshape(x, [2, 3]), np.ones([3])),
  cross: (x) => np.cross(np.reshape(x, [2, 3]), np.array([1, 2, 3])),
  kron: (x) => np.kron(x, np.array([1, 2])),
  cumulativeSum: (x) => np.cumulativeSum(x, { includeInitial: true }),
  cumlogsumexp: (x) => lax.cumlogsumexp(x),
  topK: (x) => lax.topK(x, 3)[0],
  dynamicIndexInDim: (x) => lax.dynamicIndexInDim(x, np.argmax(x)),
} // prettier-ignore

describe.each(Object.entries(ofVectors))('%s', (_, f) => {
  it('is the same under jit, and under vmap a loop', () => {
    const xs = normal(3, 4, 6)
    const rows = np.unstack(xs)
    const each = np.stack(rows.map(f))
    assertClose('vmap', vmap(f)(xs), each)
    assertClose('jit', jit(f)(rows[0]!), f(rows[0]!))
    assertClose('jit of vmap', jit(vmap(f))(xs), each)
  })
})

const smooth = ['sort', 'median', 'quantile', 'nanquantile', 'nanmean', 'average', 'cov', 'corrcoef', 'diff', 'gradient', 'trapezoid', 'interp', 'polyval', 'polyfit', 'convolve', 'correlate', 'sinc', 'i0', 'frexp', 'ldexp', 'insert', 'delete', 'select', 'piecewise', 'compress', 'put', 'place', 'cross', 'kron', 'cumulativeSum', 'cumlogsumexp', 'topK', 'vectorize', 'applyAlongAxis'] // prettier-ignore

describe.each(smooth)('%s', (name) => {
  it('has the first and second derivatives that differences give', () => {
    const f = ofVectors[name]!
    checkGrads((x: NDArray) => np.sum(np.sin(f(x))), [normal(5, 6)])
  })
})

describe('laws', () => {
  const vectors = fc
    .array(fc.integer({ min: -5, max: 5 }), { maxLength: 12 })
    .map((xs) => np.array(Float64Array.from(xs)))
  const numbers = (x: NDArray): number[] => Array.from(x.dataSync(), Number)

  it('sets are what Set says', () => {
    fc.assert(
      fc.property(vectors, vectors, (x, y) => {
        const [a, b] = [new Set(numbers(x)), new Set(numbers(y))]
        const sorted = (xs: Iterable<number>): number[] => [...xs].sort((p, q) => p - q)
        expect(numbers(np.unique(x))).toEqual(sorted(a))
        expect(numbers(np.union1d(x, y))).toEqual(sorted(new Set([...a, ...b])))
        expect(numbers(np.intersect1d(x, y))).toEqual(sorted([...a].filter((v) => b.has(v))))
        expect(numbers(np.setdiff1d(x, y))).toEqual(sorted([...a].filter((v) => !b.has(v))))
        expect(numbers(np.setxor1d(x, y))).toEqual(sorted([...new Set([...a, ...b])].filter((v) => a.has(v) !== b.has(v))))
        const { values, inverseIndices, counts, indices } = np.uniqueAll(x)
        expect(numbers(np.take(values, inverseIndices))).toEqual(numbers(x))
        expect(numbers(counts).reduce((p, q) => p + q, 0)).toBe(x.size)
        expect(numbers(indices)).toEqual(sorted(a).map((v) => numbers(x).indexOf(v)))
      }),
    )
  }) // prettier-ignore

  it('a search finds what a loop finds', () => {
    fc.assert(
      fc.property(vectors, vectors, (x, y) => {
        const line = numbers(np.sort(x))
        const count = (keep: (v: number) => boolean): number => line.filter(keep).length
        expect(numbers(np.searchsorted(np.sort(x), y))).toEqual(numbers(y).map((v) => count((u) => u < v)))
        expect(numbers(np.searchsorted(np.sort(x), y, { side: 'right' }))).toEqual(numbers(y).map((v) => count((u) => u <= v)))
      }),
    )
  }) // prettier-ignore

  it('parts that are taken apart come together again', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.integer({ min: -40, max: 40 }), (value, n) => {
        const x = np.array(Float64Array.of(value))
        const [mantissa, exponent] = np.frexp(x)
        expect(np.arrayEqual(np.ldexp(mantissa, exponent), x).bool()).toBe(true)
        expect(np.ldexp(x, ints(n)).at(0).get().item()).toBe(value * 2 ** n)
        const [fraction, whole] = np.modf(x)
        if (Number.isFinite(value)) expect(np.arrayEqual(np.add(fraction, whole), x).bool()).toBe(true)
      }),
    )
    const bits = ints(1, 0, 1, 1, 0, 0, 1, 0, 1, 1)
    expect(numbers(np.unpackbits(np.packbits(bits), { count: 10 }))).toEqual(numbers(bits))
  })

  it('a product of polynomials divided by one is the other', () => {
    const [p, q] = [normal(1, 4), normal(2, 3)]
    const [quotient, rest] = np.polydiv(np.polymul(p, q), q)
    assertClose('quotient', quotient, p)
    assertClose('remainder', rest, np.zeros([6], { dtype: 'float64' }), { atol: 1e-9 })
    assertClose('derivative of the integral', np.polyder(np.polyint(p, 2), 2), p)
    assertClose('zeros', np.polyval(np.poly(p), p), np.zeros([4], { dtype: 'float64' }), { atol: 1e-9 })
  })

  it('partitions have the element in its place', () => {
    const x = normal(4, 9)
    const place = np.argpartition(x, 3)
    expect(numbers(np.take(x, place))).toEqual(numbers(np.partition(x, 3)))
    expect(numbers(np.partition(x, 3))[3]).toBe(numbers(np.sort(x))[3])
  })
})

describe('edges', () => {
  it('types know their limits', () => {
    expect(np.finfo('float16').max).toBe(65504)
    expect(np.finfo('float64').tiny).toBe(2 ** -1022)
    expect(np.finfo('float64').max).toBe(Number.MAX_VALUE)
    expect(np.finfo('bfloat16').eps).toBe(2 ** -7)
    expect([np.iinfo('uint32').max, np.iinfo('int64').min]).toEqual([2 ** 32 - 1, -(2n ** 63n)])
    expect(np.isdtype('bool', ['numeric', 'bool'])).toBe(true)
    expect(np.isdtype('float32', 'integral')).toBe(false)
    expect(np.resultType(np.zeros([1], { dtype: 'int32' }), np.zeros([1], { dtype: 'float64' }))).toBe('float64')
  })

  it('an infinity beside what is interpolated does no harm', () => {
    expect(np.quantile(np.array([1, 2, Infinity]), 0.5).item()).toBe(2)
    expect(np.median(np.array([-Infinity, 1, Infinity])).item()).toBe(1)
  })

  it('lax: slices by computed places', () => {
    const x = np.reshape(np.arange(12), [3, 4])
    expect(lax.dynamicSliceInDim(x, -1, 1).toArray()).toEqual([[8, 9, 10, 11]])
    expect(lax.dynamicIndexInDim(x, 2, 1, false).toArray()).toEqual([2, 6, 10])
    expect(lax.indexInDim(x, -1, 0, false).toArray()).toEqual([8, 9, 10, 11])
    expect(
      lax
        .dynamicUpdateIndexInDim(x, ints(7, 7, 7), 0, 1)
        .at(':', 0)
        .get()
        .toArray(),
    ).toEqual([7, 7, 7])
    expect(lax.selectN(ints(0, 2, 1), ints(1, 2, 3), ints(4, 5, 6), ints(7, 8, 9)).toArray()).toEqual([1, 8, 6])
    expect(lax.broadcast(ints(1, 2), [3]).shape).toEqual([3, 2])
    expect(lax.expandDims(ints(1, 2), [0, 2]).shape).toEqual([1, 2, 1])
    expect(lax.squeeze(np.zeros([1, 2, 1]), [0]).shape).toEqual([2, 1])
    expect(lax.square(ints(3)).toArray()).toEqual([9])
    expect(lax.reciprocal(np.array([4])).toArray()).toEqual([0.25])
    expect(lax.fullLike(ints(3), 5).toArray()).toEqual([5])
    expect(lax.dot(np.ones([2, 3]), np.ones([3])).toArray()).toEqual([3, 3])
  })

  it('results whose size depends on values ask for it under transformations', () => {
    for (const f of [
      (x: NDArray) => np.unique(x),
      (x: NDArray) => np.nonzero(x)[0]!,
      (x: NDArray) => np.bincount(x.astype('int32')),
    ]) {
      expect(() => jit(f)(np.ones([3]))).toThrow(/size|length/)
    }
  })

  it.each<[string, () => unknown, string]>([
    ['lexsort', () => np.lexsort([]), 'needs at least one key'],
    ['partition', () => np.partition(np.ones([3]), 3), 'kth must be an integer from -3 to 2, got 3'],
    ['searchsorted', () => np.searchsorted(np.ones([2, 2]), 1), 'is a vector, got f32[2,2]'],
    ['quantile', () => np.quantile(np.ones([0]), 0.5), 'there is no quantile of nothing'],
    ['average', () => np.average(np.ones([2, 3]), { weights: np.ones([2]) }), 'must have the shape of f32[2,3]'],
    ['bincount', () => np.bincount(np.ones([2, 2], { dtype: 'int32' })), 'takes a vector'],
    ['histogram', () => np.histogram(np.ones([3]), { bins: 0 }), 'bins is a positive number, got 0'],
    ['histogramdd', () => np.histogramdd(np.ones([3, 2]), { bins: [2] }), 'each of the 2 variables'],
    ['diff', () => np.diff(np.ones([3]), { n: -1 }), 'np.diff: n must be a whole number'],
    ['gradient', () => np.gradient(np.ones([1])), 'needs at least two points'],
    ['gradient', () => np.gradient(np.ones([2, 2]), [1, 2, 3]), '3 spacings for 2 axes'],
    ['interp', () => np.interp(1, np.ones([2]), np.ones([3])), 'two vectors of one length'],
    ['polymul', () => np.polymul(np.ones([2, 2]), 1), 'coefficients are a vector'],
    ['convolve', () => np.convolve(np.ones([0]), np.ones([2])), 'two vectors that are not empty'],
    ['convolve', () => np.convolve([1], [1], { mode: 'some' as 'full' }), 'mode must be'],
    ['bitwiseAnd', () => np.bitwiseAnd(np.ones([2]), 1), 'takes integers and bools'],
    ['gcd', () => np.gcd(np.ones([2]), 1), 'takes integers, got f32[2]'],
    ['ldexp', () => np.ldexp(1, np.ones([2])), 'the exponent is an integer'],
    ['unpackbits', () => np.unpackbits(ints(1)), 'takes uint8'],
    ['rot90', () => np.rot90(np.ones([2, 2]), 1, { axes: [0, 0] }), 'two different axes'],
    ['insert', () => np.insert(np.ones([2]), [5], 1), 'place 5 is out of range for 2 elements'],
    ['arraySplit', () => np.arraySplit(np.ones([2]), 0), 'there are no 0 parts'],
    ['select', () => np.select([true], []), '1 conditions and 0 choices'],
    ['piecewise', () => np.piecewise(1, [true], []), '0 pieces for 1 conditions'],
    ['fillDiagonal', () => np.fillDiagonal(np.ones([2]), 1), 'takes matrices'],
    ['place', () => np.place(np.ones([2]), [true], 1), 'must have the shape of f32[2]'],
    ['putAlongAxis', () => np.putAlongAxis(np.ones([2, 2]), ints(0), 1), 'must have one rank'],
    ['meshgrid', () => np.meshgrid([np.ones([2, 2])]), 'takes vectors'],
    ['ravelMultiIndex', () => np.ravelMultiIndex([ints(0)], [2, 2]), '1 coordinates for a shape [2, 2]'],
    ['geomspace', () => np.geomspace(-1, 1), 'ends of one sign'],
    ['vectorize', () => np.vectorize((x) => x, { signature: 'n->n' })(1), 'is not a signature'],
    ['vectorize', () => np.vectorize((x) => x, { signature: '(n),(n)->()' })(np.ones([2]), np.ones([3])), "axis 'n' has extents 2 and 3"],
    ['cross', () => np.cross(np.ones([4]), np.ones([4])), 'vectors of 2 or 3 elements, got f32[4]'],
    ['vecdot', () => np.vecdot(np.ones([2]), np.ones([3])), 'extents differ'],
    ['cumulativeSum', () => np.cumulativeSum(np.ones([2, 2])), 'needs to know an axis'],
    ['finfo', () => np.finfo('int32'), 'takes dtypes of floats, got int32'],
    ['iinfo', () => np.iinfo('float32'), 'takes dtypes of integers, got float32'],
    ['tensorsolve', () => np.linalg.tensorsolve(np.ones([2, 3]), np.ones([2])), 'as many equations as unknowns'],
    ['tensorinv', () => np.linalg.tensorinv(np.ones([2, 3, 4])), 'must have as many elements'],
    ['linalg.cross', () => np.linalg.cross(np.ones([2]), np.ones([2])), 'takes vectors of 3 elements'],
    ['topK', () => lax.topK(np.ones([2]), 3), 'k must be from 0 to the last extent of f32[2], got 3'],
    ['split', () => lax.split(np.ones([3]), [1, 1]), 'sizes 1 + 1 are 2'],
  ])('%s says what is wrong', (_, f, message) => {
    expect(f).toThrow(message)
  }) // prettier-ignore
})

describe('axes that do not fit', () => {
  it('are told by the function that was called', () => {
    const [x, y] = [np.ones([2, 3]), np.ones([4, 5])]
    expect(() => np.inner(x, y)).toThrow(/^np\.inner: axes \[1\] of f32\[2,3\] and \[1\] of f32\[4,5\] do not fit/)
    expect(() => np.tensordot(x, y)).toThrow(/^np\.tensordot: axes \[0, 1\] of f32\[2,3\] and \[0, 1\] of f32\[4,5\]/)
    expect(() => np.tensordot(x, x, [[0, 1], [0]])).toThrow(/^np\.tensordot: .* both must be as many/)
  })
})

describe('fmod', () => {
  const floats = fc.constantFrom(-7, 7, 0.5, -0.25, 0, 3e9, -1e20)
  const integers = fc.constantFrom(1, 3, -3, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 32 - 1)

  it('of a float by an integer of any size cancels nothing', () => {
    fc.assert(
      fc.property(floats, integers, fc.constantFrom('float32', 'float64'), (x, y, dtype) => {
        const divisor = y < 0 ? np.array(Int32Array.of(y)) : np.array(Uint32Array.of(y))
        const given = np.array([x], { dtype })
        const wanted = np.array([given.at(0).get().item() % divisor.astype(dtype).at(0).get().item()], { dtype })
        assertClose('fmod', np.fmod(given, divisor), wanted, { rtol: 0, atol: 0 })
        assertClose('compiled', jit(np.fmod)(given, divisor), wanted, { rtol: 0, atol: 0 })
      }),
    )
  })

  it('of integers by 0 is 0', () => {
    expect(np.fmod(ints(-7, 7, 0), ints(0, 0, 0)).toArray()).toEqual([0, 0, 0])
    expect(np.fmod(np.array(Uint32Array.of(7, 2 ** 32 - 1)), np.array(Uint32Array.of(0, 2 ** 31))).toArray()).toEqual([0, 2 ** 31 - 1]) // prettier-ignore
    expect(np.fmod(true, true).toArray()).toEqual(0)
  })

  it('has the derivatives of its formula', () => {
    checkGrads(np.fmod, [np.array([-7.3, 7.4, 9.1]), np.array([3, -2, 2.5])])
  })
})

describe('what methods and np share', () => {
  it('is called by its name, which programs of it have too', () => {
    const shared = { sin: np.sin, add: np.add, max: np.max, var: np.var, cumprod: np.cumprod, reshape: np.reshape }
    for (const [name, f] of Object.entries(shared)) expect(f.name).toBe(name)
    const outer = makeProgram((x: NDArray) => jit(np.tanh)(x))(np.zeros([2]))
    expect(printProgram(outer)).toContain('name="tanh"')
  })
})

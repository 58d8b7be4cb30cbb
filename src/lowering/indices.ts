/**
 * Indices of elements, as integer expressions of loop variables. They are sums of multiples of variables, and of quotients and
 * remainders where a reshape does not match the loops. All have known bounds, which serve to simplify them.
 */

/** A loop's counter, from 0 up to, but not including, `extent`. */
export class LoopVar {
  readonly extent: number
  readonly name: string

  constructor(extent: number, name: string) {
    this.extent = extent
    this.name = name
  }
}

interface Division {
  readonly kind: 'quotient' | 'remainder'
  readonly of: Index
  readonly by: number
}

export type Factor = LoopVar | Division

interface Term {
  readonly factor: Factor
  readonly times: number
  readonly key: string
}

const keyOf = (f: Factor): string =>
  f instanceof LoopVar ? f.name : `(${f.of.key}${f.kind === 'quotient' ? '/' : '%'}${f.by})`

const boundsOf = (f: Factor): readonly [number, number] => {
  if (f instanceof LoopVar) return [0, Math.max(0, f.extent - 1)]
  if (f.kind === 'remainder') return [0, f.by - 1]
  return [Math.floor(f.of.min / f.by), Math.floor(f.of.max / f.by)]
}

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b))

/** An integer expression; equal ones have equal keys. */
export class Index {
  readonly constant: number
  readonly terms: readonly Term[]
  readonly key: string
  readonly min: number
  readonly max: number

  private constructor(constant: number, terms: readonly Term[]) {
    this.constant = constant
    this.terms = terms
    this.key = `${terms.map((t) => `${t.times}${t.key}+`).join('')}${constant}`
    let [min, max] = [constant, constant]
    for (const { factor, times } of terms) {
      const [low, high] = boundsOf(factor)
      min += times * (times > 0 ? low : high)
      max += times * (times > 0 ? high : low)
    }
    this.min = min
    this.max = max
  }

  static constant(value: number): Index {
    return new Index(value, [])
  }

  /** The variable itself; 0 where that is its only value. */
  static variable(v: LoopVar): Index {
    return v.extent === 1 ? zero : Index.#of(v)
  }

  static #of(factor: Factor): Index {
    return new Index(0, [{ factor, times: 1, key: keyOf(factor) }])
  }

  /** The sum of multiples of expressions. */
  static sum(constant: number, parts: readonly (readonly [Index, number])[]): Index {
    const totals = new Map<string, Term>()
    let rest = constant
    for (const [part, scale] of parts) {
      rest += part.constant * scale
      for (const { factor, times, key } of part.terms) {
        totals.set(key, { factor, key, times: (totals.get(key)?.times ?? 0) + times * scale })
      }
    }
    const whole = rejoin(totals)
    if (whole !== null) return Index.sum(rest, whole)
    const terms = [...totals.values()].filter((t) => t.times !== 0)
    return new Index(
      rest,
      terms.sort((a, b) => (a.key < b.key ? -1 : 1)),
    )
  }

  plus(other: Index | number): Index {
    return typeof other === 'number'
      ? new Index(this.constant + other, this.terms)
      : Index.sum(0, [
          [this, 1],
          [other, 1],
        ])
  }

  times(scale: number): Index {
    return Index.sum(0, [[this, scale]])
  }

  /** Terms that are multiples of `by`, and the rest, whose constant is below `by`. */
  #split(by: number): readonly [Index, Index] {
    const whole = Math.floor(this.constant / by)
    const divisible = this.terms.filter((t) => t.times % by === 0)
    const others = this.terms.filter((t) => t.times % by !== 0)
    return [
      new Index(
        whole,
        divisible.map((t) => ({ ...t, times: t.times / by })),
      ),
      new Index(this.constant - whole * by, others),
    ]
  }

  /** The quotient, rounded down; `by` is positive. */
  quotient(by: number): Index {
    if (by === 1) return this
    const [whole, rest] = this.#split(by)
    if (rest.min >= 0 && rest.max < by) return whole
    const common = rest.terms.reduce((g, t) => gcd(g, t.times), by)
    if (common > 1) return whole.plus(rest.#shrink(common).quotient(by / common))
    const [only] = rest.terms
    // ⌊⌊x / a⌋ / b⌋ = ⌊x / (a b)⌋
    if (rest.terms.length === 1 && rest.constant === 0 && only!.times === 1 && isQuotient(only!.factor)) {
      return whole.plus(only!.factor.of.quotient(only!.factor.by * by))
    }
    const turns = rest.#turnsBelowZero(by)
    return whole.plus(Index.#of({ kind: 'quotient', of: rest.plus(turns * by), by })).plus(-turns)
  }

  /** The remainder of the quotient, from 0 up to, but not including, `by`. */
  remainder(by: number): Index {
    if (by === 1) return zero
    const [, rest] = this.#split(by)
    if (rest.min >= 0 && rest.max < by) return rest
    const common = rest.terms.reduce((g, t) => gcd(g, t.times), by)
    if (common > 1) {
      const low = ((rest.constant % common) + common) % common
      return rest
        .#shrink(common)
        .remainder(by / common)
        .times(common)
        .plus(low)
    }
    const [only] = rest.terms
    if (rest.terms.length === 1 && rest.constant === 0 && only!.times === 1 && isRemainder(only!.factor)) {
      if (only!.factor.by % by === 0) return only!.factor.of.remainder(by)
    }
    return Index.#of({ kind: 'remainder', of: rest.plus(rest.#turnsBelowZero(by) * by), by })
  }

  /** The number of times that `by` must be added to make it non-negative: back ends divide unsigned numbers. */
  #turnsBelowZero(by: number): number {
    return Math.max(0, Math.ceil(-this.min / by))
  }

  /** Divides by a common factor of all multiples, rounding down the constant. */
  #shrink(common: number): Index {
    return new Index(
      Math.floor(this.constant / common),
      this.terms.map((t) => ({ ...t, times: t.times / common })),
    )
  }

  /** Replaces variables by expressions. */
  substitute(replace: (v: LoopVar) => Index | undefined): Index {
    if (this.terms.length === 0) return this
    return Index.sum(
      this.constant,
      this.terms.map(({ factor, times }): readonly [Index, number] => {
        if (factor instanceof LoopVar) return [replace(factor) ?? Index.variable(factor), times]
        const of = factor.of.substitute(replace)
        return [factor.kind === 'quotient' ? of.quotient(factor.by) : of.remainder(factor.by), times]
      }),
    )
  }

  /** The change when the variable grows by one; null where that is not constant. */
  stride(v: LoopVar): number | null {
    let stride = 0
    for (const { factor, times } of this.terms) {
      if (factor === v) stride += times
      else if (!(factor instanceof LoopVar) && factor.of.dependsOn(v)) return null
    }
    return stride
  }

  dependsOn(v: LoopVar): boolean {
    return this.terms.some(({ factor }) => (factor instanceof LoopVar ? factor === v : factor.of.dependsOn(v)))
  }

  /** All quotients and remainders in it. */
  divisions(): readonly Division[] {
    return this.terms.flatMap(({ factor }) => (factor instanceof LoopVar ? [] : [factor, ...factor.of.divisions()]))
  }
}

const isQuotient = (f: Factor): f is Division => !(f instanceof LoopVar) && f.kind === 'quotient'
const isRemainder = (f: Factor): f is Division => !(f instanceof LoopVar) && f.kind === 'remainder'

/** Parts with c·k·⌊x/k⌋ + c·(x mod k) replaced by c·x, or null where there is no such pair. */
const rejoin = (totals: ReadonlyMap<string, Term>): readonly (readonly [Index, number])[] | null => {
  for (const term of totals.values()) {
    if (!isRemainder(term.factor) || term.times === 0) continue
    const { of, by } = term.factor
    const partner = of.quotient(by)
    if (partner.terms.length !== 1 || partner.constant !== 0 || partner.terms[0]!.times !== 1) continue
    const found = totals.get(partner.terms[0]!.key)
    if (found?.times !== term.times * by) continue
    const others = [...totals.values()].filter((t) => t !== term && t !== found)
    return [[of, term.times], ...others.map((t): readonly [Index, number] => [single(t.factor), t.times])]
  }
  return null
}

const zero = Index.constant(0)

const single = (f: Factor): Index => {
  if (f instanceof LoopVar) return Index.variable(f)
  return f.kind === 'quotient' ? f.of.quotient(f.by) : f.of.remainder(f.by)
}

/** The element's index in row-major order. */
export const linearize = (coordinates: readonly Index[], strides: readonly number[]): Index =>
  Index.sum(
    0,
    coordinates.map((c, i): readonly [Index, number] => [c, strides[i]!]),
  )

/** Coordinates of an element after a reshape to another shape. */
export const reshapeIndex = (
  coordinates: readonly Index[],
  from: readonly number[],
  to: readonly number[],
): readonly Index[] => {
  // Nothing is ever read from an array without elements.
  if (from.includes(0)) return to.map(() => zero)
  const result: Index[] = []
  let [i, j] = [from.length - 1, to.length - 1]
  // From the last axis on, the smallest groups of axes that hold equally many elements on both sides.
  while (i >= 0 || j >= 0) {
    let [source, target] = [i >= 0 ? from[i]! : 1, j >= 0 ? to[j]! : 1]
    let [firstSource, firstTarget] = [i, j]
    while (source !== target) {
      if (source < target) source *= from[--firstSource]!
      else target *= to[--firstTarget]!
    }
    const inner = coordinates.slice(Math.max(firstSource, 0), i + 1)
    const extents = from.slice(Math.max(firstSource, 0), i + 1)
    result.unshift(...regroup(inner, extents, to.slice(Math.max(firstTarget, 0), j + 1)))
    // Stays at the first axis when only axes of extent 1 are left on the other side.
    i = Math.max(firstSource - 1, -1)
    j = Math.max(firstTarget - 1, -1)
  }
  return result
}

const regroup = (coordinates: readonly Index[], from: readonly number[], to: readonly number[]): readonly Index[] => {
  if (from.length === 1 && to.length === 1) return coordinates
  let flat = zero
  coordinates.forEach((c, k) => {
    flat = flat.times(from[k]!).plus(c)
  })
  const result: Index[] = []
  for (let k = to.length - 1; k >= 0; k--) {
    result.unshift(k === 0 ? flat : flat.remainder(to[k]!))
    flat = flat.quotient(to[k]!)
  }
  return result
}

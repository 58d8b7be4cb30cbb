/** The loop is a fold: its laws, and what it says when something goes wrong. */
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { debug, DonatedError, np } from 'pullback'
import type { NDArray } from 'pullback'
import { onStep, train, trainSteps } from 'pullback/train'
import type { Hook, Step, StepEvent } from 'pullback/train'
import { get, leftOf } from '../../io/support/recorded.ts'
import { shuffledStream, streamOf } from '../support/streams.ts'

/** A state with parts of several kinds: some pass through, some appear twice. */
interface State {
  readonly sum: NDArray
  readonly twice: readonly NDArray[]
  readonly fixed: NDArray
  readonly count: NDArray
}

const initial = (): State => {
  const shared = np.array([1, 2])
  return {
    sum: np.array([0, 0]),
    twice: [shared, shared],
    fixed: np.array([7, 7]),
    count: np.array(0, { dtype: 'int32' }),
  }
}

const step: Step<State, NDArray> = (state, batch) => {
  const sum = state.sum.mul(0.5).add(batch)
  const next = { ...state, sum, twice: [sum, sum], count: state.count.add(1) }
  return [next, { loss: sum.sum(), count: next.count.astype('float32') }]
}

const batchOf = (x: number): NDArray => np.array([x, -2 * x])
const numbers = (state: State): readonly number[] =>
  [state.sum, ...state.twice, state.fixed, state.count].flatMap((x) => Array.from(x.dataSync() as Float32Array))

/** What a plain fold of JS gives. */
const folded = (xs: readonly number[]): readonly number[] => {
  let sum = [0, 0]
  for (const x of xs)
    sum = [Math.fround(Math.fround(sum[0]! * 0.5) + x), Math.fround(Math.fround(sum[1]! * 0.5) - 2 * x)]
  const twice = xs.length === 0 ? [1, 2] : sum
  return [...sum, ...twice, ...twice, 7, 7, xs.length]
}

const someNumbers = fc.array(fc.integer({ min: -100, max: 100 }), { maxLength: 12 })
const options = fc.record({ jit: fc.boolean(), donate: fc.boolean(), onNonFinite: fc.constantFrom('stop', 'skip', 'ignore') } as const) // prettier-ignore

describe('the fold', () => {
  test('equals the fold of a list, compiled or not, with memory given up or kept; the given state stays', () =>
    fc.assert(
      fc.asyncProperty(someNumbers, options, async (xs, chosen) => {
        const start = initial()
        const before = numbers(start)
        const { state, step: count, reason } = await get(train(step, start, streamOf(xs.map(batchOf)), chosen))
        expect(numbers(state)).toEqual(folded(xs))
        expect([count, reason]).toEqual([xs.length, 'data'])
        expect(numbers(start)).toEqual(before)
      }),
      { numRuns: 40 },
    ))

  test('gone on from any step, it ends the same', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat(99),
        async (xs, epochs, share) => {
          const data = shuffledStream(xs.map(batchOf), 3)
          const total = xs.length * epochs
          const cut = share % (total + 1)
          const whole = await get(train(step, initial(), data, { epochs }))
          const part = await get(train(step, initial(), data, { epochs, steps: cut }))
          const rest = await get(train(step, initial(), data, { epochs, from: part }))
          expect(part.step).toBe(cut)
          expect(numbers(rest.state)).toEqual(numbers(whole.state))
          expect([rest.step, rest.position]).toEqual([whole.step, whole.position])
        },
      ),
      { numRuns: 25 },
    ))

  test('passes over the data: as many as asked for, or as the steps take; each in its own order', async () => {
    const xs = [1, 2, 3, 4, 5, 6, 7, 8]
    const seen: number[] = []
    const watch: Step<NDArray, NDArray> = (state, batch) => [state, { x: batch.sum() }]
    const hooks = [onStep(({ metrics }) => void seen.push(metrics['x']!))]
    const data = shuffledStream(
      xs.map((x) => np.array(x)),
      1,
    )
    await get(train(watch, np.array(0), data, { epochs: 2, hooks }))
    expect(seen.length).toBe(16)
    expect(seen.slice(0, 8).toSorted()).toEqual(xs)
    expect(seen.slice(8).toSorted()).toEqual(xs)
    expect(seen.slice(0, 8)).not.toEqual(seen.slice(8))
    expect((await get(train(watch, np.array(0), data, { steps: 20 }))).step).toBe(20)
    expect((await get(train(watch, np.array(0), data))).step).toBe(8)
    expect((await get(train(watch, np.array(0), streamOf<NDArray>([]), { steps: 20 }))).reason).toBe('data')
  })

  test('a state is given up when the next is asked for, unless it is kept', async () => {
    const kept = async (donate: boolean): Promise<readonly State[]> => {
      const states: State[] = []
      for await (const result of trainSteps(step, initial(), streamOf([1, 2].map(batchOf)), { donate })) {
        if (result._tag === 'Right') states.push(result.right.state)
      }
      return states
    }
    const [first] = await kept(true)
    expect(() => first!.sum.add(1)).toThrow(DonatedError)
    expect(numbers((await kept(false))[0]!)).toEqual(folded([1]))
  })

  test('traces once for each shape, and says how often', async () => {
    const traces: number[] = []
    const hooks = [onStep(({ traces: n }) => void traces.push(n))]
    const sum: Step<NDArray, NDArray> = (state, batch) => [state.add(batch.sum()), {}]
    const data = [1, 2, 2, 1, 3, 2].map((n) => np.ones([n]))
    await get(train(sum, np.array(0, { dtype: 'float32' }), streamOf(data), { hooks }))
    expect(traces).toEqual([1, 2, 2, 2, 3, 3])
  })

  test('the host has its turn between steps', async () => {
    let [timers, seen] = [0, 0]
    const timer = setInterval(() => timers++, 0)
    const hooks = [
      onStep(({ step: n }) => {
        const until = performance.now() + 3
        while (performance.now() < until);
        if (n === 20) seen = timers
      }),
    ]
    await get(train(step, initial(), streamOf(Array.from({ length: 20 }, () => batchOf(1))), { hooks }))
    clearInterval(timer)
    expect(seen).toBeGreaterThan(10)
  })
})

describe('hooks', () => {
  const spy = (
    name: string,
    calls: string[],
    more: Partial<Record<'metrics' | 'stop' | 'fails', boolean>> = {},
  ): Hook => ({
    name,
    start:
      ({ step: begun, memory }) =>
      () => {
        calls.push(`${name} start ${begun} ${JSON.stringify(memory)}`)
        const note = (what: string) => ({ step: n, metrics, isLast }: StepEvent<unknown>) => calls.push(`${name} ${what} ${n}${isLast ? ' last' : ''} ${Object.keys(metrics).join()}`) // prettier-ignore
        const ok =
          <A>(value: A) =>
          () =>
            Promise.resolve({ _tag: 'Right', right: value } as const)
        return Promise.resolve({
          _tag: 'Right',
          right: {
            measure: (event) => (note('measure')(event), ok(more.metrics === true ? { extra: 1 } : {})),
            step: (event) => (note('step')(event), ok(more.stop === true && event.step === 2 ? 'enough' : null)),
            save: (event) => {
              note('save')(event)
              if (more.fails !== true) return ok(undefined)
              const left = { _tag: 'Access', source: 'x', code: 'ENOSPC', message: 'full' } as const
              return () => Promise.resolve({ _tag: 'Left', left })
            },
            end: ({ reason, error }) => (calls.push(`${name} end ${reason} ${error?.message ?? ''}`), ok(undefined)),
            close: () => (calls.push(`${name} close`), Promise.resolve()),
            memory: () => ({ of: name }),
          },
        })
      },
  })

  test('all measure, then all look, then all save, whatever their order; the end comes before closing', async () => {
    const calls: string[] = []
    const data = streamOf([1, 2].map(batchOf))
    await get(train(step, initial(), data, { hooks: [spy('a', calls), spy('b', calls, { metrics: true })] }))
    expect(calls).toEqual([
      'a start 0 null', 'b start 0 null',
      'a measure 1 count,loss', 'b measure 1 count,loss',
      'a step 1 count,loss,extra', 'b step 1 count,loss,extra',
      'a save 1 count,loss,extra', 'b save 1 count,loss,extra',
      'a measure 2 last count,loss', 'b measure 2 last count,loss',
      'a step 2 last count,loss,extra', 'b step 2 last count,loss,extra',
      'a save 2 last count,loss,extra', 'b save 2 last count,loss,extra',
      'a end data ', 'b end data ', 'a close', 'b close',
    ]) // prettier-ignore
    expect(data.closed).toBe(data.opened)
  })

  test('one stops the run; the step is saved as the last', async () => {
    const calls: string[] = []
    const hooks = [spy('a', calls, { stop: true }), spy('b', calls)]
    const result = await get(train(step, initial(), streamOf([1, 2, 3, 4].map(batchOf)), { hooks }))
    expect([result.step, result.reason]).toEqual([2, 'enough'])
    expect(calls).toContain('b save 2 last count,loss')
    expect(calls.filter((call) => call.includes(' 3'))).toEqual([])
  })

  test('what one could not save ends the run with its error; all are closed', async () => {
    const calls: string[] = []
    const hooks = [spy('a', calls, { fails: true }), spy('b', calls)]
    const error = leftOf(await train(step, initial(), streamOf([1, 2].map(batchOf)), { hooks })())
    expect(error).toMatchObject({ _tag: 'Access', code: 'ENOSPC' })
    expect(calls.slice(-4)).toEqual(['a end error full', 'b end error full', 'a close', 'b close'])
  })

  test('all are closed when the step throws, and when a reader leaves', async () => {
    const calls: string[] = []
    const bad: Step<State, NDArray> = () => {
      throw new RangeError('a mistake')
    }
    const data = streamOf([1, 2].map(batchOf))
    await expect(train(bad, initial(), data, { hooks: [spy('a', calls)] })()).rejects.toThrow('a mistake')
    expect(calls).toEqual(['a start 0 null', 'a close'])
    const reader = trainSteps(step, initial(), data, { hooks: [spy('b', calls)] })
    await reader.next()
    await reader.return()
    expect(calls.at(-1)).toBe('b close')
    expect(data.closed).toBe(data.opened)
  })

  test('what they remember comes back to them by their names', async () => {
    const calls: string[] = []
    const from = { step: 1, state: initial(), position: null, hooks: { b: { of: 'b' } } }
    await get(train(step, initial(), streamOf([1].map(batchOf)), { from, hooks: [spy('a', calls), spy('b', calls)] }))
    expect(calls.slice(0, 2)).toEqual(['a start 1 null', 'b start 1 {"of":"b"}'])
  })
})

describe('what goes wrong', () => {
  test('an error of the data comes after the steps before it', async () => {
    const data = streamOf([1, 2, 3].map(batchOf), new Map([[2, 'row 2 is not a row']]))
    const results = []
    for await (const result of trainSteps(step, initial(), data)) results.push(result)
    expect(results.map((r) => (r._tag === 'Right' ? r.right.step : r.left.message))).toEqual([
      1,
      2,
      'row 2 is not a row',
    ])
  })

  /** The logarithm of a number below 0 in the second step. */
  const logStep: Step<NDArray, NDArray> = (w, x) => {
    const y = np.log(x.mul(w))
    return [w.add(y.mul(0)), { loss: y.sum() }]
  }
  const bad = () => streamOf([1, -1, 2].map((x) => np.array(x, { dtype: 'float32' })))
  const one = () => np.array(1, { dtype: 'float32' })

  test('a loss that is not a number stops the run, and says at which step', async () => {
    const error = leftOf(await train(logStep, one(), bad())())
    expect(error).toMatchObject({ _tag: 'DivergenceError', step: 2 })
    expect(error.message).toContain('loss is NaN')
    expect(error.message).toContain("'locate'")
  })

  test('located, it names the operation and the line', async () => {
    const error = leftOf(await train(logStep, one(), bad(), { onNonFinite: 'locate' })())
    expect(error.message).toMatch(/step 2: loss is NaN.*log/s)
    expect(error.message).toContain('train.test.ts')
    expect(() => np.log(np.array(-1))).not.toThrow()
  })

  test('debug.nans makes a DivergenceError too', async () => {
    debug.nans(true)
    try {
      const error = leftOf(await train(logStep, one(), bad())())
      expect(error).toMatchObject({ _tag: 'DivergenceError', step: 2 })
      expect(error.message).toContain('log')
    } finally {
      debug.nans(false)
    }
  })

  test('skipped, the state of before stays, and steps are counted', async () => {
    const skipped: number[] = []
    const hooks = [onStep((event) => void skipped.push(event.skipped))]
    const { state, step: count } = await get(train(logStep, one(), bad(), { onNonFinite: 'skip', hooks }))
    expect([state.item(), count, skipped]).toEqual([1, 3, [0, 1, 1]])
    expect((await get(train(logStep, one(), bad(), { onNonFinite: 'ignore' }))).state.item()).toBeNaN()
  })
})

test('what is frozen reaches every step as an argument, and is not a constant of the program', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const base = np.ones([600, 600])
  const over: Step<NDArray, NDArray, NDArray> = (state, batch, frozen) => {
    const next = state.add(batch.sum().mul(frozen.at(0, 0).get()))
    return [next, { loss: next }]
  }
  for (const chosen of [{}, { jit: false }, { onNonFinite: 'locate' as const }]) {
    const ended = await get(train(over, np.array(0), streamOf([1, 2].map(batchOf)), { ...chosen, frozen: base }))
    expect(ended.state.item()).toBe(-3)
  }
  expect(warn).not.toHaveBeenCalled()
  warn.mockRestore()
})

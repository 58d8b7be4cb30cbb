import type { NDArray } from 'pullback'
import {
  ArgumentError,
  checkpoint,
  evalShape,
  makeProgram,
  np,
  nn,
  optim,
  random,
  ShapeDtypeStruct,
  tree,
} from 'pullback'
import { quantize } from 'pullback/models'
import { bottleneck, describe as inWords, full, matmulRate, plan } from 'pullback/train'
import { countFlops } from '../../../src/train/plan/flops.ts'
import { describe, expect, test } from 'vitest'
import { begun, bert, inputIds } from '../support/tiny.ts'

const params = begun(bert)
const lossOf = (p: Parameters<typeof bert.apply>[0], batch: NDArray): NDArray =>
  np.mean(np.square(bert.apply(p, { inputIds: batch }).logits))
const common = { params, batch: inputIds, optimizer: optim.adamw(1e-3), loss: lossOf }
const size = (x: unknown): number => tree.size(x)

describe('what is counted', () => {
  test('leaves: trained, frozen, decayed', () => {
    const { trained, frozen, decayed, leaves } = plan({
      ...common,
      selection: ['classifier.**', '**.layer.2.**'],
      compile: false,
    })
    expect(trained + frozen).toBe(size(params))
    expect(trained).toBe(size(params.classifier) + size(params.bert.encoder.layer[2]))
    const names = leaves.filter((leaf) => leaf.decayed).map(({ name }) => name)
    expect(names).toContain('classifier.weight')
    expect(names).not.toContain('classifier.bias')
    expect(names.every((name) => !name.includes('LayerNorm'))).toBe(true)
    expect(decayed).toBe(leaves.reduce((n, leaf) => n + (leaf.decayed ? leaf.count : 0), 0))
  })

  test('memory: weights, gradients, and what the optimizer keeps', () => {
    const { memory } = plan({ ...common, selection: 'classifier.**', compile: false })
    const head = size(params.classifier)
    expect(memory.weights).toBe(4 * size(params))
    expect(memory.gradients).toBe(4 * head)
    // Two moments, and counts of a few bytes.
    expect(memory.slots - 8 * head).toBeGreaterThanOrEqual(0)
    expect(memory.slots - 8 * head).toBeLessThanOrEqual(16)
    expect(
      plan({ ...common, selection: 'classifier.**', optimizer: optim.sgd(1), compile: false }).memory.slots,
    ).toBeLessThanOrEqual(16)
  })

  test('activations: of a frozen body nothing is kept, of a checkpointed one little', () => {
    const layers = Array.from({ length: 4 }, () => ({ w: np.ones([16, 16]) }))
    const make = (wrap: (f: (w: NDArray, x: NDArray) => NDArray) => (w: NDArray, x: NDArray) => NDArray) => {
      const block = wrap((w, x) => np.tanh(np.tanh(np.matmul(x, w))))
      return (selection: string) =>
        plan({
          params: layers,
          selection,
          batch: np.ones([32, 16]),
          optimizer: optim.sgd(1),
          loss: (p, x) => np.sum(p.reduce((y, { w }) => block(w, y), x)),
          compile: false,
        }).memory.activations
    }
    const plain = make((f) => f)
    const careful = make((f) => checkpoint(f))
    expect(plain('3.w')).toBeLessThan(plain('**') / 2)
    expect(plain('**')).toBeGreaterThanOrEqual(4 * 2 * 4 * 32 * 16 - 4 * 32 * 16)
    expect(careful('**')).toBeLessThan(plain('**') / 1.9)
  })

  test('work: the products of a step, as they are by hand', () => {
    const [batch, inputs, hidden] = [8, 5, 7]
    const given = { first: np.ones([inputs, hidden]), second: np.ones([hidden, 1]) }
    const make = (selection: string) =>
      plan({
        params: given,
        selection,
        batch: np.ones([batch, inputs]),
        optimizer: optim.sgd(1),
        loss: ({ first, second }, x) => np.sum(np.square(np.matmul(np.tanh(np.matmul(x, first)), second))),
        compile: false,
      })
    const [wide, thin] = [2 * batch * inputs * hidden, 2 * batch * hidden]
    expect(make('second').forward.products).toBe(wide + thin)
    // A frozen layer costs what it costs forward, and not a product more.
    expect(make('second').step.products).toBe(wide + 2 * thin)
    expect(make('**').step.products).toBe(2 * wide + 3 * thin)
  })

  test('loops by their length, branches by the costlier', () => {
    const w = np.ones([4, 4])
    const once = countFlops(makeProgram((x: NDArray) => np.matmul(x, w))(w)).products
    const looped = makeProgram((x: NDArray) => nn.softmax(np.matmul(x, w)))(w)
    expect(countFlops(looped).products).toBe(once)
    expect(countFlops(looped).others).toBeGreaterThan(0)
  })

  test('the peak is more than weights, gradients and slots: it has them all', () => {
    const { memory } = plan({ ...common, selection: '**' })
    expect(memory.peak!).toBeGreaterThan(memory.weights + memory.gradients + memory.slots)
  })
})

describe('what it is made of', () => {
  test('types do as well as arrays', () => {
    const shapes = evalShape((k: NDArray) => bert.init(k), random.key(0))
    const batch = new ShapeDtypeStruct([2, 4], 'int32')
    const given = { ...common, selection: 'classifier.**', compile: false }
    expect(plan({ ...given, params: shapes, batch })).toEqual(plan(given))
  })

  test('an adapter of a method: its arrays are trained, the model is frozen', () => {
    const adapter = bottleneck.init(random.key(0), params, { size: 2 })
    const planned = plan({ ...common, method: bottleneck, adapter, compile: false })
    expect(planned.trained).toBe(size(adapter))
    expect(planned.frozen).toBe(size(params) - size(params.classifier))
    expect(planned.memory.gradients).toBe(4 * size(adapter))
    expect(planned.memory.weights).toBe(4 * (size(adapter) + size(params)))
    const whole = plan({ ...common, method: full, adapter: full.init(random.key(0), params), compile: false })
    expect(planned.step.products).toBeLessThan(whole.step.products)
    expect(whole.frozen).toBe(0)
  })

  test('quantised weights, which take what their blocks take', () => {
    const base = { dense: { weight: np.ones([4, 32]) }, head: { weight: np.ones([2, 4]) } }
    const small = quantize(base as never, { kind: 'q8_0' }) as unknown as typeof base
    const planned = plan({
      params: small,
      selection: 'head.**',
      batch: np.ones([3, 32]),
      optimizer: optim.sgd(1),
      loss: ({ dense, head }, x) => {
        const inner = np.einsum('bi,oi->bo', x, dense.weight)
        return np.sum(np.einsum('bi,oi->bo', inner, head.weight))
      },
      compile: false,
    })
    const dense = planned.leaves.find(({ name }) => name === 'dense.weight')!
    expect(dense).toMatchObject({ dtype: 'q8_0', count: 128, bytes: 4 * 34, trained: false })
    expect(planned.forward.products).toBe(2 * 3 * 4 * 32 + 2 * 3 * 2 * 4)
  })

  test('either a selection or an adapter', () => {
    expect(() => plan(common as never)).toThrow(ArgumentError)
    const adapter = full.init(random.key(0), params)
    expect(() => plan({ ...common, selection: '**', method: full, adapter } as never)).toThrow(/say what is trained/)
    expect(() => plan({ ...common, selection: 'clasifier.**' })).toThrow(/did you mean classifier/)
  })
})

describe('in words', () => {
  test('layers that are alike are one line, and each figure is in it', () => {
    const planned = plan({
      ...common,
      selection: ['**.layer.*.attention.**', 'classifier.**'],
      flopsPerSecond: 1e9,
      compile: false,
    })
    const text = inWords(planned)
    expect(text).toContain(
      `${planned.trained.toLocaleString('en-US')} of ${size(params).toLocaleString('en-US')} parameters are trained`,
    )
    expect(text).toMatch(
      /bert\.encoder\.layer\.\*\.attention\.self\.query +3 +weight float32\[8,8\] +192 +trained, decayed/,
    )
    expect(text).toMatch(/bert\.encoder\.layer\.\*\.attention\.self\.query +3 +bias float32\[8\] +24 +trained\n/)
    expect(text).toMatch(/bert\.encoder\.layer\.\*\.output\.dense +3 .*frozen/)
    expect(text).toMatch(/an estimate at 1\.0 Gflop a second/)
    expect(text.split('\n').some((line) => /\.\d+\./.test(line.split('  ')[0]!))).toBe(false)
  })

  test('a rate is measured, for the estimate', () => {
    expect(matmulRate({ size: 64, repeats: 2 })).toBeGreaterThan(1e6)
  })
})

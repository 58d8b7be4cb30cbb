import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { FrozenError, grad, jit, NDArray, np, QuantizedArray, random, tree } from 'pullback'
import type { TensorFile, TensorInfo } from 'pullback/io'
import { openGguf, openTensors, readQuantized } from 'pullback/io'
import type { WeightsOf } from 'pullback/models'
import {
  emptyCache,
  llamaConfig,
  llamaForCausalLM,
  loadModel,
  loadParams,
  nextTokenLoss,
  quantize,
  saveModel,
} from 'pullback/models'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ConcreteBody } from '../../src/trace/body.ts'

const get = async <E extends { readonly message: string }, A>(task: TaskEither<E, A>): Promise<A> => right(await task())
const right = <E extends { readonly message: string }, A>(e: Either<E, A>): A => {
  if (e._tag === 'Left') throw new Error(e.left.message)
  return e.right
}

const json = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 50,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  tie_word_embeddings: true,
}
const config = right(llamaConfig(json))
const model = llamaForCausalLM(config)
const params = tree.map((x) => np.multiply(x, x.ndim === 2 ? 8 : 1), model.init(random.key(0)))
const small = quantize(params, { kind: 'q8_0' })

/** The quantised parameters in full. */
const expanded = model.init(random.key(0))
const isQuantized = (x: unknown): x is QuantizedArray => x instanceof QuantizedArray
const dequantized = tree.unflatten(
  tree.structure(expanded),
  tree.leaves(small, isQuantized).map((x) => (isQuantized(x) ? x.dequantize() : (x as NDArray))),
)

const ids = np.array([[3, 14, 15, 9, 26, 5]], { dtype: 'int32' })
const near = (a: NDArray, b: NDArray): boolean => np.allclose(a, b, { rtol: 1e-4, atol: 1e-4 }).bool()

test('a model takes quantised weights for its own', () => {
  const run = (p: WeightsOf<typeof model.specs>): NDArray => model.apply(p, { inputIds: ids }).logits
  expect(near(run(small), run(dequantized))).toBe(true)
  expect(near(jit(run)(small), run(dequantized))).toBe(true)
  expect(near(run(small), run(params))).toBe(false)
})

test('token by token, with a cache', () => {
  let cache = emptyCache(config, 1, 8)
  const step = jit((p: typeof small, c: typeof cache, id: NDArray) => {
    const { logits, cache: next } = model.apply(p, { inputIds: id }, { cache: c })
    return { logits, cache: next! }
  })
  const whole = model.apply(small, { inputIds: ids }).logits
  for (let t = 0; t < 6; t++) {
    const out = step(small, cache, ids.at(':', [t]).get())
    cache = out.cache
    expect(near(out.logits.at(0, 0).get(), whole.at(0, t).get())).toBe(true)
  }
})

test('what is not quantised is trained through what is', () => {
  const loss = (p: WeightsOf<typeof model.specs>): NDArray =>
    nextTokenLoss(model.apply(p, { inputIds: ids }).logits, ids)
  expect(() => grad(loss)(small)).toThrow(FrozenError)
  const [trained, frozen] = tree.partition(small, (x) => x instanceof NDArray && x.dtype === 'float32')
  const gradient = jit(grad((p: typeof trained) => loss(tree.combine(p, frozen))))(trained)
  const wanted = grad(loss)(dequantized) as unknown as typeof params
  const norms = gradient as unknown as typeof params
  expect(near(norms.model.norm.weight, wanted.model.norm.weight)).toBe(true)
  expect(near(norms.model.layers[0]!.input_layernorm.weight, wanted.model.layers[0]!.input_layernorm.weight)).toBe(true)
})

test('saving asks for them in full', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'pullback-')), 'model')
  expect(() => saveModel(folder, { config: json, params: small })).toThrow('Expand it with dequantize()')
  await get(saveModel(folder, { config: json, params: dequantized }))
  const { params: read } = await get(loadModel(folder))
  expect(tree.equal(read, dequantized)).toBe(true)
})

/** A file of blocks, as GGUF has them. */
const fileOf = (weights: typeof small): TensorFile => {
  const leaves = tree.flattenWithPath(weights, isQuantized)[0]
  const byName = new Map(leaves.map(([path, x]) => [path.join('.'), x as NDArray | QuantizedArray]))
  const info = (name: string, x: NDArray | QuantizedArray): TensorInfo => ({
    name,
    dtype: isQuantized(x) ? x.kind.toUpperCase() : 'F32',
    shape: x.shape,
    offset: 0,
    bytes: isQuantized(x) ? x.nbytes : 4 * x.size,
  })
  return {
    format: 'gguf',
    source: 'blocks',
    tensors: new Map([...byName].map(([name, x]) => [name, info(name, x)])),
    metadata: new Map(),
    read: (name) => () => {
      const x = byName.get(name)!
      return Promise.resolve({ _tag: 'Right', right: isQuantized(x) ? x.dequantize() : x })
    },
    readBytes: (name) => () =>
      Promise.resolve({ _tag: 'Right', right: (byName.get(name) as QuantizedArray).payload.dataSync() as Uint8Array }),
  }
}

test('loading keeps blocks, and moves rows of them', async () => {
  const file = fileOf(small)
  const kept = await get(loadParams(model, file, { dtype: 'quantized' }))
  expect(tree.equal(kept, small)).toBe(true)
  expect(tree.equal(await get(loadParams(model, file)), dequantized)).toBe(true)
  const transform = (name: string, x: NDArray): NDArray => (name.includes('q_proj') ? np.flip(x, { axis: 0 }) : x)
  const turned = await get(loadParams(model, file, { dtype: 'quantized', transform }))
  const query = turned.model.layers[1]!.self_attn.q_proj.weight as QuantizedArray
  const wanted = dequantized.model.layers[1]!.self_attn.q_proj.weight
  expect(tree.equal(query.dequantize(), np.flip(wanted, { axis: 0 }))).toBe(true)
})

test('tensors of a GGUF file in their blocks, compiled and read back', async () => {
  const path = new URL('../io/data/all.gguf', import.meta.url).pathname
  const file = await get(openGguf(path))
  const seen: string[] = []
  for (const [name, { dtype }] of file.tensors) {
    const x = await get(readQuantized(file, name))
    const wanted = await get(file.read(name))
    if (isQuantized(x)) {
      seen.push(dtype)
      const bytes = Uint8Array.from(x.payload.dataSync() as Uint8Array)
      expect(x.shape).toEqual(wanted.shape)
      expect(tree.equal(jit((w: QuantizedArray) => w.dequantize())(x), wanted)).toBe(true)
      // A device may have taken the bytes for its own: they are there all the same.
      expect(x.payload.dataSync()).toEqual(bytes)
    } else expect(tree.equal(x, wanted)).toBe(true)
  }
  expect(seen.toSorted()).toEqual(['Q4_0', 'Q4_1', 'Q4_K', 'Q5_0', 'Q5_1', 'Q5_K', 'Q6_K', 'Q8_0'])
})

test('what is missing, or no file of blocks, is as without', async () => {
  const file = await get(openGguf(new URL('../io/data/all.gguf', import.meta.url).pathname))
  expect(await readQuantized(file, 'nothing')()).toMatchObject({ _tag: 'Left', left: { _tag: 'Missing' } })
  const other = await get(openTensors(new URL('../io/data/all.safetensors', import.meta.url).pathname))
  expect(await get(readQuantized(other, 'f32'))).toBeInstanceOf(NDArray)
})

test('of weights that were loaded, ordinary memory keeps none: blocks and floats are where programs run', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'held-'))
  await get(saveModel(directory, { params, config: json }))
  const loaded = await get(loadModel(directory))
  const kept = await get(loadParams(model, fileOf(small), { dtype: 'quantized' }))
  const isResident = (x: NDArray): boolean => (x.body as ConcreteBody).isResident
  for (const params of [loaded.params, kept]) {
    const leaves = tree.leaves(params) as readonly NDArray[]
    const large = leaves.filter((x) => x.size > 4096)
    expect(large.length).toBeGreaterThan(5)
    expect(large.every(isResident)).toBe(true)
  }
})

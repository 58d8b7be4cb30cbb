/** The command line: what it prints, writes and returns. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { np } from 'pullback'
import type { NDArray } from 'pullback'
import { encodeSafetensors, openGguf, writeSafetensors } from 'pullback/io'
import { collect, generate, loadModel } from 'pullback/models'
import { arraysOf, get } from '../io/support/recorded.ts'
import { pullback } from './support/commandLine.ts'

const data = resolve(import.meta.dirname, '../models/data')

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pullback-cli-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

const json = async (...args: readonly string[]): Promise<unknown> => {
  const { code, out, err } = await pullback(...args, '--json')
  expect(err).toBe('')
  expect(code).toBe(0)
  return JSON.parse(out) as unknown
}

const write = (name: string, tensors: Parameters<typeof encodeSafetensors>[0]): string => {
  const path = join(directory, name)
  writeFileSync(path, encodeSafetensors(tensors))
  return path
}

describe('the command line itself', () => {
  test.each([
    [[], 'which command?'],
    [['dance'], "there is no command 'dance'; there are inspect, diff, convert"],
    [['inspect'], 'inspect needs PATH'],
    [['inspect', 'a', 'b'], "'b' is too much"],
    [['inspect', '--colour', 'a'], "Unknown option '--colour'"],
    [['convert', 'a', 'b', '--dtype', 'int4'], '--dtype must be one of float32, float16'],
    [['convert', 'a', 'b', '--dtype'], "Option '--dtype <value>' argument missing"],
    [['convert', 'a', 'b.npz', '--quantize', 'q8_0'], 'OUT must end with .gguf'],
    [['convert', 'a', 'b.gguf', '--quantize', 'q8_0', '--dtype', 'float16'], 'exclude each other'],
    [['forward', '--inputs', 'a', '--out', 'b.safetensors'], '--model is missing'],
    [['forward', '--model', 'm', '--inputs', 'a', '--out', 'b.txt'], '--out must end with .safetensors'],
  ] as const)('wrong use is exit code 2 and one line: %j', async (args, message) => {
    const { code, out, err } = await pullback(...args)
    expect({ code, out, lines: err.trimEnd().split('\n').length }).toEqual({ code: 2, out: '', lines: 1 })
    expect(err).toMatch(/^pullback: /)
    expect(err).toContain(message)
  })

  test.each([[['--help']], [['inspect', '--help']], [['forward', '--help']]])('help: %j', async (args) => {
    const { code, out, err } = await pullback(...args)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^pullback /)
  })

  test('what fails is exit code 1 and one line', async () => {
    const broken = join(directory, 'broken.safetensors')
    writeFileSync(broken, 'nothing of the kind')
    for (const path of [join(directory, 'absent'), broken, directory]) {
      const { code, out, err } = await pullback('inspect', path)
      expect({ code, out, lines: err.trimEnd().split('\n').length }).toEqual({ code: 1, out: '', lines: 1 })
    }
  })

  test('as a program: streams, exit codes, a reader that stops', () => {
    const main = resolve(import.meta.dirname, '../../src/cli/main.ts')
    const args = ['--import', 'tsx', '--conditions=source', main]
    const path = write('x.safetensors', { w: np.ones([2, 3]) })
    expect(execFileSync('node', [...args, 'inspect', path], { encoding: 'utf8' })).toContain('w     F32    [2, 3]')
    const failed = spawnSync('node', [...args, 'inspect', 'absent'], { encoding: 'utf8' })
    expect(failed).toMatchObject({ status: 1, stdout: '' })
    expect(failed.stderr).toMatch(/^pullback: absent: .*\n$/)
    const stopped = spawnSync('sh', ['-c', `node ${args.join(' ')} inspect '${join(data, 'bert')}' | head -n 1`])
    expect(String(stopped.stderr)).toBe('')
  })
})

describe('inspect', () => {
  test('a folder', async () => {
    const report = await json('inspect', join(data, 'bert'))
    expect(report).toMatchObject({ format: 'safetensors', architecture: 'BertModel', tensors: 39 })
    const { parameters, table } = report as { parameters: number; table: { parameters: number }[] }
    expect(table.reduce((sum, t) => sum + t.parameters, 0)).toBe(parameters)
  })

  test('a file, and names that would write to the terminal', async () => {
    const path = write('x.safetensors', { '\u001b[2Jw': np.zeros([2], { dtype: 'int8' }), b: np.zeros([]) })
    expect(await json('inspect', path)).toMatchObject({
      architecture: null,
      parameters: 3,
      bytes: 6,
      dtypes: { F32: { tensors: 1, parameters: 1, bytes: 4 }, I8: { tensors: 1, parameters: 2, bytes: 2 } },
    })
    const { out } = await pullback('inspect', path)
    expect(out).toContain('\\u{1b}[2Jw')
    expect(out).not.toContain('\u001b')
  })
})

test('diff tells names, shapes and the largest differences', async () => {
  const a = write('a.safetensors', {
    same: np.array([1, NaN]),
    changed: np.array([1, -4, 3]),
    reshaped: np.zeros([2]),
    gone: np.zeros([1]),
  })
  const b = write('b.safetensors', {
    same: np.array([1, NaN]),
    changed: np.array([1, -4.5, 3]),
    reshaped: np.zeros([2, 1]),
    come: np.zeros([1]),
  })
  expect(await json('diff', a, b)).toEqual({
    onlyInA: ['gone'],
    onlyInB: ['come'],
    shapes: [{ name: 'reshaped', a: [2], b: [2, 1] }],
    differences: [{ name: 'changed', shape: [3], dtypes: ['F32', 'F32'], largest: 0.5, relative: 0.125, elements: 1 }],
    equal: 1,
  })
  expect((await pullback('diff', a, b)).out).toContain('changed  [3]    F32')
  expect((await pullback('diff', a, a)).out).toBe('no difference; 4 are the same\n')
  const infinite = write('c.safetensors', { w: np.array([NaN]) })
  const finite = write('d.safetensors', { w: np.array([0]) })
  expect(await json('diff', infinite, finite)).toMatchObject({ differences: [{ largest: 'Infinity' }] })
})

describe('convert', () => {
  const weights = { w: np.reshape(np.arange(64, { dtype: 'float32' }), [2, 32]), n: np.array([7n], { dtype: 'int64' }) }

  test.each(['.safetensors', '.npz', '.gguf'])('to %s and back', async (ending) => {
    const from = write('a.safetensors', weights)
    const to = join(directory, `b${ending}`)
    const back = join(directory, 'c.safetensors')
    expect(await json('convert', from, to)).toMatchObject({ tensors: 2, bytes: 264 })
    expect((await pullback('convert', to, back)).code).toBe(0)
    expect((await pullback('diff', from, back)).out).toBe('no difference; 2 are the same\n')
  })

  test('another dtype is of floats only', async () => {
    const to = join(directory, 'b.safetensors')
    expect((await pullback('convert', write('a.safetensors', weights), to, '--dtype', 'bfloat16')).code).toBe(0)
    const { w, n } = (await arraysOf(to)) as { readonly w: NDArray; readonly n: NDArray }
    expect([w.dtype, n.dtype]).toEqual(['bfloat16', 'int64'])
  })

  test('into blocks', async () => {
    const to = join(directory, 'b.gguf')
    expect((await pullback('convert', write('a.safetensors', weights), to, '--quantize', 'q8_0')).code).toBe(0)
    const file = await get(openGguf(to))
    expect([...file.tensors.values()].map(({ dtype }) => dtype)).toEqual(['I64', 'Q8_0'])
    const w = await get(file.read('w'))
    expect(np.allclose(w, weights.w, { atol: 0.25 }).bool()).toBe(true)
  })

  test('the folder of a model keeps its texts', async () => {
    const to = join(directory, 'model')
    expect(await json('convert', join(data, 'llama'), to, '--dtype', 'float16')).toMatchObject({
      architecture: 'LlamaForCausalLM',
    })
    const config = JSON.parse(readFileSync(join(to, 'config.json'), 'utf8')) as unknown
    expect(config).toMatchObject({ dtype: 'float16', model_type: 'llama' })
    expect((await loadModel(to)())._tag).toBe('Right')
  })

  test('a file does not become a folder', async () => {
    const { code, err } = await pullback('convert', write('a.safetensors', weights), join(directory, 'folder'))
    expect(code).toBe(2)
    expect(err).toContain('only the folder of a model becomes a folder')
    expect(existsSync(join(directory, 'folder'))).toBe(false)
  })
})

describe('forward', () => {
  /** A recorded case as a file of inputs, and what came of it in `transformers`. */
  const recorded = async (family: string, name: string) => {
    const all = await arraysOf(join(data, family, `${name}.safetensors`))
    const part = (prefix: string) =>
      Object.fromEntries(
        Object.entries(all).flatMap(([key, x]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), x]] : [])),
      )
    const inputs = join(directory, 'in.safetensors')
    await get(writeSafetensors(inputs, part('input.')))
    return { inputs, outputs: part('output.'), gradients: part('grad.') }
  }

  test.each([
    ['bert-sequence', 'right'],
    ['llama-tied', 'none'],
  ])('%s: outputs and gradients under the names of transformers', async (family, name) => {
    const { inputs, outputs, gradients } = await recorded(family, name)
    const out = join(directory, 'out.safetensors')
    const report = await json('forward', '--model', join(data, family), '--inputs', inputs, '--out', out, '--grads')
    expect(report).toMatchObject({ out, gradients: Object.keys(gradients).length })
    const found = await arraysOf(out)
    for (const key of ['logits', 'loss', 'hidden_states.0']) {
      expect(np.allclose(found[key]!, outputs[key]!, { atol: 2e-5, rtol: 1e-5 }).bool(), key).toBe(true)
    }
    for (const [key, g] of Object.entries(gradients)) {
      expect(np.allclose(found[`grad.${key}`]!, g, { atol: 1e-4, rtol: 1e-3 }).bool(), key).toBe(true)
    }
  })

  test('what cannot be: no labels, a name of another model, no head', async () => {
    const { inputs } = await recorded('bert', 'none')
    const out = join(directory, 'out.safetensors')
    const args = ['forward', '--model', join(data, 'bert'), '--inputs', inputs, '--out', out] as const
    expect((await pullback(...args, '--grads')).err).toContain('BertModel has no loss; choose another head')
    expect((await pullback(...args, '--architecture', 'BertForTokenClassification')).err).toContain('missing (2)')
    const wrong = write('wrong.safetensors', { pixel_values: np.zeros([1]) })
    expect((await pullback('forward', '--model', join(data, 'bert'), '--inputs', wrong, '--out', out)).err).toContain(
      "BertModel: there is no input 'pixel_values'. Known: input_ids",
    )
    expect(existsSync(out)).toBe(false)
    expect((await pullback(...args)).code).toBe(0)
    expect((await arraysOf(out))['pooled']!.shape).toEqual([3, 16])
  })
})

describe('export', () => {
  const inputs = { input_ids: np.zeros([2, 5], { dtype: 'int32' }), labels: np.zeros([2], { dtype: 'int32' }) }

  test('a module of all parameters and inputs, and a file that names them', async () => {
    const out = join(directory, 'model.mlir')
    const given = write('given.safetensors', inputs)
    const report = await json(
      'export',
      '--model',
      join(data, 'bert-sequence'),
      '--inputs',
      given,
      '--out',
      out,
      '--grads',
    )
    const text = readFileSync(out, 'utf8')
    const signature = JSON.parse(readFileSync(`${out}.json`, 'utf8')) as {
      readonly sha256: string
      readonly inputs: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[]
      readonly outputs: readonly { readonly name: string }[]
    }
    expect(report).toMatchObject({ out, sha256: signature.sha256, inputs: signature.inputs.length })
    expect(createHash('sha256').update(text).digest('hex')).toBe(signature.sha256)
    const names = Object.keys(await arraysOf(join(data, 'bert-sequence', 'model.safetensors')))
    expect(signature.inputs.map(({ name }) => name).sort()).toEqual([...names, 'input_ids', 'labels'].sort())
    expect(signature.inputs.find(({ name }) => name === 'input_ids')).toEqual({
      name: 'input_ids',
      dtype: 'int32',
      shape: [2, 5],
    })
    // The loss, and a gradient for each parameter.
    expect(signature.outputs).toHaveLength(1 + names.length)
    expect(text).toContain('func.func public @main(')
  })

  test('a model of ONNX, with all parameters inside', async () => {
    const out = join(directory, 'model.onnx')
    const given = write('given.safetensors', { input_ids: inputs.input_ids })
    const report = await json('export', '--model', join(data, 'bert-sequence'), '--inputs', given, '--out', out)
    expect(report).toMatchObject({ out, inputs: 1 })
    const inside = await arraysOf(out)
    for (const [name, x] of Object.entries(await arraysOf(join(data, 'bert-sequence', 'model.safetensors')))) {
      expect(np.arrayEqual(inside[name]!, x).bool(), name).toBe(true)
    }
  })

  test('what cannot be: another ending, gradients without labels', async () => {
    const given = write('given.safetensors', { input_ids: inputs.input_ids })
    const args = ['export', '--model', join(data, 'bert-sequence'), '--inputs', given] as const
    expect((await pullback(...args, '--out', 'model.txt')).err).toContain('--out must end with .mlir or .onnx')
    const out = join(directory, 'none.mlir')
    expect((await pullback(...args, '--out', out, '--grads')).err).toContain('has no loss without labels')
    expect(existsSync(out)).toBe(false)
  })
})

describe('texts', () => {
  /** A folder with a tiny model, and a tokenizer of one word for each of its tokens. */
  const withWords = (family: string): string => {
    const folder = join(directory, family)
    cpSync(join(data, family), folder, { recursive: true })
    const vocab = Object.fromEntries(Array.from({ length: 61 }, (_, i) => [i === 3 ? '[UNK]' : `w${i}`, i]))
    const tokenizer = {
      version: '1.0',
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: { type: 'WhitespaceSplit' },
      post_processor: null,
      decoder: null,
      model: { type: 'WordLevel', vocab, unk_token: '[UNK]' },
    }
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
    return folder
  }

  test('generate goes on from a prompt as the library does, the same again for a seed', async () => {
    const folder = withWords('llama')
    const { model, params } = await get(loadModel(folder))
    const options = { maxNewTokens: 6 }
    const [expected] = await collect(generate(model.decoder!, params as never, [[5, 6, 7]], options))
    const args = ['generate', '--model', folder, '--prompt', 'w5 w6 w7', '--max-new-tokens', '6'] as const
    const found = await json(...args)
    expect(found).toMatchObject({ prompt: [5, 6, 7], tokens: expected!.tokens, finish: 'length' })
    const { text } = found as { readonly text: string }
    expect((await pullback(...args)).out).toBe(`${text}\n`)
    const sampled = [...args, '--temperature', '2', '--top-k', '20', '--seed']
    expect(await json(...sampled, '7')).toEqual(await json(...sampled, '7'))
    expect(await json(...sampled, '7')).not.toEqual(await json(...sampled, '8'))
  })

  test('embed gives a vector of length 1 for each text, whatever stands beside it', async () => {
    const folder = withWords('bert')
    const report = await json('embed', '--model', folder, 'w5 w6 w7', 'w8')
    const { embeddings, dimensions } = report as { readonly embeddings: number[][]; readonly dimensions: number }
    expect(dimensions).toBe(16)
    for (const vector of embeddings) expect(Math.hypot(...vector)).toBeCloseTo(1, 5)
    const { out } = await pullback('embed', '--model', folder, 'w8')
    const alone = JSON.parse(out) as number[]
    alone.forEach((x, i) => {
      expect(x).toBeCloseTo(embeddings[1]![i]!, 5)
    })
  })

  test.each([
    [['generate', '--model', 'bert', '--prompt', 'w5'], 1, 'BertModel does not write text'],
    [['generate', '--model', 'llama', '--prompt', 'w5', '--chat'], 1, 'chat_template'],
    [['generate', '--model', 'llama', '--prompt', ''], 1, 'is empty'],
    [['generate', '--model', 'llama', '--prompt', 'w5', '--top-k', '3'], 2, 'need a --temperature'],
    [['generate', '--model', 'llama', '--prompt', 'w5', '--max-new-tokens', 'many'], 2, "not 'many'"],
    [['generate', '--model', 'llama', '--prompt', 'w5', '--system', 'x'], 2, '--system is for --chat'],
    [['embed', '--model', 'bert'], 2, 'embed needs --model DIR "text" ...'],
    [['embed', '--model', 'bert', '--pooling', 'max', 'w5'], 2, 'mean, first, pooler'],
  ] as const)('%j is refused', async (args, code, message) => {
    const family = args[2]
    const folder = withWords(family)
    const result = await pullback(...args.map((word) => (word === family ? folder : word)))
    expect(result).toMatchObject({ code, out: '' })
    expect(result.err).toContain(message)
  })
})

describe('devices', () => {
  test('lists those of the library, and says what is in the way of a plugin', async () => {
    const path = join(directory, 'plugin.so')
    writeFileSync(path, 'no library')
    const rows = await json('devices', '--plugin', path)
    expect(rows).toMatchObject([
      { name: 'wasm', is: 'ready' },
      { name: 'interpreter', is: 'ready' },
      { name: 'xla', is: 'unusable' },
    ])
    const { code, out } = await pullback('devices', '--plugin', path)
    expect(code).toBe(0)
    expect(out).toContain(path)
  })
})

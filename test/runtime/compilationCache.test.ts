/** Compiled programs that outlive the device that compiled them. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NDArray } from 'pullback'
import { grad, jit, lax, np, pureCallback, setCompilationCacheDir, ShapeDtypeStruct, withDevice } from 'pullback'
import { assertAllClose } from 'pullback/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compile } from '../../src/backends/wasm/compile.ts'
import { WasmDevice } from '../../src/backends/wasm/device.ts'
import { FileStore, toolsOfNode } from '../../src/runtime/compilationCache.ts'

let directory = ''
let compiled = 0

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pullback-programs-'))
  compiled = 0
})

afterEach(() => {
  rmSync(directory, { recursive: true })
})

/** Runs `f` on a device as a new process would have it: with the files alone. */
const onNewDevice = <T>(f: () => T, threads = 1): { readonly result: T; readonly store: FileStore } => {
  const counting: typeof compile = (program, features) => {
    compiled++
    return compile(program, features)
  }
  const device = new WasmDevice(counting, { threads })
  const store = new FileStore(directory, toolsOfNode()!)
  device.store = store
  try {
    return { result: withDevice(device, f), store }
  } finally {
    device.dispose()
  }
}

const x = np.arange(3000).astype('float32').div(1000)
const table = np.arange(2000).astype('float32')

/** Control flow, routines, constants, views of inputs, an input as a result. */
const f = (a: NDArray): readonly NDArray[] => {
  const [last] = lax.scan(
    (c: NDArray, y: NDArray) => [np.tanh(c.mul(y)), null],
    a.reshape([60, 50]),
    a.reshape([3, 1000]).sum({ axis: 1 }),
  )
  return [
    np.matmul(last, last.T),
    np.sort(a),
    a,
    a.reshape([30, 100]).T,
    table
      .at([[3, 1999]])
      .get()
      .mul(a.sum()),
  ]
}

describe('a compilation cache', () => {
  it('gives what was compiled before', () => {
    const results = (): NDArray[] => [...jit(f)(x), jit(grad((a: NDArray) => f(a)[0]!.sum()))(x)].map((y) => y.mul(1))
    const first = onNewDevice(results)
    expect(compiled).toBeGreaterThan(0)
    expect([first.store.hits, first.store.misses]).toEqual([0, compiled])
    const before = compiled
    const second = onNewDevice(results)
    expect(compiled).toBe(before)
    expect([second.store.hits, second.store.misses]).toEqual([before, 0])
    second.result.forEach((y, i) => {
      expect(y.dataSync()).toEqual(first.result[i]!.dataSync())
    })
    assertAllClose('on the interpreter', second.result, withDevice('interpreter', results), { rtol: 1e-4, atol: 1e-4 })
  })

  it('takes other programs, dtypes and engines for what they are', () => {
    const g = jit((a: NDArray) => a.mul(2))
    onNewDevice(() => g(x))
    onNewDevice(() => g(x.astype('int32')))
    onNewDevice(() => jit((a: NDArray) => a.mul(3))(x))
    onNewDevice(() => g(x), 2)
    expect(compiled).toBe(4)
    expect(
      onNewDevice(() => g(x))
        .result.at(2)
        .get()
        .item(),
    ).toBeCloseTo(0.004)
    expect(compiled).toBe(4)
  })

  it('compiles again what is damaged, and says so', () => {
    const g = jit((a: NDArray) => a.add(1))
    onNewDevice(() => g(x))
    const [name] = readdirSync(directory)
    const path = join(directory, name!)
    const whole = readFileSync(path)
    for (const damaged of [
      whole.subarray(0, 20),
      whole.subarray(0, 200),
      Buffer.concat([whole, Buffer.of(0)]),
      Buffer.alloc(0),
    ]) {
      writeFileSync(path, damaged)
      const { result, store } = onNewDevice(() => g(x))
      expect(result.at(0).get().item()).toBe(1)
      expect(store.failures).toEqual([`${path} is damaged`])
      expect(readFileSync(path)).toEqual(whole)
    }
  })

  it('keeps no programs that call back, and few constants', () => {
    const twice = (a: NDArray): NDArray => a.mul(2)
    const large = np.zeros([2 ** 19])
    onNewDevice(() => jit((a: NDArray) => pureCallback(twice, new ShapeDtypeStruct([3000], 'float32'), a).add(1))(x))
    onNewDevice(() => jit((a: NDArray) => large.add(a.sum()))(x))
    expect(readdirSync(directory)).toEqual([])
  })

  it('goes on without files that cannot be written, and leaves none half-written', () => {
    const g = jit((a: NDArray) => a.add(5))
    const { result, store } = onNewDevice(() => {
      rmSync(directory, { recursive: true })
      return g(x)
    })
    expect(result.at(0).get().item()).toBe(5)
    expect(store.failures).toEqual([expect.stringContaining('ENOENT')])
    directory = mkdtempSync(join(tmpdir(), 'pullback-programs-'))
  })

  it('takes nothing for a program that is not a file: neither pipes, nor devices, nor directories', () => {
    const g = jit((a: NDArray) => a.add(7))
    onNewDevice(() => g(x))
    const path = join(directory, readdirSync(directory)[0]!)
    const obstacles = [
      () => {
        execFileSync('mkfifo', [path])
      },
      () => {
        symlinkSync('/dev/zero', path)
      },
      () => {
        symlinkSync(path, path)
      },
      () => {
        mkdirSync(path)
      },
    ]
    for (const put of obstacles) {
      rmSync(path, { recursive: true, force: true })
      put()
      const { result, store } = onNewDevice(() => g(x))
      expect(result.at(0).get().item()).toBe(7)
      expect(store.failures[0]).toMatch(/is not a file|ELOOP/)
    }
  })

  it.each([
    ['no directory can be made', '/proc/x/y', 'ENOENT'],
    ['a device stands', '/dev/null', '/dev/null is not a directory'],
    ['a device is in the way', '/dev/null/x/y', 'ENOTDIR'],
    ['a name has no end', `/tmp/${'a'.repeat(5000)}`, 'ENAMETOOLONG'],
    ['a path has no end', `/tmp/${'a/'.repeat(5000)}b`, 'ENAMETOOLONG'],
    ['a name holds a zero', '/tmp/a\0b', 'null bytes'],
    ['there is no name', '', 'empty'],
  ])('fails at once where %s', (_, path, message) => {
    expect(setCompilationCacheDir(path)()).toMatchObject({
      _tag: 'Left',
      left: { _tag: 'CacheFailure', directory: path, message: expect.stringContaining(message) as string },
    })
  })

  it('fails at once where a link leads nowhere or to itself, or a pipe stands', () => {
    const [nowhere, itself, pipe] = ['nowhere', 'itself', 'pipe'].map((name) => join(directory, name))
    symlinkSync(join(directory, 'missing', 'too'), nowhere!)
    symlinkSync(itself!, itself!)
    execFileSync('mkfifo', [pipe!])
    for (const [path, message] of [
      [nowhere!, /EEXIST/],
      [itself!, /ELOOP/],
      [join(itself!, 'x'), /ELOOP/],
      [pipe!, /pipe is not a directory/],
      [join(pipe!, 'x'), /ENOTDIR/],
    ] as const) {
      const cache = setCompilationCacheDir(path)()
      expect(cache._tag === 'Left' && cache.left.message).toMatch(message)
    }
  })

  it.each([[5], [null], [undefined], [Buffer.from('a')], [['a']], [{}]])('is named by a string: %s', (name) => {
    expect(() => setCompilationCacheDir(name as unknown as string)).toThrow(
      expect.objectContaining({ name: 'ArgumentError', message: expect.stringContaining('string') as string }),
    )
  })

  it('is where it was when the name was given, wherever the process goes', () => {
    const cache = setCompilationCacheDir('.')()
    expect(cache._tag === 'Right' && cache.right.directory).toBe(process.cwd())
    if (cache._tag === 'Right') cache.right.close()
  })

  it('is for directories', () => {
    const file = join(directory, 'file')
    writeFileSync(file, '')
    expect(setCompilationCacheDir(join(file, 'programs'))()).toMatchObject({
      _tag: 'Left',
      left: {
        _tag: 'CacheFailure',
        directory: join(file, 'programs'),
        message: expect.stringContaining('ENOTDIR') as string,
      },
    })
    const cache = setCompilationCacheDir(join(directory, 'deep', 'programs'))()
    expect(cache).toMatchObject({ _tag: 'Right', right: { hits: 0, misses: 0, failures: [] } })
    if (cache._tag === 'Right') cache.right.close()
  })
})

/** Which compiler it was that compiled a program. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { revision } from '../../../src/backends/wasm/revision.ts'
import { digestOfCompiler } from '../../../src/backends/wasm/sources.ts'

const root = resolve(import.meta.dirname, '../../..')
let copy = ''

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'pullback-compiler-'))
  cpSync(join(root, 'src'), join(copy, 'src'), { recursive: true })
})

afterAll(() => {
  rmSync(copy, { recursive: true })
})

/** Runs a program in a process of its own from the copied sources, with a cache; how many programs came from there, and how many did not. */
const hitsAndMisses = (cache: string): readonly number[] => {
  const main = join(copy, 'main.ts')
  writeFileSync(
    main,
    `import { jit, np, setCompilationCacheDir } from './src/index.ts'
     const cache = setCompilationCacheDir(process.argv[2]!)()
     if (cache._tag === 'Left') throw new Error(cache.left.message)
     jit((x: never) => np.sin(x))(np.zeros([3000]) as never)
     console.log(JSON.stringify([cache.right.hits, cache.right.misses]))`,
  )
  const tsx = join(root, 'node_modules/tsx/dist/cli.mjs')
  return JSON.parse(execFileSync(process.execPath, [tsx, main, cache], { encoding: 'utf8' })) as readonly number[]
}

describe('the revision of the compiler', () => {
  it('is that of its files, wherever they are', () => {
    expect(revision()).toMatch(/^[0-9a-f]{64}$/)
    expect(digestOfCompiler(join(copy, 'src'))).toBe(revision())
  })

  it.each(['lowering/fuse.ts', 'core/dtype.ts', 'backends/wasm/kernels', 'primitives/linalg'])(
    'is another one after a change in %s',
    (name) => {
      const path = join(copy, 'src', name)
      const file = name.endsWith('.ts') ? path : join(path, readdirSync(path)[0]!)
      const before = readFileSync(file)
      appendFileSync(file, '\n')
      expect(digestOfCompiler(join(copy, 'src'))).not.toBe(revision())
      writeFileSync(file, before)
    },
  )

  it('is unknown without the files', () => {
    expect(digestOfCompiler(copy)).toBeNull()
  })

  it('keeps programs of one compiler from another: changed, it compiles anew', () => {
    const cache = join(copy, 'cache')
    expect(hitsAndMisses(cache)).toEqual([0, 1])
    expect(hitsAndMisses(cache)).toEqual([1, 0])
    const file = join(copy, 'src/backends/wasm/loops/line.ts')
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n// changed\n`)
    expect(hitsAndMisses(cache)).toEqual([0, 1])
  })
})

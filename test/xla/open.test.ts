/** What is in the way of a device is said, by values with a tag. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ArgumentError, withDevice } from 'pullback'
import { findPlugins, xla } from 'pullback/xla'
import { afterEach, describe, expect, it, vi } from 'vitest'

const scratch = (): string => mkdtempSync(join(tmpdir(), 'pullback-xla-'))

/** Has `python3` be a script that says that its packages are in a folder. */
const pythonWith = (folder: string): void => {
  const bin = scratch()
  const python = join(bin, 'python')
  writeFileSync(python, `#!/bin/sh\necho '${JSON.stringify([folder])}'\n`, { mode: 0o755 })
  vi.stubEnv('PULLBACK_PYTHON', python)
}

const failureOf = async (options: Parameters<typeof xla>[0]) => {
  const result = await xla(options)()
  return result._tag === 'Left' ? result.left : null
}

describe('xla', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it('says what to install where no plugin is found', async () => {
    vi.stubEnv('PULLBACK_PJRT_PLUGIN', '')
    pythonWith(scratch())
    const failure = await failureOf({})
    expect(failure?._tag).toBe('NoPlugin')
    expect(failure?.message).toMatch(/pip install lammps-jax-pjrt-cpu/)
  })

  it('looks where JAX does, then for known packages', async () => {
    vi.stubEnv('PULLBACK_PJRT_PLUGIN', '')
    const packages = scratch()
    mkdirSync(join(packages, 'jax_plugins', 'xla_cuda13'), { recursive: true })
    mkdirSync(join(packages, 'lammps_jax_pjrt_cpu'))
    const files = ['jax_plugins/xla_cuda13/xla_cuda_plugin.so', 'lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so']
    for (const file of [...files, 'jax_plugins/xla_cuda13/version.py']) writeFileSync(join(packages, file), '')
    pythonWith(packages)
    const { plugins } = await findPlugins()
    expect(plugins).toEqual(files.map((file) => ({ path: join(packages, file), by: 'python' })))
  })

  it('takes the file that the environment names, and no other', async () => {
    vi.stubEnv('PULLBACK_PJRT_PLUGIN', '/nowhere/plugin.so')
    expect((await findPlugins()).plugins).toEqual([{ path: '/nowhere/plugin.so', by: 'environment' }])
    expect(await failureOf({})).toMatchObject({ _tag: 'BadPlugin', path: '/nowhere/plugin.so' })
  })

  it('refuses files that are not plugins', async () => {
    const path = join(scratch(), 'plugin.so')
    writeFileSync(path, 'not a library')
    expect(await failureOf({ plugin: path })).toMatchObject({ _tag: 'BadPlugin', path })
  })

  it('refuses options that are none', () => {
    expect(() => xla({ plugins: 'x' } as never)).toThrow(ArgumentError)
    expect(() => xla({ device: -1 })).toThrow(ArgumentError)
    expect(() => xla({ flags: { x: null } } as never)).toThrow(ArgumentError)
  })

  it('is asked for before its name is known', () => {
    expect(() => withDevice('xla', () => 1)).toThrow(/pullback\/xla/)
  })
})

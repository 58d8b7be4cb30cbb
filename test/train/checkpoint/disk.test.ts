/** Disks of the system's own that fail: full, and read-only. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { np } from 'pullback'
import type { NDArray } from 'pullback'
import { checkpoints, fromArray, latestCheckpoint, metricsFile, saveCheckpoint, train } from 'pullback/train'
import { get, leftOf } from '../../io/support/recorded.ts'

const folder = mkdtempSync(join(tmpdir(), 'pullback-disk-'))
const run = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args).status === 0
/** A disk in memory, of 256 kB. */
const isMounted = run('mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder)

afterAll(() => {
  if (isMounted) run('umount', folder)
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(!isMounted)('a small disk in memory (skipped where nothing may be mounted)', () => {
  const state = (n: number) => ({ w: np.full([10_000], n), n: np.array(n) })
  const save = (n: number) => saveCheckpoint(join(folder, 'run'), { step: n, state: state(n), position: n })

  test('full: ENOSPC, the older ones are whole, and no drafts are left', async () => {
    const directory = join(folder, 'run')
    await get(save(1))
    let step = 1
    let result = await save(++step)()
    while (result._tag === 'Right') result = await save(++step)()
    expect(step).toBeGreaterThan(4)
    expect(leftOf(result)).toMatchObject({ _tag: 'Access', code: 'ENOSPC' })
    expect(readdirSync(directory).length).toBe(step - 1)
    const { checkpoint, passedOver } = await get(latestCheckpoint(directory, state(0)))
    expect([checkpoint!.step, checkpoint!.state.w.at(9999).get().item(), passedOver]).toEqual([step - 1, step - 1, []])
    rmSync(join(directory, 'step-000001'), { recursive: true })
    await get(save(step))
  })

  test('full while a run goes on: it ends with the error, and can go on from the last checkpoint', async () => {
    rmSync(join(folder, 'run'), { recursive: true })
    const directory = join(folder, 'trained')
    const step = ({ w, n }: ReturnType<typeof state>, x: NDArray) =>
      [{ w: w.add(x), n: n.add(1) }, { loss: x }] as const
    const data = fromArray([1, 2, 3, 4, 5, 6, 7, 8].map((x) => np.array(x, { dtype: 'float32' })))
    const hooks = [metricsFile(join(folder, 'metrics.jsonl')), checkpoints(directory, { every: 1 })]
    const start = state(0)
    writeFileSync(join(folder, 'filler'), new Uint8Array(80_000))
    expect(leftOf(await train(step, start, data, { hooks })())).toMatchObject({ _tag: 'Access', code: 'ENOSPC' })
    const { checkpoint } = await get(latestCheckpoint(directory, start))
    expect(checkpoint!.step).toBeGreaterThan(0)
    rmSync(join(folder, 'filler'))
    const once = [metricsFile(join(folder, 'metrics.jsonl')), checkpoints(directory, { every: 1, keepLast: 1 })]
    const rest = await get(train(step, start, data, { hooks: once, from: checkpoint }))
    expect([rest.step, rest.state.w.at(0).get().item()]).toEqual([8, 36])
  })

  test('read-only: EROFS, and the older ones can be read', async () => {
    rmSync(join(folder, 'trained'), { recursive: true, force: true })
    await get(save(1))
    expect(run('mount', '-o', 'remount,ro', folder)).toBe(true)
    try {
      expect(leftOf(await save(2)())).toMatchObject({ _tag: 'Access', code: 'EROFS' })
      expect((await get(latestCheckpoint(join(folder, 'run'), state(0)))).checkpoint?.step).toBe(1)
    } finally {
      run('mount', '-o', 'remount,rw', folder)
    }
  })
})

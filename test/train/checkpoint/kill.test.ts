/**
 * A run that is killed at random moments, and goes on each time, ends as the one that was left alone: bit for bit. Trouble 2 of those
 * that people have (transformers #11323, #17032, #8878, #11504): keys, order of rows and the border of an epoch are in the checkpoint.
 * `PULLBACK_KILLS=50` kills as many times.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleScript } from './support.ts'

const KILLS = Number(process.env['PULLBACK_KILLS'] ?? 8)
/** So many that each of the killed runs has some to make. */
const STEPS = 40 + 12 * KILLS

let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pullback-kill-'))
  await bundleScript('run.script.ts', join(folder, 'run.mjs'))
}, 120_000)
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly out: string
  readonly err: string
}

/** Runs the script; `watch` sees each line that it prints. */
const run = (name: string, pause: number, watch: (line: string, kill: (signal: NodeJS.Signals) => void) => void) =>
  new Promise<Ended>((resolve) => {
    const directory = join(folder, name)
    mkdirSync(directory, { recursive: true })
    const child = spawn(process.execPath, [join(folder, 'run.mjs'), directory, String(STEPS), String(pause)])
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (out + String(chunk)).slice(out.lastIndexOf('\n') + 1).split('\n')
      out += String(chunk)
      for (const line of lines.slice(0, -1)) watch(line, (signal) => void child.kill(signal))
    })
    child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)))
    child.on('close', (code, signal) => {
      resolve({ code, signal, out, err })
    })
  })

const read = (name: string, file: string) => readFileSync(join(folder, name, file))

let straight: Buffer
beforeAll(
  async () => {
    const { code, err } = await run('straight', 0, () => undefined)
    expect(err).toBe('')
    expect(code).toBe(0)
    straight = read('straight', 'final.bin')
  },
  120_000 + KILLS * 20_000,
)

test(
  `killed ${KILLS} times by SIGKILL, a run ends bit for bit as the one that was left alone; each step is in metrics.jsonl once`,
  async () => {
    // No seed: another moment each time is the point.
    const from: number[] = []
    let killed = 0
    for (let i = 0; i < 2 * KILLS && killed < KILLS; i++) {
      let left = 1 + Math.floor(Math.random() * 14)
      const ended = await run('killed', 4, (line, kill) => {
        if (line.startsWith('step') && --left === 0) setTimeout(() => { kill('SIGKILL') }, Math.random() * 12) // prettier-ignore
      })
      expect(ended.err).toBe('')
      from.push(Number(/from (\d+)/.exec(ended.out)?.[1]))
      if (ended.signal === 'SIGKILL') killed++
    }
    expect(killed).toBe(KILLS)
    expect(from).toEqual(from.toSorted((a, b) => a - b))
    const last = await run('killed', 0, () => undefined)
    expect([last.code, last.err]).toEqual([0, ''])
    expect(read('killed', 'final.bin').equals(straight)).toBe(true)
    const metrics = read('killed', 'metrics.jsonl').toString()
    expect(metrics.trim().split('\n').map((line) => (JSON.parse(line) as { step: number }).step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1)) // prettier-ignore
    expect(metrics).toBe(read('straight', 'metrics.jsonl').toString())
    expect(readdirSync(join(folder, 'killed/checkpoints')).every((file) => /^step-\d{6}$/.test(file))).toBe(true)
  },
  120_000 + KILLS * 20_000,
)

test.each([['SIGINT', 130], ['SIGTERM', 143]] as const)(
  '%s finishes the step, saves, and exits with %i; going on from there ends the same',
  async (signal, code) => {
    const name = signal
    let last = 0
    const ended = await run(name, 4, (line, kill) => {
      if (line.startsWith('step')) last = Number(line.slice(5))
      if (line === 'step 7') kill(signal)
    })
    expect([ended.code, ended.err]).toEqual([code, ''])
    expect(ended.out).not.toContain('ended')
    expect(last).toBeLessThan(12)
    expect(readdirSync(join(folder, name, 'checkpoints'))).toContain(`step-${String(last).padStart(6, '0')}`)
    const rest = await run(name, 0, () => undefined)
    expect(rest.out).toContain(`from ${last}`)
    expect(read(name, 'final.bin').equals(straight)).toBe(true)
  },
  120_000,
) // prettier-ignore

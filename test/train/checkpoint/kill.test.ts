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
  await bundleScript('pipeline.script.ts', join(folder, 'pipeline.mjs'))
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

/** Runs a script; `watch` sees each line that it prints. */
const run = (
  name: string,
  pause: number,
  watch: (line: string, kill: (signal: NodeJS.Signals) => void) => void,
  script = 'run',
) =>
  new Promise<Ended>((resolve) => {
    const directory = join(folder, name)
    mkdirSync(directory, { recursive: true })
    const child = spawn(process.execPath, [join(folder, `${script}.mjs`), directory, String(STEPS), String(pause)])
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

/** Kills a script so many times, and lets it come to its end then. */
const killed = async (name: string, script: string): Promise<void> => {
  // No seed: another moment each time is the point.
  const from: number[] = []
  let kills = 0
  for (let i = 0; i < 2 * KILLS && kills < KILLS; i++) {
    let left = 1 + Math.floor(Math.random() * 14)
    const watch = (line: string, kill: (signal: NodeJS.Signals) => void): void => {
      if (line.startsWith('step') && --left === 0) setTimeout(() => { kill('SIGKILL') }, Math.random() * 12) // prettier-ignore
    }
    const ended = await run(name, 4, watch, script)
    expect(ended.err).toBe('')
    from.push(Number(/from (\d+)/.exec(ended.out)?.[1]))
    if (ended.signal === 'SIGKILL') kills++
  }
  expect(kills).toBe(KILLS)
  expect(from).toEqual(from.toSorted((a, b) => a - b))
  const last = await run(name, 0, () => undefined, script)
  expect([last.code, last.err]).toEqual([0, ''])
}

const stepsIn = (metrics: string): readonly number[] =>
  metrics.trim().split('\n').map((line) => (JSON.parse(line) as { step: number }).step) // prettier-ignore

test(
  `killed ${KILLS} times by SIGKILL, a run ends bit for bit as the one that was left alone; each step is in metrics.jsonl once`,
  async () => {
    await killed('killed', 'run')
    expect(read('killed', 'final.bin').equals(straight)).toBe(true)
    const metrics = read('killed', 'metrics.jsonl').toString()
    expect(stepsIn(metrics)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1))
    expect(metrics).toBe(read('straight', 'metrics.jsonl').toString())
    expect(readdirSync(join(folder, 'killed/checkpoints')).every((file) => /^step-\d{6}$/.test(file))).toBe(true)
  },
  120_000 + KILLS * 20_000,
)

test(
  `a step of makeStep on packed rows, micro-batches, dropout, loss scale and running mean, killed ${KILLS} times: state, metrics, evaluations and report are the same bytes`,
  async () => {
    const { code, err } = await run('wholePipeline', 0, () => undefined, 'pipeline')
    expect([code, err]).toEqual([0, ''])
    const metrics = read('wholePipeline', 'metrics.jsonl').toString()
    const lines = metrics.trim().split('\n').map((line) => JSON.parse(line) as { lossScale: number; skipped: number; finite: number }) // prettier-ignore
    // The scale has moved both ways, so that there was something to remember.
    expect(lines.some(({ lossScale }, i) => i > 0 && lossScale > lines[i - 1]!.lossScale)).toBe(true)
    expect(lines.at(-1)!.skipped).toBeGreaterThan(0)
    expect(lines.at(-1)!.skipped).toBeLessThan(STEPS / 2)
    await killed('killedPipeline', 'pipeline')
    for (const file of ['final.bin', 'metrics.jsonl', 'report.html']) {
      expect(read('killedPipeline', file).equals(read('wholePipeline', file)), file).toBe(true)
    }
  },
  240_000 + KILLS * 30_000,
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

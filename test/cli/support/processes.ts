/** The command line in a process of its own, which can be killed. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '../../..')

/** Writes the command as one file. */
export const bundleCommand = async (outfile: string): Promise<void> => {
  const entryPoints = [resolve(root, 'src/cli/main.ts')]
  await build({ entryPoints, outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'error', absWorkingDir: root }) // prettier-ignore
}

/** Looks at a run again and again: `steps` counts the lines of its metrics. */
export type Watch = (steps: () => number, kill: (signal: NodeJS.Signals) => void) => void

/** Runs the bundled command; `metrics` is the file that its metrics are written to. */
export const runProcess = (
  script: string,
  args: readonly string[],
  metrics: string,
  watch: Watch,
): Promise<{ readonly code: number | null; readonly err: string }> =>
  new Promise((done) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root })
    let err = ''
    child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)))
    const steps = (): number => (existsSync(metrics) ? readFileSync(metrics, 'utf8').split('\n').length - 1 : 0)
    const timer = setInterval(() => {
      watch(steps, (signal) => void child.kill(signal))
    }, 5)
    child.on('close', (code) => {
      clearInterval(timer)
      done({ code, err })
    })
  })

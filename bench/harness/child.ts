/** A script in a fresh process, which sends one message: its result. */
import { fork } from 'node:child_process'
import { once } from 'node:events'

export const inChild = async <T>(
  script: string,
  args: readonly string[],
  flags: readonly string[] = [],
  execPath: string = process.execPath,
): Promise<T> => {
  const execArgv = [...process.execArgv, ...flags]
  const child = fork(script, args, { execPath, execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${script} ${args.join(' ')} ended with ${String(code)} before it had a result.`)
  })
  const [result] = (await Promise.race([once(child, 'message'), ended])) as [T]
  ended.catch(() => undefined)
  child.kill()
  return result
}

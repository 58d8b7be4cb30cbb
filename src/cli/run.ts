/** The command line: from arguments to a command, and from its outcome to an exit code. */
import type { Command, Given, Option, Terminal } from './command.ts'
import { UsageError } from './command.ts'
import { convert } from './convert.ts'
import { devices } from './devices.ts'
import { diff } from './diff.ts'
import { embed } from './embed.ts'
import { exportModel } from './export.ts'
import { evaluate } from './finetune/evaluate.ts'
import { finetune } from './finetune/finetune.ts'
import { merge } from './finetune/merge.ts'
import { predict } from './finetune/predict.ts'
import { forward } from './forward.ts'
import { generate } from './generate.ts'
import { parseArgs } from './host.ts'
import { inspect } from './inspect.ts'

const commands: readonly Command[] = [
  inspect,
  diff,
  convert,
  forward,
  embed,
  generate,
  finetune,
  evaluate,
  predict,
  merge,
  exportModel,
  devices,
]

/** 0 done, 1 failed, 2 wrong use. */
type ExitCode = 0 | 1 | 2

const common: { readonly [name: string]: Option } = { help: { type: 'boolean', help: 'shows this' } }

const overview = (): string => {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    'pullback COMMAND ...',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'pullback COMMAND --help shows the options of one. Exit codes: 0 done, 1 failed, 2 wrong use.',
    '',
  ].join('\n')
}

const helpOf = ({ name, usage, summary, options }: Command): string => {
  const rows = Object.entries({ ...options, ...common }).map(
    ([option, { value, help }]) => [`--${option}${value === undefined ? '' : ` ${value}`}`, help] as const,
  )
  const width = Math.max(...rows.map(([option]) => option.length))
  return [
    `pullback ${name} ${usage}`,
    '',
    summary,
    '',
    ...rows.map(([o, help]) => `  ${o.padEnd(width)}  ${help}`),
    '',
  ].join('\n')
}

/** The arguments of a command, checked against its options. */
const givenOf = (command: Command, args: readonly string[]): Given => {
  const known = { ...command.options, ...common }
  const options = Object.fromEntries(Object.entries(known).map(([name, { type }]) => [name, { type }]))
  let parsed
  try {
    parsed = parseArgs({ args, options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
  const { values, positionals } = parsed
  const textOf = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  return { words: positionals, text: textOf, flag: (name) => values[name] === true }
}

const checkWords = ({ words: [least, most], usage, name }: Command, { words }: Given): void => {
  if (words.length < least) throw new UsageError(`${name} needs ${usage}`)
  if (words.length > most) throw new UsageError(`${name} takes ${usage}; '${words[most]!}' is too much`)
}

const dispatch = async (args: readonly string[], terminal: Terminal): Promise<void> => {
  const [name, ...rest] = args
  if (name === undefined) throw new UsageError('which command? pullback --help lists them')
  if (name === '--help' || name === '-h' || name === 'help') {
    terminal.out(overview())
    return
  }
  const command = commands.find((c) => c.name === name)
  if (command === undefined)
    throw new UsageError(`there is no command '${name}'; there are ${commands.map((c) => c.name).join(', ')}`)
  const given = givenOf(command, rest)
  if (given.flag('help')) {
    terminal.out(helpOf(command))
    return
  }
  checkWords(command, given)
  await command.run(given, terminal)
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ').trim()

/**
 * Runs a command line.
 *
 * @param err - is given one line if it fails.
 */
export const runCommandLine = async (
  args: readonly string[],
  terminal: Terminal,
  err: (line: string) => void,
): Promise<ExitCode> => {
  try {
    await dispatch(args, terminal)
    return 0
  } catch (error) {
    const message = oneLine(error instanceof Error ? error.message : String(error))
    err(`pullback: ${message}${error instanceof UsageError ? ' (see pullback --help)' : ''}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

/** `pullback devices`: what runs programs on this machine, and what is to be installed for more. */
import { devices as devicesHere } from '../runtime/devices.ts'
import type { XlaFailure } from '../xla/index.ts'
import { findPlugins, xla } from '../xla/index.ts'
import type { Command, Given, Terminal } from './command.ts'
import { table } from './table.ts'

interface Row {
  readonly name: string
  readonly is: 'ready' | 'missing' | 'unusable' | 'refused'
  readonly what: string
}

const local: { readonly [name: string]: string } = {
  wasm: 'WebAssembly, on all cores',
  interpreter: 'one operation after the other, the reference',
}

const states: { readonly [T in XlaFailure['_tag']]: Row['is'] } = {
  NoForeignFunctions: 'missing',
  NoPlugin: 'missing',
  BadPlugin: 'unusable',
  RefusedPlugin: 'refused',
}

const failed = ({ _tag, message }: XlaFailure): Row => ({
  name: 'xla',
  is: states[_tag],
  what: message.replace(/^xla: /, ''),
})

/** Each plugin, opened and tested. */
const xlaRows = async (plugin: string | undefined): Promise<readonly Row[]> => {
  const paths = plugin === undefined ? (await findPlugins()).plugins.map(({ path }) => path) : [plugin]
  const rows: Row[] = []
  for (const path of paths.length === 0 ? [undefined] : paths) {
    const result = await xla(path === undefined ? {} : { plugin: path })()
    if (result._tag === 'Left') rows.push(failed(result.left))
    else {
      const { description, version, plugin: file } = result.right
      rows.push({ name: 'xla', is: 'ready', what: `${description}, ${version}, ${file}` })
    }
  }
  return rows
}

const run = async (given: Given, terminal: Terminal): Promise<void> => {
  const here = devicesHere().map(({ name }): Row => ({ name, is: 'ready', what: local[name] ?? '' }))
  const rows = [...here, ...(await xlaRows(given.text('plugin')))]
  if (given.flag('json')) {
    terminal.out(`${JSON.stringify(rows, null, 2)}\n`)
    return
  }
  terminal.out(`${table(['device', 'is', ''], rows.map(({ name, is, what }) => [name, is, what]))}\n`) // prettier-ignore
}

export const devices: Command = {
  name: 'devices',
  usage: '[--plugin FILE]',
  summary: 'What runs programs on this machine: devices of the library, and PJRT plugins, opened and tested.',
  options: {
    plugin: { type: 'string', value: 'FILE', help: "a plugin's file, instead of those that are found" },
    json: { type: 'boolean', help: 'the same as JSON' },
  },
  words: [0, 0],
  run,
}

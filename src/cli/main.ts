#!/usr/bin/env node
/** The program `pullback`. */
import { node } from './host.ts'
import { runCommandLine } from './run.ts'

const { stdout, stderr } = node

// The reader may close the pipe: `pullback inspect x | head`.
stdout.on('error', ({ code }) => node.exit(code === 'EPIPE' ? 0 : 1))

node.exitCode = await runCommandLine(
  node.argv.slice(2),
  {
    out: (text) => void stdout.write(text),
    draw: stderr.isTTY === true ? (text) => void stderr.write(text) : null,
  },
  (line) => void stderr.write(line),
)

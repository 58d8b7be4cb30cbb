/** Pullback beside its peers, and what it takes of memory and time as programs grow. See `usage`. */
import { parseOptions, usage } from './options.ts'
import type { Options } from './options.ts'
import { missedTargets, speedTable } from './report/speed.ts'
import { measureSpeed } from './speed.ts'

const optionsOrUsage = (): Options => {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    process.exit(1)
  }
}

const options = optionsOrUsage()
const speed = await measureSpeed(options)
if (speed.rows.length > 0) console.log(`\n${speedTable(speed)}\n`)
for (const line of missedTargets(speed)) console.log(`Target missed: ${line}`)
for (const line of speed.failures) console.error(`Failed: ${line}`)

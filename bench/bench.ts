/** Pullback beside its peers, and what it takes of memory and time as programs grow. See `usage`. */
import { measureMemory } from './memory/measure.ts'
import { measureModels } from './models/measure.ts'
import type { Options } from './options.ts'
import { parseOptions, usage } from './options.ts'
import { heading, writeSections } from './report/document.ts'
import { missedTargets, speedTable } from './report/speed.ts'
import { measureScale } from './scale/measure.ts'
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
console.log(`${heading()}\n`)

const speed = await measureSpeed(options)
const missed = missedTargets(speed)
if (speed.rows.length > 0) console.log(`\n${speedTable(speed)}\n`)
for (const line of missed) console.log(`Target missed: ${line}`)
for (const line of speed.failures) console.error(`Failed: ${line}`)
if (speed.failures.length > 0) process.exitCode = 1

const models = options.wants('models') ? await measureModels(options) : ''
if (models !== '') console.log(`\n${models}\n`)
const memory = options.wants('memory') ? await measureMemory() : ''
if (memory !== '') console.log(`\n${memory}\n`)
const scale = options.wants('scale') ? await measureScale() : ''
if (scale !== '') console.log(`\n${scale}`)

if (options.write && speed.failures.length === 0) {
  const list =
    missed.length === 0 ? 'No target is missed.' : `Missed:\n\n${missed.map((line) => `- ${line}`).join('\n')}`
  const measured = { speed: `${heading()}:\n\n${speedTable(speed)}\n\n${list}`, models, memory, scale }
  const whole = options.isAll
    ? ['speed', 'models', 'memory', 'scale']
    : ['models', 'memory', 'scale'].filter(options.wants)
  writeSections(Object.fromEntries(Object.entries(measured).filter(([name]) => whole.includes(name))))
}

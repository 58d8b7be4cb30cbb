/**
 * What properties are tried on: by default the same draws on every run, so that a commit passes or fails whatever the day.
 * `PULLBACK_SEED=random` draws others, and fast-check's report of a failure has the seed that repeats it.
 */
import * as fc from 'fast-check'

const STANDARD_SEED = 20261125

const asked = (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env['PULLBACK_SEED']

if (asked !== 'random') fc.configureGlobal({ seed: Number(asked ?? STANDARD_SEED) })

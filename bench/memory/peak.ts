import { existsSync, readFileSync } from 'node:fs'

const status = '/proc/self/status'

/**
 * The most bytes of this process that have been resident. On Linux from /proc, since the kernel hands `maxRSS` of a parent down
 * to the processes that it starts.
 */
export const peakResidentBytes = (): number => {
  const found = existsSync(status) ? /VmHWM:\s*(\d+) kB/.exec(readFileSync(status, 'utf8')) : null
  return 1024 * (found === null ? process.resourceUsage().maxRSS : Number(found[1]))
}

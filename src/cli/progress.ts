/** A progress bar on standard error, if that is a terminal. */
import type { Progress } from '../io/index.ts'
import type { Terminal } from './command.ts'
import { bytesText } from './table.ts'

const WIDTH = 24

/** Draws progress; does nothing without a terminal. */
export const progressBar = ({ draw }: Terminal, what: string) => {
  if (draw === null) return { update: (): void => undefined, done: (): void => undefined }
  let last = -1
  return {
    update: ({ bytes, total }: Progress): void => {
      const filled = total === 0 ? WIDTH : Math.round((bytes / total) * WIDTH)
      if (filled === last) return
      last = filled
      draw(
        `\r${what} [${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${bytesText(bytes)} of ${bytesText(total)}\u001b[K`,
      )
    },
    done: (): void => {
      draw('\r\u001b[K')
    },
  }
}

/**
 * Which compiler this is. Programs are kept under it, so that no other compiler finds them. In a built package this file holds nothing
 * but a digest of the compiler's files, which `scripts/build-revision.ts` writes there; run from its sources, the library computes it.
 */
import { nodeModule } from './platform.ts'
import { digestOfCompiler } from './sources.ts'

let known: string | null | undefined

const compute = (): string | null => {
  const { url = '' } = import.meta as { readonly url?: string }
  const library = url.slice(0, url.lastIndexOf('/backends/'))
  const path = library.startsWith('file:') ? nodeModule('node:url')?.fileURLToPath(library) : undefined
  return path === undefined ? null : digestOfCompiler(path)
}

/** Null where it cannot be known: then nothing is kept. */
export const revision = (): string | null => (known ??= compute())

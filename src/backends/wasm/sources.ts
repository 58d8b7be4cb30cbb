/** The files of the compiler, in a digest. */
import { nodeModule } from './platform.ts'

/** Folders with whatever has a say in what a program is compiled to. */
const folders = ['core', 'ir', 'trace', 'ops', 'primitives', 'passes', 'transforms', 'lowering', 'backends']

const isCode = (name: string): boolean => /\.[jt]s$/.test(name) && !name.endsWith('.d.ts')

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** The SHA-256 of their names and texts, below the folder of the library; null where there are no files, or not these. */
export const digestOfCompiler = (root: string): string | null => {
  const [fs, crypto, path] = [nodeModule('node:fs'), nodeModule('node:crypto'), nodeModule('node:path')]
  if (fs === undefined || crypto === undefined || path === undefined) return null
  const hash = crypto.createHash('sha256')
  try {
    for (const folder of folders) {
      const names = fs.readdirSync(path.join(root, folder), { recursive: true }).filter(isCode)
      for (const name of names.toSorted()) {
        const text = fs.readFileSync(path.join(root, folder, name))
        hash.update(`${folder}/${name} ${text.length}\n`).update(text)
      }
    }
  } catch {
    return null
  }
  return hex(hash.digest())
}

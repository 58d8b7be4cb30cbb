/** Files beside a result. */
import { encodeUtf8 } from '../../core/utf8.ts'
import { openFolder, readAll } from '../../io/index.ts'
import { nodeFiles, writeFile } from '../../io/node.ts'
import { FailedError, orFail } from '../command.ts'

/** Writes a text, completely or not at all. */
export const writeText = async (path: string, text: string): Promise<void> => {
  orFail(await writeFile(path, [encodeUtf8(text)])())
}

/** Makes a directory, and those above it. */
export const makeDirectory = async (path: string): Promise<void> => {
  try {
    await nodeFiles(path).mkdir(path, { recursive: true })
  } catch (error) {
    throw new FailedError(`${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const ofTokenizers = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'vocab.txt',
  'chat_template.jinja',
]

/** Copies the files of a tokenizer that are in a model's folder. */
export const copyBeside = async (from: string, to: string): Promise<void> => {
  const folder = openFolder(from)
  for (const name of ofTokenizers) {
    const file = orFail(await folder.open(name)())
    if (file !== null) orFail(await writeFile(`${to}/${name}`, [orFail(await readAll(file)())])())
  }
}

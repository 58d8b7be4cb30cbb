/** The directory of a PEFT adapter: the names of its files, and where its tensors are. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { FolderLike, FolderOptions, IoError, TensorFile } from '../../../io/index.ts'
import { openFolder, openTensors } from '../../../io/index.ts'
import type { AdapterError } from '../../errors.ts'
import { refusable, refuse, valueOf } from './refusal.ts'

/** Names of the two files. */
export const CONFIG_FILE = 'adapter_config.json'
export const WEIGHTS_FILE = 'adapter_model.safetensors'

/** The file that PEFT wrote before it used safetensors. */
const PICKLED_FILE = 'adapter_model.bin'

/** The tensors of a directory: its safetensors, or the pickled file of older versions. */
export const openAdapterTensors = (
  from: FolderLike,
  options: FolderOptions = {},
): TaskEither<AdapterError | IoError, TensorFile> =>
  refusable(async () => {
    const folder = openFolder(from, options)
    for (const name of [WEIGHTS_FILE, PICKLED_FILE]) {
      const source = await valueOf(folder.open(name))
      if (source !== null) return valueOf(openTensors(source))
    }
    return refuse(`${folder.name}: there is no ${WEIGHTS_FILE}.`, { missing: [WEIGHTS_FILE] })
  })

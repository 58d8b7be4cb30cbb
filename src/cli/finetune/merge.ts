/** `pullback merge`: a model with the changes of an adapter made in its weights. */
import { saveModel } from '../../models/index.ts'
import { mergeAdapter } from '../../train/index.ts'
import type { Command, Given, Terminal } from '../command.ts'
import { FailedError, orFail, required } from '../command.ts'
import { copyBeside } from './files.ts'
import { loadAdapted, tunedOptions } from './tuned.ts'

const mergeRun = async (given: Given, terminal: Terminal): Promise<void> => {
  const out = required(given, 'out')
  const { body, plain, one } = await loadAdapted(given, terminal)
  if (one.kind === 'tokens')
    throw new FailedError(
      `${required(given, 'adapter')} has virtual tokens, which stand before a text and change no weights: there is nothing to merge. ` +
        'Run the model with --adapter',
    )
  if (one.kind === 'layers')
    throw new FailedError(
      `${required(given, 'adapter')} has layers with an activation in them, which are not changes of a matrix: they cannot be merged. ` +
        'Run the model with --adapter',
    )
  const { files, model, config, state } = body
  if (files === null)
    throw new FailedError(
      'a GGUF file has weights in blocks, and a merged model is written as floats: give its original as --model',
    )
  const params = mergeAdapter(plain, one.adapter)
  orFail(
    await saveModel(out, {
      ...files,
      config,
      architecture: model.architecture,
      params,
      ...(state === null ? {} : { state }),
    })(),
  )
  await copyBeside(required(given, 'model'), out)
  terminal.out(`${out}: ${model.architecture}, merged\n`)
}

export const merge: Command = {
  name: 'merge',
  usage: '--model DIR --adapter DIR --out DIR',
  summary: 'Writes a model with the changes of an adapter made in its weights.',
  options: {
    ...tunedOptions,
    out: { type: 'string', value: 'DIR', help: 'where the model goes' },
  },
  words: [0, 0],
  run: mergeRun,
}

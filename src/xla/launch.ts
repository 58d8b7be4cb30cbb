/** Executes one program. The structs for C are laid out once; each call only sets the addresses of buffers. */
import type { Client, Loaded } from './client.ts'
import type { Api } from './pjrt/api.ts'
import { layoutFor } from './pjrt/api.ts'
import type { Arena } from './pjrt/arena.ts'
import type { NativeFunction, Ptr } from './pjrt/ffi.ts'
import { layoutOf, structs } from './pjrt/layouts.ts'

const optionsLayout = layoutOf(structs.executeOptions)

export class Launch {
  readonly loaded: Loaded
  readonly #api: Api
  readonly #arena: Arena
  readonly #args: Ptr
  readonly #inputs: Ptr
  readonly #outputs: Ptr
  readonly #execute: NativeFunction

  constructor({ api }: Client, loaded: Loaded, inputs: number) {
    this.loaded = loaded
    this.#api = api
    this.#execute = api.function('LoadedExecutable_Execute')
    this.#arena = api.ownArena(8 * (inputs + loaded.outputs) + 1024)
    const arena = this.#arena
    this.#inputs = arena.take(8 * inputs)
    this.#outputs = arena.take(8 * loaded.outputs)
    this.#args = arena.struct(layoutFor('LoadedExecutable_Execute'), {
      executable: loaded.p,
      options: arena.struct(optionsLayout, {}),
      argument_lists: arena.words([this.#inputs]),
      num_devices: 1,
      num_args: inputs,
      output_lists: arena.words([this.#outputs]),
    })
  }

  /** Starts the program, and returns the buffers of its results. */
  run(buffers: readonly Ptr[]): readonly Ptr[] {
    const arena = this.#arena
    for (let i = 0; i < buffers.length; i++) arena.setWord(this.#inputs + 8 * i, buffers[i]!)
    this.#api.check(this.#execute(this.#args))
    return Array.from({ length: this.loaded.outputs }, (_, i) => arena.word(this.#outputs + 8 * i))
  }
}

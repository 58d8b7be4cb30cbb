/** Calls of C, by the package `koffi`, which is installed beside this one. */

/** An address. They have 47 bits: a number holds them. */
export type Ptr = number

/** A function of C that takes an address and gives one. */
export interface NativeFunction {
  (args: Ptr): Ptr
  /** The same on another thread. */
  async(args: Ptr, done: (error: unknown, result: Ptr) => void): void
}

/** What is used of koffi. */
export interface Koffi {
  load(path: string): { func(name: string, result: string, parameters: readonly string[]): () => number | bigint }
  proto(result: string, parameters: readonly string[]): object
  decode(address: bigint, type: object): NativeFunction
  address(data: ArrayBufferView): bigint
  view(address: bigint, length: number): ArrayBuffer
  config(options: { readonly sync_stack_size: number; readonly async_stack_size: number }): unknown
}

const name = 'koffi'

// XLA's compiler recurses deeply; koffi gives calls 2 MB of stack, those on other threads 128 KB.
const stacks = { sync_stack_size: 2 ** 24, async_stack_size: 2 ** 20 }

let known: Promise<Koffi | null> | undefined

const load = async (): Promise<Koffi | null> => {
  try {
    const module = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as { readonly default: Koffi }
    module.default.config(stacks)
    return module.default
  } catch {
    return null
  }
}

/** The package, or null where it is not installed. */
export const foreignFunctions = (): Promise<Koffi | null> => (known ??= load())

const host = globalThis as unknown as { readonly setTimeout: (f: () => void, milliseconds: number) => unknown }

/** Lets timers, input and aborts have their turn. */
export const breathe = (): Promise<void> => new Promise((resolve) => host.setTimeout(resolve, 0))

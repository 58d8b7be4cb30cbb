const host = globalThis as unknown as { readonly setTimeout: (f: () => void, milliseconds: number) => unknown }

/** Yields to the event loop: timers, input and aborts. */
export const breathe = (): Promise<void> => new Promise((resolve) => host.setTimeout(resolve, 0))

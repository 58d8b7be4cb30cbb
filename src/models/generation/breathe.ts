/** Lets timers, input and aborts have their turn. */
export const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

/** Lets timers, input and aborts have their turn. */
export const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    // A timer where there is nothing better: browsers.
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else setTimeout(resolve, 0)
  })

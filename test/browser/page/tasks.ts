/** Lets the event loop turn: what came in meanwhile is done first. */
export const nextTask = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, 0)
  })

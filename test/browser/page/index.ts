/** What the page of the browser tests offers to them, as the global `checks`. */
export * from './conformance.ts'
export * from './platform.ts'
export * from './threads.ts'
export * from './training.ts'
export * from './watch.ts'
export * from './worker.ts'

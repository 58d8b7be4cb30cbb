/** Trains in a worker, as pages do that want to answer meanwhile. A worker may sleep, and starts threads of its own. */
import type { Training } from './training.ts'

interface Answer {
  readonly losses?: readonly number[]
  readonly error?: string
}

interface WorkerLike {
  onmessage: (event: { readonly data: Answer }) => void
  postMessage(data: Training): void
}

const host = globalThis as unknown as {
  readonly Worker: new (url: string) => WorkerLike
  readonly location: { readonly origin: string }
}

const source = (): string => `
  importScripts('${host.location.origin}/checks.js')
  onmessage = ({ data }) => checks.train(data).then(
    (losses) => postMessage({ losses }),
    (error) => postMessage({ error: String(error) }),
  )`

export const trainInWorker = (training: Training): Promise<readonly number[]> =>
  new Promise((resolve, reject) => {
    const worker = new host.Worker(URL.createObjectURL(new Blob([source()])))
    worker.onmessage = ({ data: { losses, error } }) => {
      if (losses === undefined) reject(new Error(error))
      else resolve(losses)
    }
    worker.postMessage(training)
  })

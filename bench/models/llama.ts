/** SmolLM2 by llama.cpp, through node-llama-cpp: `llama.ts TASK ROUNDS`. Two threads, on the processor. Sends what child.ts does. */
import { peakResidentBytes } from '../memory/peak.ts'
import type { Timed } from './child.ts'
import { smollm } from './files.ts'
import { peerModule } from './peers.ts'
import { timed } from './timed.ts'

/** What is used of node-llama-cpp. */
interface Sequence {
  readonly clearHistory: () => Promise<void>
  readonly evaluateWithoutGeneratingNewTokens: (tokens: readonly number[]) => Promise<void>
  readonly evaluate: (tokens: readonly number[], options: object) => AsyncGenerator<number>
}
interface Llama {
  readonly loadModel: (options: object) => Promise<{
    readonly createContext: (options: object) => Promise<{ readonly getSequence: () => Sequence }>
  }>
}
interface NodeLlama {
  readonly getLlama: (options: object) => Promise<Llama>
}

const [PROMPT, TOKENS] = [256, 32]
const [name, rounds] = process.argv.slice(2) as [string, string]
const { getLlama } = (await peerModule('node-llama-cpp')) as NodeLlama
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 2, logLevel: 'error' })
const model = await llama.loadModel({ modelPath: smollm, gpuLayers: 0 })
const context = await model.createContext({ contextSize: 512, batchSize: PROMPT, threads: 2 })
const sequence = context.getSequence()

const tasks: { readonly [task: string]: { readonly run: () => Promise<void>; readonly parts: number } } = {
  prefill: {
    parts: 1,
    run: async () => {
      await sequence.clearHistory()
      await sequence.evaluateWithoutGeneratingNewTokens(Array.from({ length: PROMPT }, (_, i) => 1000 + 17 * i))
    },
  },
  decode: {
    parts: TOKENS,
    run: async () => {
      await sequence.clearHistory()
      let count = 0
      for await (const token of sequence.evaluate([1], { temperature: 0, yieldEogToken: true }))
        if (token >= 0 && ++count === TOKENS) break
    },
  },
}

const { run, parts } = tasks[name]!
const result: Timed = { ...(await timed(run, Number(rounds), parts)), peakBytes: peakResidentBytes() }
process.send!(result)

/** Real models, beside PyTorch where there is a Python that has it, and llama.cpp and transformers.js where bench/peers has them. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { inChild } from '../harness/child.ts'
import type { Options } from '../options.ts'
import { duration, factor, markdown, megabytes } from '../report/format.ts'
import type { Timed } from './child.ts'
import { canOpen } from './files.ts'
import { hasPeer } from './peers.ts'

interface Row {
  readonly task: string
  readonly words: string
  /** The task of PyTorch that it stands beside. */
  readonly torch: string | null
  readonly rounds: number
  readonly target: string
}

const rows: readonly Row[] = [
  { task: 'encoder.load', words: 'MiniLM: load 90 MB of safetensors', torch: null, rounds: 5, target: '≤ 300 ms' },
  { task: 'encoder.forward', words: 'MiniLM: forward, 16 × 128', torch: 'encoder.forward', rounds: 7, target: '≥ 1×' },
  {
    task: 'encoder.step',
    words: 'MiniLM: training step, AdamW, 16 × 128',
    torch: 'encoder.step',
    rounds: 5,
    target: '≥ 0.85×, memory ≤ 0.6×',
  },
  {
    task: 'encoder.lora',
    words: 'MiniLM: LoRA step, r = 8, 16 × 128',
    torch: 'encoder.lora',
    rounds: 5,
    target: '≥ 0.9×',
  },
  { task: 'decoder.load', words: 'SmolLM2-135M: load, 4 bits kept', torch: null, rounds: 3, target: '≤ 1000 ms' },
  {
    task: 'decoder.prefill',
    words: 'SmolLM2-135M, float32: prompt of 256',
    torch: 'decoder.prefill',
    rounds: 5,
    target: '≥ 1×',
  },
  {
    task: 'decoder.prefill.quantized',
    words: 'SmolLM2-135M, 4 bits: prompt of 256',
    torch: 'decoder.prefill',
    rounds: 5,
    target: '',
  },
  { task: 'decoder.decode', words: 'SmolLM2-135M, float32: a token', torch: 'decoder.decode', rounds: 3, target: '' },
  {
    task: 'decoder.decode.quantized',
    words: 'SmolLM2-135M, 4 bits: a token',
    torch: 'decoder.decode',
    rounds: 3,
    target: '≤ 40.0 ms',
  },
  {
    task: 'decoder.generate.quantized',
    words: 'SmolLM2-135M, 4 bits: `generate`, a token of 32 after a prompt of 32, prompt included',
    torch: null,
    rounds: 3,
    target: '≤ 350 MB',
  },
  {
    task: 'decoder.lora.quantized',
    words: 'SmolLM2-135M, 4 bits: LoRA step, r = 8, 1 × 256',
    torch: 'decoder.lora',
    rounds: 3,
    target: '≥ 0.85×, ≤ 900 MB',
  },
  {
    task: 'decoder.lora.remat',
    words: 'the same with `remat`',
    torch: 'decoder.lora',
    rounds: 3,
    target: '',
  },
  {
    task: 'tiny.generate',
    words: 'Llama of 1.1 B, random, 4 bits: `generate`, a token',
    torch: null,
    rounds: 1,
    target: '≤ 2500 MB',
  },
  {
    task: 'tiny.lora',
    words: 'Llama of 1.1 B, random, 4 bits: LoRA step with `remat`, 1 × 128',
    torch: null,
    rounds: 1,
    target: '≤ 2500 MB',
  },
]

/** What other libraries do with the same weights. */
interface PeerRow {
  readonly words: string
  readonly script: string
  readonly peer: string
  readonly task: string
  /** Our task that it stands beside. */
  readonly ours: string
}

const peerRows: readonly PeerRow[] = [
  {
    words: 'llama.cpp: SmolLM2-135M, 4 bits: prompt of 256',
    script: 'llama.ts',
    peer: 'node-llama-cpp',
    task: 'prefill',
    ours: 'decoder.prefill.quantized',
  },
  {
    words: 'llama.cpp: SmolLM2-135M, 4 bits: a token',
    script: 'llama.ts',
    peer: 'node-llama-cpp',
    task: 'decode',
    ours: 'decoder.decode.quantized',
  },
  {
    words: 'transformers.js: MiniLM: forward, 16 × 128',
    script: 'transformersJs.ts',
    peer: '@huggingface/transformers',
    task: 'forward',
    ours: 'encoder.forward',
  },
]

const folder = import.meta.dirname
const relaxed = ['--experimental-wasm-relaxed-simd']
const wide = ['--experimental-wasm-revectorize']

const torchRun = (python: string, task: string, rounds: number): Timed =>
  JSON.parse(
    execFileSync(python, [join(folder, 'pytorch.py'), task, String(rounds), join(folder, '..', '..', '.models')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as Timed

/** The peer's figures, or why there are none. */
const peerRun = async ({ script, peer, task }: PeerRow): Promise<Timed | string> => {
  if (!hasPeer(peer)) return 'not there'
  try {
    return await inChild<Timed>(join(folder, script), [task, '3'])
  } catch {
    return 'did not run'
  }
}

const peerTable = async (ours: ReadonlyMap<string, Timed>): Promise<string> => {
  const cells: string[][] = []
  for (const row of peerRows) {
    const found = await peerRun(row)
    const own = ours.get(row.ours)!
    cells.push(
      typeof found === 'string'
        ? [row.words, found, '–', duration(own.milliseconds * 1000), '–']
        : [
            row.words,
            duration(found.milliseconds * 1000),
            megabytes(found.peakBytes),
            duration(own.milliseconds * 1000),
            factor(found.milliseconds / own.milliseconds),
          ],
    )
  }
  return markdown(['', 'its time', 'its most resident', 'Pullback', 'times as fast'], cells)
}

/** Tables, or why there are none. */
export const measureModels = async ({ python, wideNode }: Options): Promise<string> => {
  if (!(await canOpen())) return 'The models are not there: scripts/fetch-models.sh gets them.'
  const known = new Map<string, Timed>()
  const ours = new Map<string, Timed>()
  const cells: string[][] = []
  for (const { task, words, torch, rounds, target } of rows) {
    const script = join(folder, 'child.ts')
    const plain = await inChild<Timed>(script, [task, String(rounds)])
    const fast = await inChild<Timed>(script, [task, String(rounds)], relaxed)
    const joined = wideNode === null ? null : await inChild<Timed>(script, [task, String(rounds)], wide, wideNode)
    const best = joined ?? fast
    ours.set(task, best)
    if (torch !== null && python !== null && !known.has(torch)) known.set(torch, torchRun(python, torch, rounds))
    const peer = torch === null ? undefined : known.get(torch)
    cells.push([
      words,
      duration(plain.milliseconds * 1000),
      duration(fast.milliseconds * 1000),
      ...(joined === null ? [] : [duration(joined.milliseconds * 1000)]),
      duration(fast.firstMilliseconds * 1000),
      megabytes(fast.peakBytes),
      peer === undefined ? '–' : duration(peer.milliseconds * 1000),
      peer === undefined ? '–' : megabytes(peer.peakBytes),
      peer === undefined ? '–' : factor(peer.milliseconds / best.milliseconds),
      target,
    ])
  }
  const head = [
    '',
    'plain SIMD',
    'relaxed SIMD',
    ...(wideNode === null ? [] : ['256 bits']),
    'first run beyond',
    'most resident',
    'PyTorch',
    'its most resident',
    'times as fast',
    'target',
  ]
  return `${markdown(head, cells)}\n\n${await peerTable(ours)}`
}

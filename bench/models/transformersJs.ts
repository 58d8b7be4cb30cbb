/**
 * MiniLM by transformers.js, on onnxruntime: `transformersJs.ts TASK ROUNDS`. It needs the model in ONNX, which bench/models/export_onnx.py makes
 * from the same weights: `python bench/models/export_onnx.py .models`. Sends what child.ts does.
 */
import { peakResidentBytes } from '../memory/peak.ts'
import type { Timed } from './child.ts'
import { root } from './files.ts'
import { peerModule } from './peers.ts'
import { timed } from './timed.ts'

interface TransformersJs {
  readonly env: { allowRemoteModels: boolean; localModelPath: string }
  readonly AutoModel: {
    readonly from_pretrained: (
      name: string,
      options: object,
    ) => Promise<(inputs: object) => Promise<{ readonly last_hidden_state: { readonly data: Float32Array } }>>
  }
  readonly Tensor: new (type: string, data: BigInt64Array, shape: readonly number[]) => object
}

const [BATCH, LENGTH] = [16, 128]
const rounds = Number(process.argv[3])
const { env, AutoModel, Tensor } = (await peerModule('@huggingface/transformers')) as TransformersJs
env.allowRemoteModels = false
env.localModelPath = root
const session = { session_options: { intraOpNumThreads: 2, interOpNumThreads: 1 } }
const model = await AutoModel.from_pretrained('onnx-minilm', { dtype: 'fp32', device: 'cpu', ...session })
const tensor = (value: (i: number) => number): object =>
  new Tensor(
    'int64',
    BigInt64Array.from({ length: BATCH * LENGTH }, (_, i) => BigInt(value(i))),
    [BATCH, LENGTH],
  )
const inputs = {
  input_ids: tensor((i) => 1000 + ((i * 7919) % 29_000)),
  attention_mask: tensor(() => 1),
  token_type_ids: tensor(() => 0),
}
const run = async (): Promise<number> => (await model(inputs)).last_hidden_state.data[0]!
const result: Timed = { ...(await timed(run, rounds, 1)), peakBytes: peakResidentBytes() }
process.send!(result)

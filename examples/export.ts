/**
 * Trained here, served elsewhere: a network that reads digits, as StableHLO run by JAX's engine and as ONNX run by onnxruntime.
 *
 *     npm run example -- examples/export.ts            trains three epochs
 *     npm run example -- examples/export.ts --quick    a third of one
 *
 * `scripts/fetch-engines.sh` gets both engines for Python; without them the files are written, and the example says so.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { jit, nn, np, optim, random, tree, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import { writeNpz } from 'pullback/io'
import { exportOnnx } from 'pullback/onnx'
import { exportProgram } from 'pullback/stablehlo'
import { readDigits } from './support/digits.ts'
import type { Digits } from './support/digits.ts'
import { fail, isQuick, outputPath, writeOutput } from './support/output.ts'
import { batches, fold, splitDigits, toBatch } from './support/train.ts'
import type { Batch } from './support/train.ts'

const epochs = isQuick() ? 1 : 3
const model = nn.sequential(nn.linear(28 * 28, 64), nn.relu, nn.linear(64, 10))
type Params = ReturnType<typeof model.init>

/** What is served: the probability of each digit, for each image. */
const serve = (params: Params, images: NDArray): NDArray => nn.softmax(model.apply(params, images))

const loss = (params: Params, { x, y }: Batch): NDArray =>
  np.mean(optim.softmaxCrossEntropyWithIntegerLabels(model.apply(params, x), y))

const optimizer = optim.adam(2e-3)

const step = jit((params: Params, state: optim.StateOf<typeof optimizer>, batch: Batch) => {
  const [, gradient] = valueAndGrad(loss)(params, batch)
  const [updates, next] = optimizer.update(gradient, state, params)
  return [optim.applyUpdates(params, updates), next] as const
})

const train = (data: Digits): Params => {
  const start = model.init(random.key(0))
  const all = Array.from({ length: epochs }, (_, epoch) => [...batches(random.key(epoch), data, 64)]).flat()
  return fold((s, batch) => step(...s, batch), [start, optimizer.init(start)] as ReturnType<typeof step>, all)[0]
}

/** What the other engines are given, and what they should find. */
const written = (params: Params, test: Digits) => {
  const { x, y } = toBatch(test)
  const { text, inputs } = exportProgram(serve)(params, x)
  const { bytes } = exportOnnx(serve, { bakeArgnums: 0, inputNames: ['images'], outputNames: ['probabilities'] })(
    params,
    x,
  )
  const leaves = tree.leaves([params, x]) as readonly NDArray[]
  // In the order in which the module takes them.
  const given = Object.fromEntries(inputs.map((_, i) => [`input${i}`, leaves[i]!]))
  const arrays = { ...given, labels: y, probabilities: serve(params, x) }
  return pipe(
    writeOutput('digits.mlir', text),
    TE.chainW(() => writeOutput('digits.onnx', bytes)),
    TE.chainW(() => writeNpz(outputPath('digits.npz'), arrays)),
    TE.map(() => ({ text, bytes })),
  )
}

/** Has Python run both; what it prints. */
const runElsewhere = (): string => {
  const script = join(import.meta.dirname, 'support/serve.py')
  const fetched = join(import.meta.dirname, '../.engines/python')
  const { stdout, stderr } = spawnSync('python3', [script, outputPath('digits')], {
    env: { ...process.env, PYTHONPATH: fetched },
    encoding: 'utf8',
  })
  return stdout === '' ? `Python could not be run: ${stderr}` : stdout
}

const main = pipe(
  readDigits([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
  TE.map((data) => splitDigits(random.key(1), data, isQuick() ? [2560, 512] : [8000, 2000])),
  TE.chainW(([training, test]) => {
    const params = train(training!)
    const hits = np.equal(np.argmax(serve(params, toBatch(test!).x), { axis: 1 }), toBatch(test!).y)
    console.log(`pullback     ${(100 * np.mean(hits).item()).toFixed(1)} % of ${test!.count} digits`)
    return written(params, test!)
  }),
)

const result = await main()
if (result._tag === 'Left') fail(result.left)
else {
  const { text, bytes } = result.right
  console.log(
    `${outputPath('digits.mlir')}: ${text.length} characters; ${outputPath('digits.onnx')}: ${bytes.length} bytes`,
  )
  console.log(runElsewhere())
}

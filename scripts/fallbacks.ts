/** Which operations the WebAssembly back end leaves to the reference: by samples of each, in both floats. */
import { explain } from '../src/backends/wasm/compile.ts'
import type { OpName } from '../src/ir/op.ts'
import { Program, Variable, equation } from '../src/ir/program.ts'
import { primitiveOf } from '../src/primitives/all.ts'
import { operations } from '../src/testing/recipes/index.ts'
import { sampleFrom } from '../src/testing/samples.ts'

const SAMPLES = 60

/** Choices for a sample: a linear congruential generator's numbers. */
const entropyOf = (seed: number): readonly number[] => {
  let state = seed
  return Array.from({ length: 40 }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8)
}

/** What the operands are, if the operation's sample goes to the reference. */
const fallbackOf = (op: OpName, seed: number): string | null => {
  const { params, operands } = sampleFrom(op, entropyOf(seed), { float: seed % 2 === 0 ? 'float32' : 'float64' })
  const inputs = operands.map((x) => new Variable(x.aval))
  const avals = inputs.map((v) => v.aval)
  const outputs = primitiveOf(op)
    .type(params as never, avals)
    .map((aval) => new Variable(aval))
  const program = new Program({ inputs, equations: [equation(op, params, inputs, outputs)], outputs })
  const left = explain(program).steps.some((step) => step.kind === 'host')
  return left ? avals.map((aval) => aval.dtype).join(', ') : null
}

const rows = operations.map((op) => {
  const found = Array.from({ length: SAMPLES }, (_, seed) => fallbackOf(op, seed + 1))
  const kinds = [...new Set(found.filter((kind) => kind !== null))]
  return { op, share: found.filter((kind) => kind !== null).length / SAMPLES, kinds }
})

const left = rows.filter(({ share }) => share > 0)
console.log(
  `${operations.length - left.length} of ${operations.length} operations always run in WebAssembly. Left to the reference:`,
)
for (const { op, share, kinds } of left) {
  console.log(`  ${op.padEnd(18)} ${share === 1 ? 'always' : `of ${kinds.join('; ')}`}`)
}

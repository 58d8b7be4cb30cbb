/** Explains a lowered program: its steps, the operations fused into each, and their costs. */
import { sizeOf } from '../../core/shape.ts'
import type { Equation } from '../../ir/program.ts'
import type { LoopVar } from '../../lowering/indices.ts'
import type { Node } from '../../lowering/nodes.ts'
import { reachable } from '../../lowering/nodes.ts'
import type { Block, Kernel, Lowered, Step } from '../../lowering/steps.ts'
import { bytesOf, valuesOfKernel } from '../../lowering/steps.ts'
import type { ExplainedStep, Explanation } from '../explanation.ts'
import type { Plan } from './plan.ts'

const extentsOf = (vars: readonly LoopVar[]): string => vars.map((v) => v.extent).join('×')

const product = (vars: readonly LoopVar[]): number => sizeOf(vars.map((v) => v.extent))

const workOf = (nodes: readonly Node[], elements: number): number =>
  nodes.reduce((n, node) => {
    if (node.kind === 'op') return n + elements
    return node.kind === 'fold' ? n + elements * product(node.vars) * (1 + reachable([node.body]).length) : n
  }, 0)

const explainKernel = (kernel: Kernel, follows: boolean): Pick<ExplainedStep, 'what' | 'bytes' | 'flops'> => {
  const { outer, inner, stages } = kernel
  const rows = product(outer)
  const { reads, writes } = valuesOfKernel(kernel)
  const local = new Set(kernel.rowTemporaries)
  const bytes = [...reads, ...writes].reduce((n, v) => n + (local.has(v) ? 0 : bytesOf(v.aval)), 0)
  const flops = stages.reduce((total, s) => {
    const nodes = reachable([...s.stores, ...s.reductions].map((x) => x.node))
    const elements = rows * product(inner)
    const ofRows = workOf(reachable(s.rowStores.map((x) => x.node)), rows)
    return total + workOf(nodes, elements) + s.reductions.length * elements + ofRows
  }, 0)
  const passes = stages.length > 1 ? `, ${stages.length} passes` : ''
  const what = outer.length === 0 ? extentsOf(inner) : `${extentsOf(outer)} rows of ${extentsOf(inner)}`
  return { what: `${what}${passes}${follows ? ', as rows come' : ''}`, bytes, flops }
}

const routineFlops = (eqn: Equation): number => {
  if (eqn.op === 'dotGeneral') {
    const [left] = eqn.params.contract
    const k = sizeOf(left.map((a) => eqn.inputs[0]!.aval.shape[a]!))
    return 2 * k * eqn.outputs[0]!.aval.size
  }
  if (eqn.op === 'conv') {
    const [, kernel] = eqn.inputs
    const features = eqn.outputs[0]!.aval.shape[eqn.params.outSpec[1]!]!
    return (2 * eqn.outputs[0]!.aval.size * kernel!.aval.size) / Math.max(1, features)
  }
  return eqn.outputs.reduce((n, v) => n + v.aval.size, 0)
}

const explainStep = (step: Step, depth: number, follows: ReadonlySet<Kernel>): readonly ExplainedStep[] => {
  switch (step.kind) {
    case 'kernel':
      return [
        {
          depth,
          kind: 'kernel',
          operations: operationsOf(step.kernel),
          ...explainKernel(step.kernel, follows.has(step.kernel)),
        },
      ]
    case 'routine':
    case 'host': {
      const { equation } = step
      const operands = step.kind === 'host' ? step.operands : step.operands.map((o) => o.value)
      const bytes = [...new Set([...operands, ...step.results])].reduce((n, v) => n + bytesOf(v.aval), 0)
      const what = equation.outputs.map((v) => v.aval).join(', ')
      return [{ depth, kind: step.kind, what, operations: [equation.op], bytes, flops: routineFlops(equation) }]
    }
    case 'copy':
      return [
        { depth, kind: 'copy', what: String(step.to.aval), operations: [], bytes: 2 * bytesOf(step.to.aval), flops: 0 },
      ]
    case 'cond':
      return [
        line(depth, 'cond', `${step.branches.length} branches`),
        ...step.branches.flatMap((b) => explainBlock(b, depth + 1, follows)),
      ]
    case 'while': {
      const bound = step.maxSteps === Infinity ? '' : `at most ${step.maxSteps} times`
      return [
        line(depth, 'while', bound),
        ...explainBlock(step.condition, depth + 1, follows),
        ...explainBlock(step.body, depth + 1, follows),
      ]
    }
    case 'scan':
      return [line(depth, 'scan', `${step.length} steps`), ...explainBlock(step.body, depth + 1, follows)]
  }
}

const line = (depth: number, kind: Step['kind'], what: string): ExplainedStep => ({
  depth,
  kind,
  what,
  operations: [],
  bytes: 0,
  flops: 0,
})

const explainBlock = (block: Block, depth: number, follows: ReadonlySet<Kernel>): readonly ExplainedStep[] =>
  block.steps.flatMap((s) => explainStep(s, depth, follows))

/** Operations and reductions of a kernel, each once, operands first. */
const operationsOf = (kernel: Kernel): readonly string[] => {
  const names = kernel.stages.flatMap((s) => [
    ...nodeNames([...s.stores, ...s.reductions].map((x) => x.node)),
    ...s.reductions.map((r) => `row ${r.fold}`),
    ...nodeNames(s.rowStores.map((x) => x.node)),
  ])
  return [...new Set(names)]
}

const nodeNames = (roots: readonly Node[]): readonly string[] =>
  reachable(roots).flatMap((n) => {
    if (n.kind === 'op') return [n.op]
    return n.kind === 'fold' ? [`column ${n.fold}`] : []
  })

const units = ['B', 'KB', 'MB', 'GB'] as const

const showBytes = (bytes: number): string => {
  const power = bytes < 1024 ? 0 : Math.min(3, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}

const showFlops = (n: number): string => (n < 1e6 ? `${(n / 1e3).toFixed(1)} kflop` : `${(n / 1e6).toFixed(1)} Mflop`)

const showStep = (s: ExplainedStep, i: number): string => {
  const title = `${'  '.repeat(s.depth)}${s.kind}${s.what === '' ? '' : ` ${s.what}`}`
  if (s.bytes === 0 && s.flops === 0) return `${String(i).padStart(4)}  ${title}`
  const figures = `${showBytes(s.bytes)}, ${showFlops(s.flops)}`
  return `${String(i).padStart(4)}  ${title}  [${figures}]${s.operations.length > 0 ? `: ${s.operations.join(' ')}` : ''}`
}

/** Explains a lowered program and its plan; `follows` are the kernels that run row by row with the step before them. */
export const explainLowered = (lowered: Lowered, plan: Plan, follows: ReadonlySet<Kernel>): Explanation => {
  const steps = explainBlock(lowered, 0, follows)
  const { livePeak, plannedPeak } = plan
  return {
    steps,
    livePeak,
    plannedPeak,
    toString: () =>
      [
        ...steps.map(showStep),
        `${steps.length} steps, ${steps.filter((s) => s.kind === 'host').length} of them on the interpreter`,
        `peak memory: ${showBytes(plannedPeak)} planned, for ${showBytes(livePeak)} in use at the worst moment`,
      ].join('\n'),
  }
}

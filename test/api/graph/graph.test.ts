/** Graphs of programs: what stands in them, that the numbers at their edges are the chain rule, and that others can read them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import type { GraphOptions, NDArray, ProgramGraph } from 'pullback'
import {
  evalProgram,
  grad,
  jacfwd,
  jit,
  lax,
  makeProgram,
  namedScope,
  nn,
  np,
  optim,
  optimize,
  parseProgram,
  printProgram,
  programGraph,
  pureCallback,
  random,
  ShapeDtypeStruct,
  toDot,
  toMermaid,
  tree,
  valueAndGrad,
  withDevice,
} from 'pullback'
import { assertClose, programs } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { checkDot, checkMermaid } from './support/graphSyntax.ts'

type F = (...args: never[]) => unknown

const program = (f: F, ...args: unknown[]) =>
  (makeProgram(f) as (...a: unknown[]) => ReturnType<ReturnType<typeof makeProgram>>)(...args)

const labels = ({ nodes }: ProgramGraph, kind: string): string[] =>
  nodes.filter((n) => n.kind === kind).map((n) => n.label)

/** The derivative of an output by an input, added up over all paths between them of the products along each. */
const alongPaths = (
  { nodes, edges }: ProgramGraph,
  from: string,
  output: string,
  sizes: ReadonlyMap<string, number>,
): NDArray => {
  const result = edges.find((e) => e.to === nodes.find((n) => n.label === output)!.id)!.name
  const size = (name: string): number => sizes.get(name)!
  const matrix = (j: NDArray, of: string, by: string): NDArray => j.reshape([size(of), size(by)])
  const known = new Map<string, NDArray>([[result, np.eye(size(result), { dtype: 'float64' })]])
  const derivativeBy = (name: string): NDArray => {
    const seen = known.get(name)
    if (seen !== undefined && name !== result) return seen
    const onward = edges.flatMap((e) => e.derivatives.filter((d) => d.by === name))
    const terms = onward.map((d) => np.matmul(derivativeBy(d.of), matrix(d.jacobian!, d.of, d.by)))
    const start = name === result ? known.get(result)! : np.zeros([size(result), size(name)], { dtype: 'float64' })
    const total = terms.reduce((sum, t) => sum.add(t), start)
    if (name !== result) known.set(name, total)
    return total
  }
  return derivativeBy(from)
}

/** Elements of each value, from its type: `f64[2,3]`. */
const sizesOf = (graph: ProgramGraph): ReadonlyMap<string, number> =>
  new Map(
    graph.edges.map(({ name, type }) => {
      const extents = /\[(.*)\]/.exec(type)![1]!.split(',')
      return [name, extents.reduce((n, extent) => (extent === '' ? n : n * Number(extent)), 1)]
    }),
  )

describe('the chain rule', () => {
  it.each([false, true, 1])('holds along the edges of any program; boxes open: %s', (expand) => {
    withDevice('interpreter', () => {
      // An operation that has no derivative at all, or whose values grow out of bounds, says nothing here.
      fc.assert(
        fc.property(programs({ dtypes: ['float64'], maxEquations: 6, maxSize: 12 }), ({ program: p, inputs }) => {
          const outs = evalProgram(p, inputs)
          const output = p.outAvals.findIndex((a) => a.dtype === 'float64')
          fc.pre(output >= 0 && outs.every((y) => np.all(np.abs(y.astype('float64')).less(1e4)).bool()))
          const graph = programGraph(p, {
            expand: expand === true ? ['f', 'call', 'checkpoint'] : expand,
            derivatives: true,
            at: inputs,
          })
          const wanted = jacfwd((...xs: NDArray[]) => evalProgram(p, xs)[output]!, {
            argnums: inputs.map((_, i) => i),
          })(...inputs) as NDArray[]
          fc.pre(wanted.every((w) => np.all(np.isfinite(w)).bool()))
          const all = graph.edges.flatMap((e) => e.derivatives.map((d) => d.jacobian))
          fc.pre(all.every((j) => j !== null && np.all(np.isfinite(j)).bool()))
          const sizes = sizesOf(graph)
          const places = graph.nodes.filter((n) => n.kind === 'input' && n.box === null)
          inputs.forEach((x, i) => {
            const [name] = places[i]!.gives
            if (name === undefined) return
            const got = alongPaths(graph, name, `output ${output}`, sizes)
            assertClose(`by input ${i}`, got, wanted[i]!.reshape([outs[output]!.size, x.size]).astype('float64'), {
              rtol: 1e-6,
              atol: 1e-8,
            })
          })
        }),
        { numRuns: 60 },
      )
    })
  })
})

describe('docs/chain-rule.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/chain-rule.md'), 'utf8')
  const picture = /```mermaid\n([^]*?)\n```/.exec(page)![1]!
  const loss = (params: { readonly w: NDArray }, x: NDArray, y: NDArray): NDArray => {
    const h = np.tanh(np.multiply(params.w, x))
    return np.square(np.subtract(np.multiply(params.w, h), y))
  }
  const at = [0.5, 2, 1].map((x) => np.array(x))

  it('shows what toMermaid gives', () => {
    const p = program(loss, { w: at[0]! }, at[1]!, at[2]!)
    expect(toMermaid(p, { derivatives: true, at })).toBe(picture)
  })

  it('has numbers that multiply along paths, and add up over paths, to what grad gives', () => {
    const edges = [...picture.matchAll(/∂(\S+)\/∂(\S+) = .*?(-?[\d.]+)"\|/g)].map(([, of, by, n]) => ({
      of: of!,
      by: by!,
      n: Number(n),
    }))
    expect(edges.length).toBe(8)
    const total = (from: string, to: string): number =>
      from === to ? 1 : edges.filter((e) => e.by === from).reduce((sum, e) => sum + e.n * total(e.of, to), 0)
    expect(total('params.w', 'e')).toBeCloseTo(grad(loss)({ w: at[0]! }, at[1]!, at[2]!).w.item(), 2)
    // Each product is on the page, and their sum.
    for (const text of ['-1.238 · 1 · 0.7616', '-1.238 · 1 · 0.5 · 0.42 · 2', '-1.463']) expect(page).toContain(text)
    expect(total('params.w', 'e')).toBeCloseTo(-1.463, 2)
  })
})

describe('inputs', () => {
  const inputs = (f: F, ...args: unknown[]): string[] => labels(programGraph(program(f, ...args)), 'input')
  const x = np.zeros([2])

  it('are called by their place among the parameters', () => {
    const layers = [
      { kernel: x, bias: x },
      { kernel: x, bias: null },
    ]
    expect(inputs((params: unknown, batch: NDArray) => [batch, tree.leaves(params)], { layers }, x)).toEqual([
      'params.layers[0].bias',
      'params.layers[0].kernel',
      'params.layers[1].kernel',
      'batch',
    ])
    expect(inputs((p: unknown) => p, { 'odd key': x, fine: [x] })).toEqual(['p.fine[0]', 'p["odd key"]'])
  })

  it.each<[string, F, string]>([
    ['patterns', ({ a }: { a: NDArray }) => a, 'a,b[0]'],
    ['defaults', (p = { a: [')', "'"] }, q = 1) => [p, q], 'p.a,p.b[0]'],
    ['rest', (...all: unknown[]) => all, 'all[0].a,all[0].b[0]'],
    [
      'functions',
      function f(p: unknown) {
        return p
      },
      'p.a,p.b[0]',
    ],
    [
      'methods',
      {
        m(p: unknown) {
          return p
        },
      }.m,
      'p.a,p.b[0]',
    ],
    // A text without a list of parameters that is the function's own.
    ['built-in functions', ((p: unknown) => p).bind(null), 'args[0].a,args[0].b[0]'],
  ])('of functions with %s', (_, f, wanted) => {
    expect(inputs(f, { a: x, b: [x] }).join()).toBe(wanted)
  })

  it('keep their names in optimised programs, and are numbered in those that were parsed', () => {
    const p = program((params: { w: NDArray }) => np.sin(params.w), { w: x })
    expect(labels(programGraph(optimize(p)), 'input')).toEqual(['params.w'])
    const parsed = parseProgram(printProgram(p))
    expect(parsed._tag === 'Right' && labels(programGraph(parsed.right), 'input')).toEqual(['input 0'])
  })
})

const model = nn.sequential(nn.linear(2, 3), nn.relu, nn.linear(3, 3), nn.relu)
const params = model.init(random.key(0))
const [xs, ys] = [np.ones([4, 2]), np.array([0, 1, 2, 0])]
const loss = (p: typeof params, x: NDArray, y: NDArray): NDArray => {
  const logits = namedScope('model', () => model.apply(p, x))
  return np.mean(optim.softmaxCrossEntropyWithIntegerLabels(logits, y.astype('int32')))
}

describe('boxes', () => {
  const p = program(loss, params, xs, ys)
  const closed = (expand: GraphOptions['expand']): string[] => labels(programGraph(p, { expand: expand! }), 'closed')
  const open = (expand: GraphOptions['expand']): string[] =>
    programGraph(p, { expand: expand! }).boxes.map((b) => b.label)
  const name = 'softmaxCrossEntropyWithIntegerLabels'

  it('are closed, and open on demand: all, to a depth, by name', () => {
    expect(closed(false)).toEqual(['model', name])
    expect(closed(0)).toEqual(['model', name])
    expect(open(false)).toEqual([])
    // Each run is a box: two layers of one kind after the other, too.
    expect(open(1)).toEqual(['model', name])
    expect(closed(1).slice(0, 4)).toEqual(['linear', 'relu', 'linear', 'relu'])
    expect(closed(['model'])).toEqual(['linear', 'relu', 'linear', 'relu', name])
    expect(open(['model', 'relu'])).toEqual(['model', 'relu', 'relu'])
    expect(closed(true)).toEqual([])
    expect(open(true).slice(0, 5)).toEqual(['model', 'linear', 'relu', 'linear', 'relu'])
  })

  it('of one function after itself are two', () => {
    const graph = programGraph(program((x: NDArray) => nn.relu(nn.relu(x)), xs))
    expect(labels(graph, 'closed')).toEqual(['relu', 'relu'])
  })

  it('do not show in the text of programs: only scopes of the user do', () => {
    const text = printProgram(p)
    expect(text).toContain('@ "model"')
    expect(text).not.toContain('relu')
  })

  it('take and give what crosses them, once', () => {
    const { nodes, edges } = programGraph(p)
    const box = nodes.find((n) => n.label === 'model')!
    expect(edges.filter((e) => e.to === box.id).map((e) => e.name)).toEqual(
      ['p[0].bias', 'p[0].kernel', 'p[2].bias', 'p[2].kernel', 'x'].toSorted(
        (a, b) => edges.findIndex((e) => e.name === a) - edges.findIndex((e) => e.name === b),
      ),
    )
    expect(edges.filter((e) => e.from === box.id).map((e) => e.type)).toEqual(['f32[4,3]'])
  })

  it('stand in the graphs of gradients, which have no circles', () => {
    const gradient = program((q: typeof params) => valueAndGrad(loss)(q, xs, ys), params)
    for (const g of [gradient, optimize(gradient)]) {
      for (const expand of [false, 1, true]) {
        const { edges, nodes } = programGraph(g, { expand })
        const place = new Map(nodes.map((n, i) => [n.id, i]))
        const after = new Map<string, Set<string>>()
        for (const e of edges) after.set(e.from, (after.get(e.from) ?? new Set()).add(e.to))
        const state = new Map<string, 'open' | 'done'>()
        const visit = (id: string): void => {
          expect(state.get(id)).not.toBe('open')
          if (state.has(id)) return
          state.set(id, 'open')
          for (const next of after.get(id) ?? []) visit(next)
          state.set(id, 'done')
        }
        for (const id of place.keys()) visit(id)
      }
    }
  })

  it('hold what functions under jit, checkpoints and control flow do', () => {
    const f = (c: NDArray, x: NDArray): NDArray =>
      lax.cond(
        c,
        (z: NDArray) =>
          jit(function inner(y: NDArray) {
            return np.sin(y)
          })(z),
        (z: NDArray) => z,
        x,
      )
    const g = (x: NDArray): unknown => [
      f(np.greater(x, 0), x),
      lax.scan((s: NDArray, _: null) => [np.cos(s), null], x, null, { length: 3 }),
      lax.whileLoop(
        (s: NDArray) => np.less(s, 9),
        (s: NDArray) => np.exp(s),
        x,
      ),
    ]
    const scalar = program(g, np.array(1))
    const all = programGraph(scalar, { expand: true })
    expect(all.boxes.map((b) => b.label.split(' ')[0])).toEqual(
      expect.arrayContaining(['cond', 'branch', 'inner', 'scan', 'body', 'while', 'condition']),
    )
    expect(labels(all, 'operation')).toEqual(
      expect.arrayContaining(['sin', 'cos', 'exp', 'lt', 'cond', 'scan', 'while']),
    )
    expect(labels(programGraph(scalar), 'operation')).not.toContain('sin')
    expect(labels(programGraph(scalar), 'closed').length).toBe(3)
  })
})

describe('formulas', () => {
  const formulas = (f: F, ...args: unknown[]): string[] =>
    programGraph(program(f, ...args), { derivatives: true })
      .edges.flatMap((e) => e.derivatives)
      .map((d) => `∂${d.of}/∂${d.by} = ${String(d.formula)}`)
  const [x, y] = [np.ones([2, 3]), np.ones([2, 3])]

  it.each<[F, string[]]>([
    [(x: NDArray) => np.sin(x), ['∂a/∂x = cos(x)']],
    [(x: NDArray) => np.exp(x), ['∂a/∂x = a']],
    [(x: NDArray) => np.log(x), ['∂a/∂x = 1 / x']],
    [(x: NDArray) => np.sqrt(x), ['∂a/∂x = 0.5 / a']],
    [(x: NDArray) => np.abs(x), ['∂a/∂x = (x ≥ 0) ? 1 : -1']],
    [(x: NDArray) => lax.integerPow(x, 3), ['∂a/∂x = x² · 3']],
    [(x: NDArray) => lax.integerPow(x, -1), ['∂a/∂x = x⁻² · -1']],
    [(x: NDArray, y: NDArray) => np.multiply(x, y), ['∂a/∂x = y', '∂a/∂y = x']],
    [(x: NDArray, y: NDArray) => np.divide(x, y), ['∂a/∂x = 1 / y', '∂a/∂y = -a / y']],
    [(x: NDArray, y: NDArray) => np.subtract(x, y), ['∂a/∂x = 1', '∂a/∂y = -1']],
    [(x: NDArray) => np.multiply(x, x), ['∂a/∂x = x + x']],
    [(x: NDArray, y: NDArray) => np.matmul(x, y.T), ['∂b/∂x = a', '∂a/∂y = 1', '∂b/∂a = x']],
    [(x: NDArray) => np.sum(x), ['∂a/∂x = 1']],
    [(x: NDArray) => np.floor(x), ['∂a/∂x = 0']],
    [(x: NDArray) => nn.relu(x), ['∂a/∂x = relu′']],
    [(x: NDArray) => np.sort(x), ['∂a/∂x = null']],
  ])('%s', (f, wanted) => {
    expect(formulas(f, x, y).toSorted()).toEqual(wanted.toSorted())
  })

  it('are of floats only', () => {
    expect(formulas((x: NDArray) => x.astype('int32').add(1), x)).toEqual([])
  })
})

describe('numbers', () => {
  it('stand at the arguments that are given', () => {
    const p = program((x: NDArray) => np.sin(x), np.zeros([2]))
    const { nodes, edges } = programGraph(p, { derivatives: true, at: [[0, 1]] })
    expect(nodes[1]!.value!.toArray()).toEqual([0, Math.fround(Math.sin(1))])
    expect(edges[0]!.derivatives[0]!.jacobian!.shape).toEqual([2, 2])
    expect(toMermaid(p, { derivatives: true, at: [[0, 1]] })).toContain('∂a/∂x = cos(x) = diag(1, 0.5403)')
  })

  it('are left out where they are many, and where there is no derivative', () => {
    const p = program((x: NDArray) => np.sin(x), np.zeros([200]))
    expect(programGraph(p, { derivatives: true, at: [np.zeros([200])] }).edges[0]!.derivatives[0]!.jacobian).toBeNull()
    const called = program(
      (x: NDArray) => pureCallback((y: NDArray) => y, new ShapeDtypeStruct([], 'float32'), x),
      np.array(1),
    )
    expect(programGraph(called, { derivatives: true, at: [1] }).edges[0]!.derivatives[0]!.jacobian).toBeNull()
  })

  it.each([[[]], [[np.zeros([3])]], [[np.zeros([2]), 1]]])('arguments that do not fit are refused', (at) => {
    const p = program((x: NDArray) => np.sin(x), np.zeros([2]))
    expect(() => toDot(p, { at })).toThrow(
      expect.objectContaining({ name: 'ArgumentError', message: expect.stringMatching(/toDot.*f32\[2\]/) as string }),
    )
  })

  it('no program is refused', () => {
    expect(() => toMermaid(5 as never)).toThrow(expect.objectContaining({ name: 'ArgumentError' }))
  })
})

describe('text', () => {
  const strange = 'end "quoted" [x] {y} <b> #1; & `c` \\d | -->\n%%'

  it('keeps to the syntax of Mermaid and of Graphviz', () => {
    fc.assert(
      fc.property(
        programs(),
        fc.constantFrom<GraphOptions['expand']>(false, true, 1),
        fc.boolean(),
        ({ program: p, inputs }, expand, derivatives) => {
          const options: GraphOptions = derivatives ? { expand: expand!, derivatives, at: inputs } : { expand: expand! }
          checkMermaid(toMermaid(p, options))
          checkDot(toDot(p, options))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('holds any name', () => {
    const p = program((q: Record<string, NDArray>) => namedScope(strange, () => np.sin(q[strange]!)), {
      [strange]: np.zeros([2]),
    })
    for (const expand of [false, true]) {
      checkMermaid(toMermaid(p, { expand, derivatives: true }))
      checkDot(toDot(p, { expand, derivatives: true }))
    }
  })
})

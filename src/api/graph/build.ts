/** The structure of a program's graph: nodes, open and closed boxes, and the edges between them. */
import type { Aval } from '../../core/aval.ts'
import { numberText } from '../../ir/elements.ts'
import type { Atom, Equation, Program, Scope, Source, Variable } from '../../ir/program.ts'
import { literalValue } from '../../transforms/apply.ts'
import { bindAll } from '../../trace/interpreter.ts'
import type { NDArray } from '../../trace/value.ts'
import { fromHost } from '../../trace/value.ts'
import type { GraphOptions, NodeKind } from './types.ts'

/** A value of the graph; it has an array if arguments are given. */
export interface Value {
  readonly node: Node
  /** Inputs are named by their paths among the arguments, other values that some node takes by letters. */
  name: string
  readonly aval: Aval
  readonly array: NDArray | null
  /** Its variable in the equations of its node; null for literals. */
  readonly variable: Variable | null
}

/** Values of the variables of one run of a program. */
type Run = Map<Variable, Value>

export interface Node {
  readonly id: string
  readonly kind: NodeKind
  readonly label: string
  readonly box: Box | null
  /** What it computes: one equation, or those of a closed box; empty for inputs, outputs and nodes that join results. */
  readonly equations: Equation[]
  readonly run: Run
  /** Values that it takes, each once. */
  readonly takes: Set<Value>
  /** Values that other nodes take. */
  readonly gives: Set<Value>
}

interface Box {
  readonly id: string
  readonly label: string
  readonly box: Box | null
  readonly depth: number
}

/** Where the equations of one scope go: an open box, or the node of a closed one. */
interface Place {
  readonly key: unknown
  readonly box: Box | null
  readonly closed: Node | null
}

interface Named {
  readonly key: unknown
  readonly name: string
}

/** The scopes around an equation, outermost first. Parsed programs only have their names. */
const scopesOf = (source: Source | undefined): readonly Named[] => {
  // The source of a program made by hand is not checked: only graphs and messages use it.
  if (typeof source !== 'object' || source === null || typeof source.scope !== 'string') return []
  if (source.within === undefined)
    return source.scope.split('/').flatMap((name) => (name === '' ? [] : [{ key: name, name }]))
  const scopes: Named[] = []
  for (let s: Scope | null | undefined = source.within; typeof s === 'object' && s !== null; s = s.outer)
    scopes.unshift({ key: s, name: s.name })
  return scopes
}

const commonLength = (a: readonly { readonly key: unknown }[], b: readonly { readonly key: unknown }[]): number => {
  let n = 0
  while (n < a.length && n < b.length && a[n]!.key === b[n]!.key) n++
  return n
}

const labelOf = ({ op, params }: Equation): string => {
  const shown = Object.entries(params).flatMap(([k, v]) => {
    if (k === 'name') return [String(v)]
    return typeof v === 'number' || (Array.isArray(v) && v.length > 0 && typeof v[0] !== 'object')
      ? [`${k}=${JSON.stringify(v)}`]
      : []
  })
  return [op, ...shown].join(' ')
}

/** For an equation that only applies a program: that program, and its name. */
const appliedBy = (eqn: Equation): { readonly name: string; readonly program: Program } | null =>
  eqn.op === 'call' || eqn.op === 'checkpoint' || eqn.op === 'customJvp' || eqn.op === 'customVjp' ? eqn.params : null

interface Part {
  readonly title: string
  readonly program: Program
  readonly operands: readonly Atom[]
}

/** The programs that an equation chooses from or repeats, and what they start with. */
const partsOf = (eqn: Equation): readonly Part[] => {
  const { inputs } = eqn
  switch (eqn.op) {
    case 'cond':
      return eqn.params.branches.map((program, i) => ({ title: `branch ${i}`, program, operands: inputs.slice(1) }))
    case 'scan':
      return [{ title: 'body', program: eqn.params.body, operands: inputs }]
    case 'while': {
      const { cond, body, condConsts, bodyConsts } = eqn.params
      const carry = inputs.slice(condConsts + bodyConsts)
      return [
        { title: 'condition', program: cond, operands: [...inputs.slice(0, condConsts), ...carry] },
        { title: 'body', program: body, operands: [...inputs.slice(condConsts, condConsts + bodyConsts), ...carry] },
      ]
    }
    case 'linearSolve':
    case 'root':
      return [{ title: 'solve', program: eqn.params.solve, operands: inputs }]
    default:
      return []
  }
}

/** Letters in order, except those already taken. */
const letters = (taken: ReadonlySet<string>): (() => string) => {
  let n = 0
  const next = (): string => {
    let name = ''
    for (let rest = n++; rest >= 0; rest = Math.floor(rest / 26) - 1)
      name = String.fromCharCode(97 + (rest % 26)) + name
    return taken.has(name) ? next() : name
  }
  return next
}

const valueOf = (node: Node, name: string, variable: Variable, array: NDArray | null): Value => ({
  node,
  name,
  aval: variable.aval,
  array,
  variable,
})

export class GraphBuilder {
  readonly nodes: Node[] = []
  readonly boxes: Box[] = []
  readonly #expand: NonNullable<GraphOptions['expand']>

  constructor(program: Program, expand: NonNullable<GraphOptions['expand']>, args: readonly NDArray[] | null) {
    this.#expand = expand
    const run: Run = new Map()
    program.inputs.forEach((v, i) => {
      const node = this.#node('input', v.place ?? `input ${i}`, null)
      run.set(v, valueOf(node, v.place ?? '', v, args === null ? null : args[i]!))
    })
    this.#program(program, run, null, [])
    program.outputs.forEach((a, i) => {
      this.#take(this.#node('output', `output ${i}`, null), this.#read(run, a, null))
    })
    const fresh = letters(new Set(program.inputs.flatMap((v) => v.place ?? [])))
    for (const { gives } of this.nodes) for (const value of gives) if (value.name === '') value.name = fresh()
  }

  #node(kind: NodeKind, label: string, box: Box | null, run: Run = new Map()): Node {
    const node = {
      id: `n${this.nodes.length}`,
      kind,
      label,
      box,
      equations: [],
      run,
      takes: new Set<Value>(),
      gives: new Set<Value>(),
    }
    this.nodes.push(node)
    return node
  }

  #box(label: string, box: Box | null): Box {
    const made = { id: `box${this.boxes.length}`, label, box, depth: box === null ? 1 : box.depth + 1 }
    this.boxes.push(made)
    return made
  }

  #isOpen(name: string, box: Box | null): boolean {
    if (typeof this.#expand === 'boolean') return this.#expand
    if (typeof this.#expand === 'number') return (box?.depth ?? 0) < this.#expand
    return this.#expand.includes(name)
  }

  /** The value of an atom; a literal gets a node of its own. */
  #read(run: Run, atom: Atom, box: Box | null): Value {
    if (!('value' in atom)) return run.get(atom)!
    const text = numberText(atom.value)
    const node = this.#node('literal', text, box)
    return { node, name: text, aval: atom.aval, array: literalValue(atom), variable: null }
  }

  /** An edge, unless the value is the node's own. */
  #take(node: Node, value: Value): void {
    if (value.node === node) return
    node.takes.add(value)
    value.node.gives.add(value)
  }

  /** Adds the equations of one run of a program, in a box; `enclosing` are the scopes that are open around it. */
  #program(program: Program, run: Run, box: Box | null, enclosing: readonly Named[]): void {
    for (const { variable, value } of program.constants) {
      const node = this.#node('constant', 'constant', box)
      run.set(variable, valueOf(node, '', variable, fromHost(value.aval, value.data)))
    }
    const places: Place[] = []
    for (const eqn of program.equations) {
      const scopes = scopesOf(eqn.source)
      const inner = scopes.slice(commonLength(scopes, enclosing))
      const { closed, box: at } = this.#place(places, inner, box, run)
      if (closed !== null) this.#compute(closed, eqn, run)
      else this.#equation(eqn, run, at, scopes)
    }
  }

  /** The place of an equation in these scopes; opens and leaves boxes. */
  #place(places: Place[], scopes: readonly Named[], box: Box | null, run: Run): Place {
    places.length = commonLength(places, scopes)
    let last = places.at(-1) ?? { key: null, box, closed: null }
    for (const { key, name } of scopes.slice(places.length)) {
      if (last.closed !== null) break
      last = this.#isOpen(name, last.box)
        ? { key, box: this.#box(name, last.box), closed: null }
        : { key, box: last.box, closed: this.#node('closed', name, last.box, run) }
      places.push(last)
    }
    return last
  }

  #equation(eqn: Equation, run: Run, box: Box | null, scopes: readonly Named[]): void {
    const applied = appliedBy(eqn)
    const parts = partsOf(eqn)
    if (applied !== null && this.#isOpen(applied.name, box)) this.#open(eqn, applied, run, box, scopes)
    else if (parts.length > 0 && this.#isOpen(eqn.op, box)) this.#join(eqn, parts, run, box, scopes)
    else {
      const kind = applied !== null || parts.length > 0 ? 'closed' : 'operation'
      this.#compute(this.#node(kind, applied?.name ?? labelOf(eqn), box, run), eqn, run)
    }
  }

  /** Adds an equation to those that a node computes. */
  #compute(node: Node, eqn: Equation, run: Run): void {
    const operands = eqn.inputs.map((a) => {
      // Literals of a closed box are inside it.
      const value = 'value' in a && node.kind === 'closed' ? null : this.#read(run, a, node.box)
      if (value !== null) this.#take(node, value)
      return 'value' in a ? literalValue(a) : value!.array
    })
    node.equations.push(eqn)
    const arrays = operands.every((x) => x !== null) ? bindAll(eqn.op, eqn.params, operands) : null
    eqn.outputs.forEach((v, i) => run.set(v, valueOf(node, '', v, arrays === null ? null : arrays[i]!)))
  }

  /** Shows the body of an equation instead of the equation itself. */
  #open(
    eqn: Equation,
    applied: { readonly name: string; readonly program: Program },
    run: Run,
    box: Box | null,
    scopes: readonly Named[],
  ): void {
    const { name, program } = applied
    const inner: Run = new Map(program.inputs.map((v, i) => [v, this.#read(run, eqn.inputs[i]!, box)]))
    const opened = this.#box(name, box)
    this.#program(program, inner, opened, scopes)
    eqn.outputs.forEach((v, i) => run.set(v, this.#read(inner, program.outputs[i]!, opened)))
  }

  /**
   * Programs of which one runs, or one runs many times: a box for each, and a node that has the results. Values differ from
   * step to step.
   */
  #join(eqn: Equation, parts: readonly Part[], run: Run, box: Box | null, scopes: readonly Named[]): void {
    const around = this.#box(labelOf(eqn), box)
    const results = parts.flatMap(({ title, program, operands }) => {
      const opened = this.#box(title, around)
      const inner: Run = new Map()
      program.inputs.forEach((v, i) => {
        const node = this.#node('input', `input ${i}`, opened)
        this.#take(node, this.#read(run, operands[i]!, box))
        inner.set(v, valueOf(node, '', v, null))
      })
      this.#program(program, inner, opened, scopes)
      return program.outputs.map((a) => this.#read(inner, a, opened))
    })
    const join = this.#node('operation', eqn.op, around, run)
    if (eqn.op === 'cond') this.#take(join, this.#read(run, eqn.inputs[0]!, box))
    for (const value of results) this.#take(join, value)
    for (const v of eqn.outputs) run.set(v, valueOf(join, '', v, null))
  }
}

import type { HostCallback } from '../ir/op.ts'
import type { Atom, Equation, Program, Variable } from '../ir/program.ts'
import { Literal, equation } from '../ir/program.ts'
import { isProgram } from '../ir/walk.ts'
import { primitiveOf } from '../primitives/all.ts'
import { hasEffect } from '../primitives/registry.ts'
import { rewrite, withInputs } from '../ir/rewrite.ts'

/** Numbers objects in the order in which they occur. */
const numbering = () => {
  const ids = new Map<object, number>()
  return (x: object): number => {
    const known = ids.get(x)
    if (known !== undefined) return known
    ids.set(x, ids.size)
    return ids.size - 1
  }
}

const isCallback = (x: unknown): x is HostCallback => typeof x === 'object' && x !== null && 'run' in x

const literalKey = ({ value, aval }: Literal): string => `${Object.is(value, -0) ? '-0' : String(value)}:${aval.key}`

type Checkpoint = Extract<Equation, { readonly op: 'checkpoint' }>

/**
 * A checkpoint that takes as inputs the results that its program would compute and that `find` already knows, on the same
 * values.
 */
const handed = (eqn: Checkpoint, find: (inner: Equation) => Equation | undefined): Equation => {
  const { program } = eqn.params
  const outside = new Map<Variable, Atom>(program.inputs.map((v, i) => [v, eqn.inputs[i]!]))
  const found: Variable[] = []
  const kept = program.equations.filter((inner) => {
    const inputs = inner.inputs.map((a) => (a instanceof Literal ? a : outside.get(a)))
    if (hasEffect(inner) || !inputs.every((a) => a !== undefined)) return true
    const known = find(withInputs(inner, inputs))
    inner.outputs.forEach((v, i) => known !== undefined && outside.set(v, known.outputs[i]!))
    if (known !== undefined) found.push(...inner.outputs)
    return known === undefined
  })
  if (found.length === 0) return eqn
  const params = { ...eqn.params, program: program.with({ inputs: [...program.inputs, ...found], equations: kept }) }
  return equation('checkpoint', params, [...eqn.inputs, ...found.map((v) => outside.get(v)!)], eqn.outputs, eqn.source)
}

/**
 * Keeps the first of equal equations: same operation, parameters and inputs. Programs inside equations are unchanged, except
 * for those of checkpoints that allow it.
 */
export const cse = (program: Program): Program => {
  const idOf = numbering()
  const atomKey = (a: Atom): string => (a instanceof Literal ? literalKey(a) : `v${idOf(a)}`)
  const keyOf = (eqn: Equation): string => {
    const inputs = eqn.inputs.map(atomKey)
    if (primitiveOf(eqn.op).facts.commutative === true) inputs.sort()
    const params = JSON.stringify(eqn.params, (_, v: unknown) => (isProgram(v) || isCallback(v) ? `#${idOf(v)}` : v))
    return `${eqn.op} ${params} ${inputs.join(' ')}`
  }
  const first = new Map<string, Equation>()
  const findBy = (key: string, eqn: Equation): Equation | undefined => {
    const known = first.get(key)
    return known?.outputs.every((v, i) => v.aval.equals(eqn.outputs[i]!.aval)) === true ? known : undefined
  }
  return rewrite(program, (r, given) => {
    const isOpen = given.op === 'checkpoint' && !given.params.preventCse
    const eqn = isOpen ? handed(given, (inner) => findBy(keyOf(inner), inner)) : given
    if (hasEffect(eqn)) {
      r.emit(eqn)
      return
    }
    const key = keyOf(eqn)
    const known = findBy(key, eqn)
    if (known === undefined) {
      first.set(key, eqn)
      r.emit(eqn)
      return
    }
    eqn.outputs.forEach((v, i) => {
      r.replace(v, known.outputs[i]!)
    })
  })
}

import type { HostCallback } from '../ir/op.ts'
import type { Atom, Equation, Program } from '../ir/program.ts'
import { Literal } from '../ir/program.ts'
import { isProgram } from '../ir/walk.ts'
import { hasEffect, primitiveOf } from '../primitives/registry.ts'
import { rewrite } from '../ir/rewrite.ts'

/** Numbers objects in the order in which they are met. */
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

/** Keeps the first of equal equations: same operation, parameters and inputs. */
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
  return rewrite(program, (r, eqn) => {
    if (hasEffect(eqn)) {
      r.emit(eqn)
      return
    }
    const key = keyOf(eqn)
    const known = first.get(key)
    const same = known?.outputs.every((v, i) => v.aval.equals(eqn.outputs[i]!.aval))
    if (known !== undefined && same === true) {
      eqn.outputs.forEach((v, i) => {
        r.replace(v, known.outputs[i]!)
      })
      return
    }
    first.set(key, eqn)
    r.emit(eqn)
  })
}

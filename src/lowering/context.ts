import type { Aval } from '../core/aval.ts'
import type { HostArray } from '../core/host.ts'
import type { Capabilities } from './analyse.ts'
import type { HomeOf, OperandFor } from './inPlace.ts'
import { Value } from './nodes.ts'

/** What all blocks of one program share. */
export class Context {
  readonly can: Capabilities
  readonly constants: { readonly value: Value; readonly data: HostArray }[] = []
  readonly #same = new Map<Value, Value>()
  #values = 0

  constructor(can: Capabilities) {
    this.can = can
  }

  value(aval: Aval): Value {
    return new Value(aval, this.#values++)
  }

  /** Whether a value lives where another one does. */
  isUnified(value: Value): boolean {
    return this.#same.has(value)
  }

  /** Says that a value lives where another one does. */
  readonly unify = (value: Value, home: Value): void => {
    this.#same.set(value, home)
  }

  readonly home: HomeOf = (value) => {
    let root = value
    for (let next = this.#same.get(root); next !== undefined; next = this.#same.get(root)) root = next
    return root
  }

  readonly operandFor: OperandFor = (step) => this.can.inPlace(step.equation)
}

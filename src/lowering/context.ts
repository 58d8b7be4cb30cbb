import type { Aval } from '../core/aval.ts'
import type { HostArray } from '../core/host.ts'
import type { Capabilities } from './analyse.ts'
import type { HomeOf, OperandFor } from './inPlace.ts'
import { Value } from './nodes.ts'

/** The shared state of all blocks of a program. */
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

  /** Whether a value shares the memory of another one. */
  isUnified(value: Value): boolean {
    return this.#same.has(value)
  }

  /** Lets a value share the memory of another one. */
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

/**
 * What is still alive, in mid-job. Finalisers and WeakRefs tell it in the host's next turn only; a loop that never pauses has none.
 * Node tells at once: `util.inspect` with `showHidden` goes through what is left of a WeakSet (it is documented to), and a collection of
 * the youngest objects, for less than a millisecond however large the heap is, takes from it what nobody can reach.
 */
import { nodeModule } from './platform.ts'

const inspectSymbol = Symbol.for('nodejs.util.inspect.custom')

/** Stands in the text for each object that was found. */
const MARK = '*'
let found = 0

/** What can be looked for. */
export abstract class Findable {
  /** Called when it is found: somebody can reach it. */
  abstract wasFound(): void

  [inspectSymbol](): string {
    found++
    this.wasFound()
    return MARK
  }
}

/** Which objects are to be collected: those made lately, or all, which takes as long as the heap is large. */
export type Generation = 'young' | 'all'

/**
 * Collects, and tells each object that is left in the set. Says whether all were told: if not, those that were not need not be dead.
 */
type Find = (among: WeakSet<Findable>, generation: Generation) => boolean

type Gc = (options?: { readonly type: 'minor' }) => void

/** Node's function to collect: there if Node was started with `--expose-gc`, and in contexts that are made while it is set. */
const gcOfNode = (): Gc | null => {
  const { gc } = globalThis as { readonly gc?: Gc }
  if (gc !== undefined) return gc
  const [v8, vm] = [nodeModule('node:v8'), nodeModule('node:vm')]
  if (v8 === undefined || vm === undefined) return null
  v8.setFlagsFromString('--expose-gc')
  try {
    return vm.runInNewContext('gc') as Gc
  } finally {
    v8.setFlagsFromString('--no-expose-gc')
  }
}

/** Lies in every set: if even this one is not found, nothing was told. */
class Witness extends Findable {
  isFound = false

  wasFound(): void {
    this.isFound = true
  }
}

const everything = { showHidden: true, customInspect: true, maxArrayLength: Infinity, breakLength: Infinity } as const

const make = (): Find | null => {
  const inspect = nodeModule('node:util')?.inspect
  const gc = inspect === undefined ? null : gcOfNode()
  if (inspect === undefined || gc === null) return null
  const find: Find = (among, generation) => {
    const witness = new Witness()
    among.add(witness)
    if (generation === 'young') gc({ type: 'minor' })
    else gc()
    found = 0
    // Where the stack ends in mid-way, a text without marks says so.
    const marks = inspect(among, everything).split(MARK).length - 1
    return witness.isFound && marks === found
  }
  return find(new WeakSet(), 'young') ? find : null
}

let known: Find | null | undefined

/** Null where the platform does not tell. */
export const finder = (): Find | null => {
  if (known !== undefined) return known
  try {
    known = make()
  } catch {
    known = null
  }
  return known
}

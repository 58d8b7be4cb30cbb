/**
 * Finds live objects within a turn. Finalisers and WeakRefs are updated only in the host's next turn, which a loop that never
 * pauses does not reach. Node can tell at once: `util.inspect` with `showHidden` lists the remaining members of a WeakSet (as
 * documented), and a collection of the youngest objects, which takes less than a millisecond for any heap, removes unreachable
 * ones from it.
 */
import { nodeModule } from './platform.ts'

const inspectSymbol = Symbol.for('nodejs.util.inspect.custom')

/** The mark in the text for each object found. */
const MARK = '*'
let found = 0

/** An object that can be searched for. */
export abstract class Findable {
  /** Called when it is found, and so reachable. */
  abstract wasFound(): void

  [inspectSymbol](): string {
    found++
    this.wasFound()
    return MARK
  }
}

/** Which objects to collect: recent ones, or all, which takes time in proportion to the heap. */
export type Generation = 'young' | 'all'

/**
 * Collects, and notifies each object that remains in the set. Returns whether all were notified: if not, the others need not be
 * dead.
 */
type Find = (among: WeakSet<Findable>, generation: Generation) => boolean

type Gc = (options?: { readonly type: 'minor' }) => void

/**
 * Node's function to collect: it exists if Node was started with `--expose-gc`, and in contexts that are made while that is
 * set.
 */
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

/** Is in every set: if even this one is not found, the search failed. */
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
    // If the stack overflows, a text without marks shows it.
    const marks = inspect(among, everything).split(MARK).length - 1
    return witness.isFound && marks === found
  }
  return find(new WeakSet(), 'young') ? find : null
}

let known: Find | null | undefined

/** Null where the platform cannot tell. */
export const finder = (): Find | null => {
  if (known !== undefined) return known
  try {
    known = make()
  } catch {
    known = null
  }
  return known
}

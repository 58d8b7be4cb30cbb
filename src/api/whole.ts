/** Programs of the library's long functions, one for each combination of argument types: see `runtime/whole.ts`. */
import { LruMap } from '../core/lru.ts'
import type { Program } from '../ir/program.ts'
import { call } from '../ops/calls.ts'
import { optimize } from '../passes/pipeline.ts'
import type { RunWhole } from '../runtime/whole.ts'
import { stage } from '../transforms/stage.ts'

const programs = new LruMap<string, Program>(512)

export const runWhole: RunWhole = (name, key, f, arrays) => {
  const avals = arrays.map((x) => x.aval)
  const full = `${key} ${avals.map((a) => a.key).join()}`
  const known = programs.get(full)
  const program = known ?? optimize(stage(name, (xs) => [f(xs)], avals).program)
  if (known === undefined) programs.set(full, program)
  return call(program, name, arrays)[0]!
}

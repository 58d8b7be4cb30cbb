/** Reports what a back end does not support before compiling. */
import type { DType } from '../core/dtype.ts'
import { dtypes } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import type { Program } from '../ir/program.ts'
import { subprograms } from '../ir/walk.ts'
import type { Backend } from './backend.ts'

const dtypesOf = (program: Program): ReadonlySet<DType> =>
  program.derive('dtypes', () => {
    const found = new Set(program.inputs.map((v) => v.aval.dtype))
    for (const { variable } of program.constants) found.add(variable.aval.dtype)
    for (const eqn of program.equations) {
      for (const { aval } of [...eqn.inputs, ...eqn.outputs]) found.add(aval.dtype)
      for (const [, inner] of subprograms(eqn)) for (const dtype of dtypesOf(inner)) found.add(dtype)
    }
    return found
  })

/** @throws DTypeError for a program with a dtype that the back end does not have. */
export const requireDTypes = (
  backend: Pick<Backend, 'name' | 'capabilities'>,
  program: Program,
  operation: string,
): void => {
  const { capabilities } = backend
  if (capabilities.dtypes.length === dtypes.length) return
  const missing = [...dtypesOf(program)].find((dtype) => !capabilities.dtypes.includes(dtype))
  if (missing === undefined) return
  throw new DTypeError(
    `${operation}: the device '${backend.name}' does not compute with ${missing}. It has ${capabilities.dtypes.join(', ')}: ` +
      "convert with np.astype, or run this on another device, withDevice('interpreter', f).",
  )
}

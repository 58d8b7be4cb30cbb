/** Back ends of every kind: what one can do decides how programs are lowered, and must not decide what they mean. */
import * as fc from 'fast-check'
import { operations } from 'pullback/testing'
import type { Capabilities } from '../../../src/lowering/analyse.ts'
import { legalise } from '../../../src/backends/wasm/legalise.ts'
import { inlineCalls } from '../../../src/ir/inline.ts'
import type { Equation } from '../../../src/ir/program.ts'
import { primitiveOf } from '../../../src/primitives/all.ts'

const isFold = (eqn: Equation): boolean => primitiveOf(eqn.op).facts.fold !== undefined

/** One that loops over whatever can be looped over, has a routine for all the rest, reads no views and writes nothing in place. */
export const plain: Capabilities = {
  legalise: (program) => program,
  canLoop: () => true,
  canFold: isFold,
  hasRoutine: () => true,
  takesViews: () => false,
  inPlace: () => null,
}

/** The first operand that has the type of the first result. */
const likeTheResult = ({ inputs, outputs }: Equation): number | null => {
  const place = inputs.findIndex((a) => a.aval.matches(outputs[0]!.aval))
  return place < 0 ? null : place
}

/** Whether a capability extends to an operation: to all, to none, or to those that the seed picks. */
const picked = (share: 'all' | 'none' | number) => (eqn: Equation) =>
  typeof share === 'string' ? share === 'all' : (operations.indexOf(eqn.op) * 7919 + share) % 100 < 67

const share = fc.oneof(fc.constant('all' as const), fc.nat(99), fc.constant('none' as const))

/** Any of them. */
export const capabilities: fc.Arbitrary<Capabilities> = fc
  .record({
    legalise: fc.constantFrom(inlineCalls, legalise, plain.legalise),
    canLoop: share,
    canFold: share,
    hasRoutine: share,
    takesViews: share,
    inPlace: share,
  })
  .map((shares) => {
    const [canFold, inPlace] = [picked(shares.canFold), picked(shares.inPlace)]
    const can: Capabilities = {
      legalise: shares.legalise,
      canLoop: picked(shares.canLoop),
      canFold: (eqn) => isFold(eqn) && canFold(eqn),
      hasRoutine: picked(shares.hasRoutine),
      takesViews: picked(shares.takesViews),
      inPlace: (eqn) => (inPlace(eqn) ? likeTheResult(eqn) : null),
    }
    const show = (): string => JSON.stringify({ ...shares, legalise: shares.legalise.name })
    return Object.assign(can, { [fc.toStringMethod]: show })
  })

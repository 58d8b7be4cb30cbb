/**
 * Every function that the entries export, called with arguments that nobody should write: it gives results whose elements are as
 * many as their shapes say, or throws one of the library's named errors, whose message begins with the name of an operation. So do
 * methods of arrays, layers' `init` and `apply`, optimizers' `init` and `update`, and whatever functions come out of calls.
 * `PULLBACK_WILD=200000` makes as many calls.
 */
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Subject } from './support/wildCalls.ts'
import { entries, exceptions, exclusions, faultsOf, subjects } from './support/wildCalls.ts'

const CALLS = Number(process.env['PULLBACK_WILD'] ?? 20_000)

const seedOf = (name: string): number => {
  const { seed = 1 } = fc.readConfigureGlobal()
  return Array.from(name).reduce((hash, c) => (Math.imul(hash, 31) + c.charCodeAt(0)) | 0, seed)
}

/** Prints nothing, as some of these functions would. */
const methodsOfConsole = ['log', 'warn', 'info', 'error'] as const

describe('wild calls', () => {
  beforeAll(() => {
    for (const method of methodsOfConsole) vi.spyOn(console, method).mockReturnValue(undefined)
  })
  afterAll(() => {
    vi.restoreAllMocks()
  })

  const each = Math.max(2, Math.ceil(CALLS / subjects.length))
  const groups = new Map<string, Subject[]>()
  for (const subject of subjects) groups.set(subject.group, [...(groups.get(subject.group) ?? []), subject])

  it.each([...groups])(
    'of %s',
    async (_, members) => {
      const faults: string[] = []
      for (const subject of members) faults.push(...(await faultsOf(subject, each, seedOf(subject.name))))
      expect(faults.slice(0, 20)).toEqual([])
    },
    10 * 60_000 + CALLS * 20,
  )

  const called = new Set(subjects.map((s) => s.name))

  it('reach all that is exported, and all layers and optimizers', () => {
    for (const name of ['np.linalg.norm', 'lax.scan', 'nn.linear', 'optim.adam', 'tree.map', 'random.split', 'grad', 'x.sum', 'at(...).set', 'testing.checkGrads', 'testing.primitiveLaws.jitAgrees', 'debug.print', 'checkpointPolicies.saveFromBothPolicies', 'io.openTensors', 'nn.gruCell.apply', 'optim.multiTransform.update', 'optim.injectHyperparams.update', 'optim.lamb.init']) expect(called).toContain(name) // prettier-ignore
    expect(subjects.length).toBeGreaterThan(900)
  })

  it('reach every entry of the package', () => {
    const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      exports: object
    }
    expect(Object.keys(exports).filter((entry) => !Object.hasOwn(entries, entry) && !Object.hasOwn(exclusions, entry))).toEqual([]) // prettier-ignore
    expect(Object.keys(exceptions).filter((name) => !called.has(name))).toEqual([])
  })
})

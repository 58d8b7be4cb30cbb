/**
 * Every public name has a doc comment; every transformation, and every function of `np`, `tree`, `random`, `debug` and
 * `pullback/testing`, an example.
 */
import type { PublicName } from './support/publicNames.ts'
import { publicNames } from './support/publicNames.ts'

/** In these a formula, or the name of what JAX or optax calls so, may say more than an example. */
const formulas: readonly string[] = ['lax', 'nn', 'optim']

const needsExample = ({ kind, namespaces: [first], entry }: PublicName): boolean => {
  if (kind !== 'function') return false
  return entry === 'testing' || (entry === 'pullback' && (first === undefined || !formulas.includes(first)))
}

const names = publicNames()
const undocumented = names.filter((n) => !n.isDocumented)
const withoutExample = names.filter((n) => needsExample(n) && !n.hasExample)

for (const { name } of undocumented) console.error(`${name} has no doc comment`)
for (const { name } of withoutExample) console.error(`${name} has no example`)
console.log(
  `docs: ${names.length} public names, ${undocumented.length} without a doc comment, ` +
    `${withoutExample.length} without an example that they need`,
)
process.exitCode = undocumented.length + withoutExample.length === 0 ? 0 : 1

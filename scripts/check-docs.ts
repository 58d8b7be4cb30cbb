/** Every public name has a doc comment; every function that `pullback` itself exports, all transformations among them, an example. */
import type { PublicName } from './support/publicNames.ts'
import { publicNames } from './support/publicNames.ts'

/** In namespaces a formula may say more: their functions are NumPy's, JAX's and optax's. */
const needsExample = ({ kind, namespaces, entry }: PublicName): boolean =>
  kind === 'function' && entry === 'pullback' && namespaces.length === 0

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

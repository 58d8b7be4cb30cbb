/** Every public name has a doc comment, and every function an example. */
import { publicNames } from './support/publicNames.ts'

const names = publicNames()
const undocumented = names.filter((n) => !n.isDocumented)
const withoutExample = names.filter((n) => n.kind === 'function' && !n.hasExample)

for (const { name } of undocumented) console.error(`${name} has no doc comment`)
for (const { name } of withoutExample) console.error(`${name} has no example`)
console.log(
  `docs: ${names.length} public names, ${undocumented.length} without a doc comment, ` +
    `${withoutExample.length} functions without an example`,
)
process.exitCode = undocumented.length + withoutExample.length === 0 ? 0 : 1

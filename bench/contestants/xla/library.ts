/** Pullback's programs on XLA, by the PJRT plugin that `pullback/xla` finds. */
import { withDevice } from 'pullback'
import { xla } from 'pullback/xla'
import type { Family } from '../../tasks/families.ts'
import type { Work, Works } from '../../tasks/row.ts'
import type { Library } from '../library.ts'
import { library as pullback } from '../pullback/library.ts'

const onXla = (work: Work): Work => {
  const { run, values } = work
  return {
    run: () => withDevice('xla', run),
    ...(values === undefined ? {} : { values: () => withDevice('xla', values) }),
  }
}

const allOnXla = (works: Works<string>): Works<string> =>
  Object.fromEntries(
    Object.entries(works).map(([row, make]) => [
      row,
      make === undefined ? make : () => withDevice('xla', () => onXla(make())),
    ]),
  )

export const library: Library = {
  setUp: async () => {
    const opened = await xla()()
    if (opened._tag === 'Left') throw new Error(opened.left.message)
  },
  families: Object.fromEntries(
    (Object.entries(pullback.families) as [Family, () => Promise<Works<string>>][]).map(([family, load]) => [
      family,
      async () => allOnXla(await load()),
    ]),
  ),
}

/** What is measured: a task is prepared once, and its run is timed. */

/** A task that is ready: one run of it, and into how many equal parts a run falls. */
export interface Ready {
  readonly run: () => unknown
  readonly parts?: number
}

export type Task = () => Promise<Ready>

interface Left {
  readonly _tag: 'Left'
  readonly left: { readonly message: string }
}

/** What a reading gives, or its error thrown. */
export const right = <A>(result: Left | { readonly _tag: 'Right'; readonly right: A }): A => {
  if (result._tag === 'Right') return result.right
  throw new Error(result.left.message)
}

/** An optimizer that goes on from the state that it left. */
export const folded = <S>(
  step: (state: S) => readonly [next: S, shown: { readonly dataSync: () => unknown }],
  first: S,
) => {
  let state = first
  return (): unknown => {
    const [next, shown] = step(state)
    state = next
    return shown.dataSync()
  }
}

import { HandNetwork } from '../loops.ts'
import type { Task, Work, Works } from '../tasks.ts'
import { eight, makeData, measures } from '../tasks.ts'

const step = (task: Task): Work => {
  const data = makeData(task)
  const network = new HandNetwork(...task.sizes, data.weights)
  return { run: () => network.step(data.x, data.y, task.batch, task.classes) }
}

const timesTwoPlusOne = (): Float32Array => {
  const out = new Float32Array(8)
  for (let i = 0; i < 8; i++) out[i] = eight[i]! * 2 + 1
  return out
}

export const works: Works = {
  dispatch: () => ({ per: 2, run: timesTwoPlusOne }),
  grad: () => ({ run: () => Math.cos(0.7 * 0.7) * 1.4 }),
  simpleNetwork: () => step(measures.simpleNetwork.task),
  digits: () => step(measures.digits.task),
}

/** What is measured of real models. */
import { decoderTasks } from './decoder.ts'
import { encoderTasks } from './encoder.ts'
import type { Task } from './task.ts'

/** By name. */
export const tasks: { readonly [name: string]: Task } = { ...encoderTasks, ...decoderTasks }
